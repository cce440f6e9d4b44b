/** What must hold of a room, looked at with every frame, delivery and acknowledgement. */
import type { EventDelivery } from "../../../core/room/client/event-inbox.ts";
import type { Command } from "../../../core/room/commands/index.ts";
import { mayRemoveMessage, maySanction, type Rank, rankOfRoles } from "../../../core/room/permissions.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { SOCKET_CLOSES } from "../../../core/room/socket-closes.ts";
import { FORBIDDEN_ID_PREFIX } from "../attack/room-attacker.ts";
import type { HostedObject } from "../kernel/durable-objects.ts";
import type { Simulation } from "../kernel/simulation.ts";
import type { ChatPage, PageObserver } from "./chat-page.ts";
import type { Person } from "./person.ts";
import { ReviewLedger } from "./review-ledger.ts";
import { RoomLedger } from "./room-ledger.ts";

/**
 * Time from an acknowledgement until nothing of the room may reach whoever it forbids. Where nothing is wrong: two ticks, and
 * what was under way. With faults: a partition, and what is repeated after it.
 */
const REACH_MS = 3_000;
const REACH_WITH_FAULTS_MS = 20_000;

const isStaffRank = (rank: Rank): boolean => rank !== "viewer";

/** The checkers of one room. */
export class RoomChecker implements PageObserver {
  readonly ledger: RoomLedger;
  readonly reviews: ReviewLedger = new ReviewLedger();
  readonly #simulation: Simulation;
  readonly #people = new Map<ChatPage, Person>();
  readonly #bySubject = new Map<string, Person>();
  readonly #room: () => HostedObject;
  #isFaulty = false;
  /** The room records few staff tokens, and forgets the rank of whoever comes beyond them. */
  mayForgetStaff = false;
  /** Since when the stream is stopped. */
  stoppedSinceMs: number | null = null;
  /** Whose data was erased, and when that was answered. */
  readonly #erasures: { readonly person: Person; readonly sinceMs: number }[] = [];
  frames = 0;
  commands = 0;
  refused = 0;
  /** Connections that the room moved to another shard, and when the last one was. */
  moves = 0;
  movedMs: number = Number.NEGATIVE_INFINITY;

  constructor(simulation: Simulation, room: () => HostedObject) {
    this.#simulation = simulation;
    this.#room = room;
    this.ledger = new RoomLedger((checker, message) => simulation.fail(checker, message), this.reviews);
  }

  /** Faults have begun. */
  allowFaults(): void {
    this.#isFaulty = true;
  }

  /** The offset up to which the room has stored events. */
  get storedHead(): number {
    return readStoredHead(this.#room());
  }

  #personOf(page: ChatPage): Person | null {
    return this.#people.get(page) ?? null;
  }

  /** Somebody has opened a page. */
  opened(person: Person): void {
    if (person.page !== null) this.#people.set(person.page, person);
    if (person.profile.subject !== null) this.#bySubject.set(person.profile.subject, person);
  }

  /** Everything about a person is erased, as the operator was told. */
  noteErasure(person: Person): void {
    this.#erasures.push({ person, sinceMs: this.#simulation.nowMs });
  }

  welcomed(page: ChatPage, epoch: string, to: number): void {
    this.ledger.seeEpoch(epoch, to, page.options.process.name);
  }

