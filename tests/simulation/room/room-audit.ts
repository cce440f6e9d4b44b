/** What must be well at the end of a run of a room: long after the last fault, and before anybody leaves. */

import type { AccessPolicy } from "../../../core/access/access-policy.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { rankOfRoles } from "../../../core/room/permissions.ts";
import type { RoomSummary } from "../../../core/room/room-summary.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import type { MediaWorld } from "../media/media-world.ts";
import type { Crowd } from "./crowd.ts";
import type { Person } from "./person.ts";
import { findReplayFaults } from "./replay-audit.ts";
import type { RoomChecker } from "./room-checker.ts";
import { findModeViolations } from "./room-modes-audit.ts";

/** Program time in one call. */
const WINDOW_MS = 60_000;
/** Clocks may have been off by this. */
const SLACK_MS = 400_000;
/** Chat beyond this in a window may be left out of what is displayed. */
const DISPLAYED_EVENTS = { usual: 55, small: 2 } as const;
const DISPLAYED_WINDOW_MS = 2_000;

/** A moved viewer is counted again within this, and moves end after so many times. */
const MOVED_MS = 5_000;
const MOST_MOVED_WAITS = 10;

/** What is audited. */
export interface RoomAuditOptions {
  readonly world: MediaWorld;
  readonly stream: string;
  readonly roomName: string;
  readonly crowd: Crowd;
  readonly checker: RoomChecker;
  readonly startMs: number;
  /** Subjects that the room bans. */
  readonly banned: ReadonlySet<string>;
  /** Subjects of whom nobody knows whether they are banned. */
  readonly unsure: ReadonlySet<string>;
  /** Nobody without a token may read. */
  readonly needsTokens: boolean;
  /** Viewers who played without a socket. */
  readonly beaconViewers: number;
  /** Nothing was disturbed: sums are exact. */
  readonly isStrict: boolean;
  /** Little is displayed, and few kinds of reactions are counted. */
  readonly hasSmallLimits: boolean;
}

/** The room's calls that an audit makes. */
interface AuditedRoom {
  replay(fromMs: number, toMs: number): Promise<RoomEvent[]>;
  summary(): Promise<RoomSummary>;
}

/** The audit of one run. */
export class RoomAudit {
  readonly #options: RoomAuditOptions;
  readonly #process: SimulatedProcess;

  constructor(options: RoomAuditOptions) {
    this.#options = options;
    this.#process = new SimulatedProcess(options.world.simulation, "auditor@weur/FRA", 1);
  }

  /** Looks at everything. */
  async run(): Promise<void> {
    const events = await this.#readHistory();
    this.#checkHistory(events);
    this.#checkSanctions(events);
    this.#checkPages(events);
    const wasApproved = (text: string): boolean => this.#options.checker.reviews.wasApproved(text);
    for (const violation of findModeViolations(events, wasApproved)) this.#fail("modes", violation);
    const { world, stream, needsTokens } = this.#options;
    for (const fault of await findReplayFaults(world, stream, events, needsTokens)) this.#fail("replay", fault);
    await this.#checkRevocations();
    await this.#checkCounts();
  }

  /** The room is empty: nothing is counted any more. */
  async checkEmpty(): Promise<void> {
    const { counts } = await this.#room.summary();
    if (counts.watching > 0) this.#fail("idle", `${counts.watching} viewers are counted in an empty room`);
  }

  get #room(): AuditedRoom {
    const { world, roomName } = this.#options;
    const namespace = world.objects.namespace("ROOM", this.#process) as { getByName(name: string): AuditedRoom };
    return namespace.getByName(roomName);
  }

  #fail(checker: string, message: string): void {
    this.#options.world.simulation.fail(checker, message);
  }

  async #readHistory(): Promise<RoomEvent[]> {
    const { startMs, world } = this.#options;
    const endMs = world.simulation.clock.nowMs() + SLACK_MS;
    const events: RoomEvent[] = [];
    for (let fromMs = startMs - SLACK_MS; fromMs < endMs; fromMs += WINDOW_MS) {
      events.push(...(await this.#room.replay(fromMs, fromMs + WINDOW_MS)));
    }
    return events.sort((a, b) => a.offset - b.offset);
  }

  #checkHistory(events: readonly RoomEvent[]): void {
    const { ledger, storedHead } = this.#options.checker;
    for (const [index, event] of events.entries()) {
      if (event.offset !== index + 1) this.#fail("history", `the room has no event ${index + 1} of ${events.length}`);
      ledger.see(event, "the room's history");
      if (event.kind !== "chat") continue;
      if (event.gone === true) this.#checkBlank(event.offset);
      if (event.gone === true) continue;
      const removal = ledger.removalOf(event.offset, event.by.subject, Number.POSITIVE_INFINITY);
      if (removal !== null)
        this.#fail("removal", `the history has "${event.text}", which offset ${removal.offset} removes`);
    }
    if (events.length !== storedHead) this.#fail("history", `the room has ${events.length} events up to ${storedHead}`);
    for (const offset of ledger.acknowledged) {
      if (offset > events.length)
        this.#fail("durability", `event ${offset} was acknowledged and is not in the history`);
    }
  }

  /** A message of the history without its text was removed, or its author erased. */
  #checkBlank(offset: number): void {
    const { ledger } = this.#options.checker;
    const author = ledger.subjectAt(offset);
    if (author === null || ledger.erased.has(author)) return;
    if (ledger.removalOf(offset, author, Number.POSITIVE_INFINITY) === null)
      this.#fail("keys", `the text at offset ${offset} of ${author} is gone, and nothing has removed it`);
  }

  /** The stream's Live object knows whom the room bans. */
  async #checkRevocations(): Promise<void> {
    const { world, stream, banned, unsure, checker } = this.#options;
    const response = await world.administer({ method: "GET", path: `/api/streams/${stream}/access` });
    const { revocations } = (await response.json()) as Pick<AccessPolicy, "revocations">;
    const known = new Set(revocations.flatMap(({ by, subject }) => (by === "ban" ? [subject] : [])));
    for (const subject of banned) {
      if (!known.has(subject) && !unsure.has(subject) && !checker.ledger.erased.has(subject))
        this.#fail("revocation", `${subject} is banned in the room, and the Live object does not know it`);
    }
    for (const subject of known) {
      if (!banned.has(subject) && !unsure.has(subject) && !checker.ledger.erased.has(subject))
        this.#fail("revocation", `${subject} is not banned in the room, and the Live object says so`);
    }
  }

  /** After a ban, or during a timeout, its subject has written nothing. */
  #checkSanctions(events: readonly RoomEvent[]): void {
    const banned = new Map<string, number>();
    const timedOut = new Map<string, { readonly untilMs: number; readonly offset: number }>();
    for (const event of events) {
      // What was over stays over where the room's clock is set back.
      for (const [subject, { untilMs }] of timedOut) if (event.atMs >= untilMs) timedOut.delete(subject);
      // Of erased people it is not known who they were.
      if (event.kind === "ban" && event.subject === "") continue;
      if (event.kind === "ban") banned.set(event.subject, event.offset);
      else if (event.kind === "timeout" && event.subject !== "")
        timedOut.set(event.subject, { untilMs: event.untilMs, offset: event.offset });
      else if (event.kind === "unban") {
        banned.delete(event.subject);
        timedOut.delete(event.subject);
      } else if (event.kind === "chat" && !this.#isDecided(event)) {
        const { subject, roles } = event.by;
        // Who sanctions staff while they are away may have no rank over them once they are back.
        if (rankOfRoles(roles) !== "viewer") continue;
        const since = banned.get(subject);
        if (since !== undefined)
          this.#fail("ban", `${subject} wrote at offset ${event.offset}, and was banned at ${since}`);
        const timeout = timedOut.get(subject);
        if (timeout !== undefined)
          this.#fail("timeout", `${subject} wrote at offset ${event.offset}, in the timeout of ${timeout.offset}`);
      }
    }
  }

  /** Whether a moderator let a message through, or nobody knows any more what it said. */
  #isDecided({ offset, text, gone }: Extract<RoomEvent, { readonly kind: "chat" }>): boolean {
    const { ledger, reviews } = this.#options.checker;
    const said = gone === true ? ledger.textAt(offset) : text;
    return said === null || reviews.wasApproved(said);
  }

  #checkPages(events: readonly RoomEvent[]): void {
    const { crowd, checker, unsure } = this.#options;
    const head = events.length;
    const isBusy = hasBusyMoment(
      events,
      this.#options.hasSmallLimits ? DISPLAYED_EVENTS.small : DISPLAYED_EVENTS.usual,
    );
    for (const person of crowd.present) {
      const { page } = person;
      if (page === null || person.forbiddenSinceMs !== null || !page.isReading) continue;
      if (unsure.has(person.profile.subject ?? "")) continue;
      const who = page.options.process.name;
      if (page.hasStopped) this.#fail("recovery", `${who} (${person.name}) does not come back: ${person.lastStop}`);
      else if (!page.isWelcomed) this.#fail("recovery", `${who} (${person.name}) is not connected`);
      else if (page.position !== head) this.#fail("recovery", `${who} is at offset ${page.position} of ${head}`);
      const { omitted } = page.timeline;
      if (omitted !== 0 && !isBusy) this.#fail("omission", `${who} was not shown ${omitted} events of a quiet room`);
      for (const { content } of page.view.timeline.entries) {
        if (content.kind !== "chat" || content.gone === true) continue;
        const removal = checker.ledger.removalOf(content.offset, content.by.subject, head);
        if (removal !== null)
          this.#fail("removal", `${who} shows "${content.text}", which offset ${removal.offset} removes`);
      }
    }
  }

  async #checkCounts(): Promise<void> {
    const { checker, crowd, isStrict, world } = this.#options;
    // Who was moved is in no report of the new shard yet: it passes shards, relays and the room, a tick each.
    for (let waits = 0; waits < MOST_MOVED_WAITS && world.simulation.nowMs - checker.movedMs < MOVED_MS; waits += 1)
      await world.simulation.sleep(MOVED_MS);
    const isCounted = ({ page, profile, forbiddenSinceMs }: Person): boolean =>
      page?.isWelcomed === true && profile.plays && forbiddenSinceMs === null;
    const playing = crowd.people.filter(isCounted).length;
    const { counts, uncounted } = await this.#room.summary();
    // Whose proof of playback got lost plays uncounted until the next connection, and the room says how many those are.
    const counted = playing - (isStrict ? 0 : uncounted);
    if (counts.watching !== counted)
      this.#fail("counts", `${counts.watching} viewers are counted, and ${counted} of ${playing} play with a proof`);
    if (counts.peak < counted) this.#fail("counts", `the peak is ${counts.peak}, and ${playing} play`);
    // An attacker says that it plays, whatever it came for.
    const mayPlay = ({ profile, isAttacker }: Person): boolean =>
      (profile.plays || isAttacker) && profile.standing === "may read";
    const pages = crowd.people.filter(mayPlay).length;
    const players = pages + this.#options.beaconViewers;
    // Shards report at different times: who is moved is in the reports of both for a moment.
    if (isStrict && counts.peak > players + checker.moves)
      this.#fail("counts", `the peak is ${counts.peak}, and no more than ${players} have ever played`);
    const likes = crowd.people.reduce((sum, person) => sum + person.likes, 0);
    const taps = counts.likes + Object.values(counts.reactions).reduce((sum, each) => sum + each, 0);
    const sure = crowd.people.reduce(
      (sum, { profile, isUnrestricted, sureLikes }) =>
        sum + (isUnrestricted && profile.standing === "may read" ? sureLikes : 0),
      0,
    );
    if (taps > likes || (isStrict && taps < sure))
      this.#fail("counts", `${taps} likes and reactions are counted, and ${likes} were given`);
    for (const { page, forbiddenSinceMs } of crowd.present) {
      if (page?.isWelcomed !== true || forbiddenSinceMs !== null || !page.isReading) continue;
      const { watching } = page.counts;
      if (watching !== counted)
        this.#fail("counts", `${page.options.process.name} shows ${watching} viewers, and ${counted} are counted`);
    }
  }
}

function hasBusyMoment(events: readonly RoomEvent[], displayed: number): boolean {
  const times = events.flatMap(({ kind, atMs }) => (kind === "chat" ? [atMs] : [])).sort((a, b) => a - b);
  return times.some(
    (atMs, index) => atMs - (times[index - displayed] ?? Number.NEGATIVE_INFINITY) < DISPLAYED_WINDOW_MS,
  );
}