  frame(page: ChatPage, text: string): void {
    this.frames += 1;
    const { name } = page.options.process;
    const person = this.#personOf(page);
    if (person === null) return;
    const { nowMs } = this.#simulation;
    const sinceMs = this.#forbiddenSinceMs(person);
    const reachMs = person.profile.standing === "may read" ? this.#reachMs : 0;
    if (sinceMs !== null && nowMs > sinceMs + reachMs && !/^\{"type":"ack".*"ok":false/.test(text))
      this.#simulation.fail(
        "access",
        `${name} got ${text.slice(0, 120)} ${nowMs - sinceMs} ms after it lost the right`,
      );
    if (person.isAttacker && text.startsWith('{"type":"ack"') && text.includes('"held":')) this.#noteHeld(person, text);
    if (text.startsWith(`{"type":"ack","id":"${FORBIDDEN_ID_PREFIX}`) && text.includes('"ok":true'))
      this.#simulation.fail("permission", `${name} has no rank, and was told ${text.slice(0, 200)}`);
    const { subject } = person.profile;
    if (text.startsWith('{"type":"staff"') && (subject === null || !this.#ranksOf(subject).some(isStaffRank)))
      this.#simulation.fail("permission", `${name} is no moderator, and got ${text.slice(0, 120)}`);
    for (const erasure of this.#erasures) {
      if (nowMs < erasure.sinceMs + this.#reachMs) continue;
      if (erasure.person.marks.some((mark) => text.includes(mark)))
        this.#simulation.fail("erasure", `${name} got what is erased of ${erasure.person.name}: ${text.slice(0, 300)}`);
    }
  }

  /** The message of an attacker, whose client does not tell of its outcome, is held. */
  #noteHeld({ rawTexts }: Person, text: string): void {
    const { id, outcome } = JSON.parse(text) as { readonly id: string; readonly outcome: { readonly held?: string } };
    const { held } = outcome;
    if (held !== undefined) for (const raw of rawTexts.get(id) ?? []) this.reviews.hold(held, raw);
  }

  delivered(page: ChatPage, { events, omitted, recovered }: EventDelivery): void {
    const { timeline, welcomeRange, options } = page;
    const who = options.process.name;
    if (!recovered) {
      const from = welcomeRange?.from ?? 0;
      Object.assign(timeline, { from, last: from, count: 0, omitted: 0 });
    }
    for (const event of events) {
      const { offset } = event;
      this.ledger.see(event, who);
      if (offset > timeline.last) timeline.last = offset;
      else if (omitted !== -1) this.#simulation.fail("order", `${who} got offset ${offset} after ${timeline.last}`);
      if (event.kind !== "chat" || event.gone === true || welcomeRange === null) continue;
      const removal = this.ledger.removalOf(offset, event.by.subject, welcomeRange.to);
      if (removal !== null)
        this.#simulation.fail("removal", `${who} got "${event.text}" though offset ${removal.offset} removes it`);
    }
    timeline.count += events.length;
    timeline.omitted += omitted;
  }

  closed(page: ChatPage, code: number, reason: string, willReconnect: boolean): void {
    page.options.process.log(`closed ${code} ${reason}${willReconnect ? "" : " for good"}`);
    if (code === SOCKET_CLOSES.moved.code) {
      this.moves += 1;
      this.movedMs = this.#simulation.nowMs;
    }
    const person = this.#personOf(page);
    if (willReconnect || person === null || this.#forbiddenSinceMs(person) !== null) return;
    person.lastStop = `${code} ${reason}`;
  }

  /** A command has an outcome: ranks of its sender and its target may have changed since it was done. */
  settled(person: Person, command: Command, outcome: CommandOutcome, wasAllowed: boolean): void {
    this.commands += 1;
    if (!outcome.ok) this.refused += 1;
    this.ledger.acknowledge(outcome, command.kind === "chat" ? command.text : null, person.name);
    if (!outcome.ok) return;
    if (command.kind === "chat" && outcome.held !== undefined) this.reviews.hold(outcome.held, command.text);
    person.accepted += 1;
    if (!wasAllowed && !this.mayDo(person, command))
      this.#simulation.fail("permission", `${person.name} (${person.profile.roles}) did ${JSON.stringify(command)}`);
  }

  /** Whether a command of this person may be done now, by the table of permissions. */
  mayDo({ profile }: Person, command: Command): boolean {
    if (profile.subject === null || profile.standing !== "may read") return false;
    if (command.kind === "chat" || command.kind === "accept") return true;
    const ranks = this.reviews.ranksOf(profile.subject, rankOfRoles(profile.roles));
    return ranks.some((rank) => this.#isAllowed(rank, command));
  }

  #isAllowed(rank: Rank, command: Command): boolean {
    if (rank === "viewer") return false;
    if (command.kind === "role" || command.kind === "invite" || command.kind === "uninvite") return rank === "host";
    if (command.kind === "ban" || command.kind === "timeout")
      return this.#ranksOf(command.subject).some((target) => maySanction(rank, target));
    if (command.kind !== "delete") return true;
    const author = this.ledger.subjectAt(command.target);
    return author === null || this.#ranksOf(author).some((target) => mayRemoveMessage(rank, target));
  }

  /** The ranks that somebody may have: who was told of a role may not have acted by it yet. */
  #ranksOf(subject: string): readonly Rank[] {
    const ranks = this.reviews.ranksOf(subject, this.#rankOf(subject));
    return this.mayForgetStaff ? [...ranks, "viewer"] : ranks;
  }

  /** The rank that protects a person: it ends with the last token that the room has seen, and nobody renews one while away. */
  #rankOf(subject: string): ReturnType<typeof rankOfRoles> {
    const person = this.#bySubject.get(subject);
    if (person === undefined) return "viewer";
    const { roles, tokenLifetimeS } = person.profile;
    const isAway = person.page?.isWelcomed !== true;
    return isAway && 1000 * tokenLifetimeS < this.#simulation.nowMs ? "viewer" : rankOfRoles(roles);
  }

  get #reachMs(): number {
    return this.#isFaulty ? REACH_WITH_FAULTS_MS : REACH_MS;
  }

  #forbiddenSinceMs(person: Person): number | null {
    return person.forbiddenSinceMs ?? this.stoppedSinceMs;
  }
}

/** The last offset that a room has stored, confirmed or not. */
function readStoredHead({ storage }: HostedObject): number {
  try {
    return storage.query<{ head: number | null }>("SELECT MAX(offset) AS head FROM events")[0]?.head ?? 0;
  } catch {
    // A room has no tables before its first event.
    return 0;
  }
}
