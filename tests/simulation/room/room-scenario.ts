/** One run of a room: a deployment, people with the product's client, staff, faults by seed, and the checkers around it. */

import { HttpAttacker } from "../attack/http-attacker.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import type { ProductCode } from "../kernel/product-code.ts";
import { Simulation, type SimulationOutcome } from "../kernel/simulation.ts";
import type { Trace } from "../kernel/trace.ts";
import type { FaultGroup } from "../media/fault-schedule.ts";
import { MediaWorld } from "../media/media-world.ts";
import { SMALL_LIMITS_SHARE } from "../small-limits.ts";
import { BeaconViewer } from "./beacon-viewer.ts";
import { CHAT_PART, type ChatCode } from "./chat-part.ts";
import { Crowd } from "./crowd.ts";
import { Moderation } from "./moderation.ts";
import type { Person, PersonWorld } from "./person.ts";
import { RoomAudit } from "./room-audit.ts";
import { startRoomBounds } from "./room-bounds.ts";
import { RoomChecker } from "./room-checker.ts";
import { type RoomFault, scheduleRoomFaults, startRoomFaults } from "./room-faults.ts";
import { StaffSettings } from "./staff-settings.ts";

/** What a run is made of; with the seed it decides everything. */
export interface RoomPlan {
  readonly seed: number;
  readonly durationMs: number;
  readonly viewers: number;
  readonly faults: readonly FaultGroup[];
  readonly onlyFaults: ReadonlySet<number> | null;
}

/** How a run ended, and what it consisted of. */
export interface RoomOutcome extends SimulationOutcome {
  readonly faults: readonly RoomFault[];
  readonly summary: string;
}

const STREAM = "demo";
const SITES: readonly Readonly<Record<string, number>>[] = [
  { "weur/FRA": 2, "weur/LHR": 1, "apac/SIN": 1 },
  { "weur/FRA": 2 },
  { "weur/FRA": 1, "enam/IAD": 2 },
];
/** Sizes of rooms: how many sockets fill a shard, and how many children an object has. */
const SIZES: readonly Readonly<Record<string, string>>[] = [
  {},
  { CORRAL_ROOM_SHARD_FILL: "8" },
  { CORRAL_ROOM_SHARD_FILL: "5", CORRAL_ROOM_FAN_OUT: "2" },
  { CORRAL_ROOM_SHARD_FILL: "12", CORRAL_ROOM_FAN_OUT: "2" },
];
const FIRST_FAULT_MS = 8_000;
/** After the last fault everything is well within this: a client may wait a minute before it comes back. */
const SETTLE_MS = 110_000;
const FLAWLESS_SETTLE_MS = 12_000;
/** Before the audit everybody is quiet for so long, but for one message in the middle of it. */
const QUIET_MS = 10_000;
/** A command that was dropped twice is answered by then. */
const SECOND_RESEND_MS = 13_000;
/** So long before that, relays lose their memory, and the next message reaches everybody within a time all the same. */
const RELAYS_RESTART_MS = 20_000;
const DELIVERY_MS = 5_000;
/** Without people, nothing is left after this. */
const IDLE_MS = 150_000;
const TOKEN_SHARE = 0.3;
/** Shares of runs with a reviewer, and with a room that is bound to a jurisdiction. */
const REVIEWER_SHARE = 0.3;
const JURISDICTION_SHARE = 0.2;
/** Numbers of viewers without a socket, one of them by seed. The room forgets them within a minute. */
const BEACON_VIEWERS = [0, 0, 2, 4] as const;
const BEACONS_SETTLE_MS = 60_000;
/** Staff opens the room for everybody within this. */
const RESET_MS = 50_000;
const STOP_SHARE = 0.15;
const FLAWLESS_SHARE = 0.1;
/** Numbers of people with clients of their own, and of senders of absurd requests, one of them by seed. */
const ATTACKERS = [0, 0, 1, 3] as const;
const HTTP_ATTACKERS = [0, 0, 0, 1] as const;
const TOKEN_LIFETIMES_S = [21_600, 21_600, 90] as const;
const PLAYING_SHARES = [0.85, 0.85, 0] as const;
const WRITES_EVERY_MS = [6_000, 15_000, 30_000] as const;

/** Runs a plan. */
export async function runRoom(plan: RoomPlan, code: ProductCode, trace: Trace): Promise<RoomOutcome> {
  const simulation = new Simulation(plan.seed, trace);
  const run = new RoomRun(plan, simulation, code);
  try {
    void run.direct().catch((error: unknown) => simulation.fail("scenario", describeError(error)));
    const outcome = await simulation.run(plan.durationMs + SETTLE_MS + IDLE_MS + 240_000);
    if (outcome.failure === null && !run.isDone) simulation.fail("progress", "the run did not come to its end");
    return { ...outcome, failure: simulation.failure, ...run.report() };
  } finally {
    run.close();
  }
}

const describeError = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

class RoomRun {
  readonly #plan: RoomPlan;
  readonly #simulation: Simulation;
  readonly #world: MediaWorld;
  readonly #checker: RoomChecker;
  readonly #crowd: Crowd;
  readonly #moderation: Moderation;
  readonly #faults: readonly RoomFault[];
  readonly #needsTokens: boolean;
  readonly #withStops: boolean;
  readonly #isStrict: boolean;
  /** Limits are reached, and what is beyond them refused or left out. */
  readonly #hasSmallLimits: boolean;
  readonly #startMs: number;
  readonly #settings: StaffSettings;
  readonly #beaconViewers: readonly BeaconViewer[];
  readonly #roomName: string;
  #isOpen = false;
  readonly #size: Readonly<Record<string, string>>;
  isDone = false;

  constructor(plan: RoomPlan, simulation: Simulation, given: ProductCode) {
    this.#plan = plan;
    this.#simulation = simulation;
    this.#startMs = simulation.clock.nowMs();
    const random = simulation.random.fork("room scenario");
    this.#hasSmallLimits = simulation.random.fork("limits").chance(SMALL_LIMITS_SHARE);
    const code = this.#hasSmallLimits ? given.withSmallLimits : given;
    const sites = random.pick(SITES);
    this.#size = random.pick(SIZES);
    const withReviewer = random.chance(REVIEWER_SHARE);
    const fallback = { CORRAL_REVIEW_FALLBACK: random.pick(["hold", "allow"]) };
    const variables = withReviewer ? { ...this.#size, ...fallback } : this.#size;
    this.#world = new MediaWorld({ simulation, code, sites, variables, withReviewer });
    this.#roomName = random.chance(JURISDICTION_SHARE) ? `eu:${STREAM}` : STREAM;
    this.#needsTokens = random.chance(TOKEN_SHARE);
    this.#withStops = random.chance(STOP_SHARE);
    const isFlawless = random.chance(FLAWLESS_SHARE);
    this.#checker = new RoomChecker(simulation, () => this.#world.objects.find("ROOM", this.#roomName));
    const checker = this.#checker;
    const shared: PersonWorld = {
      world: this.#world,
      chat: code.evaluate<ChatCode>(CHAT_PART.name, new SimulatedProcess(simulation, "pages", 1)),
      stream: STREAM,
      observer: checker,
      opened: (person) => checker.opened(person),
      mayDo: (person, command) => checker.mayDo(person, command),
      settled: (person, command, outcome, wasAllowed) => checker.settled(person, command, outcome, wasAllowed),
    };
    this.#crowd = new Crowd({
      shared,
      sites: Object.keys(sites),
      needsTokens: this.#needsTokens,
      tokenLifetimeS: random.pick(TOKEN_LIFETIMES_S),
      writesEveryMs: random.pick(WRITES_EVERY_MS),
      playingShare: random.pick(PLAYING_SHARES),
    });
    this.#moderation = new Moderation({
      world: this.#world,
      stream: STREAM,
      crowd: this.#crowd,
      checker,
      withStops: this.#withStops,
    });
    this.#settings = new StaffSettings(simulation, this.#crowd, checker);
    this.#beaconViewers = Array.from({ length: random.pick(BEACON_VIEWERS) }, (_, index) => {
      const subject = this.#needsTokens || random.chance(0.5) ? `beacon-${index}` : null;
      return new BeaconViewer(this.#world, STREAM, index, subject);
    });
    const untilMs = FIRST_FAULT_MS + plan.durationMs;
    this.#faults = isFlawless ? [] : scheduleRoomFaults(simulation.random, plan.faults, FIRST_FAULT_MS, untilMs);
    this.#isStrict = this.#activeFaults.length === 0 && !this.#withStops && !this.#hasSmallLimits;
    checker.mayForgetStaff = this.#hasSmallLimits;
  }

  get #activeFaults(): readonly RoomFault[] {
    const { onlyFaults } = this.#plan;
    return this.#faults.filter(({ number }) => onlyFaults === null || onlyFaults.has(number));
  }

  /** The run from its beginning to its end. */
  async direct(): Promise<void> {
    const { durationMs } = this.#plan;
    await this.#prepareStream();
    startRoomBounds(this.#world, this.#crowd);
    this.#letPeopleCome();
    this.#letAttackersCome();
    for (const viewer of this.#beaconViewers) void viewer.play();
    if (this.#activeFaults.length > 0) {
      this.#simulation.after(Math.max(0, FIRST_FAULT_MS - this.#simulation.nowMs), () => this.#checker.allowFaults());
      const target = { world: this.#world, crowd: this.#crowd };
      startRoomFaults(target, this.#simulation.random, this.#activeFaults);
    }
    const acting = [this.#moderation.act(durationMs), this.#settings.act(durationMs)];
    await Promise.all([...acting, this.#simulation.sleep(FIRST_FAULT_MS + durationMs)]);
    await this.#settle();
    const audit = new RoomAudit({
      world: this.#world,
      stream: STREAM,
      roomName: this.#roomName,
      crowd: this.#crowd,
      checker: this.#checker,
      startMs: this.#startMs,
      isStrict: this.#isStrict,
      hasSmallLimits: this.#hasSmallLimits,
      needsTokens: this.#needsTokens,
      beaconViewers: this.#beaconViewers.length,
      banned: this.#moderation.banned,
      unsure: this.#moderation.unsure,
    });
    await audit.run();
    this.#crowd.removeAll();
    await this.#simulation.sleep(IDLE_MS);
    this.#checkNothingIsLeft();
    await audit.checkEmpty();
    this.isDone = true;
  }

  async #prepareStream(): Promise<void> {
    await this.#world.issueKey(STREAM);
    if (this.#roomName !== STREAM) await this.#bindToJurisdiction();
    if (!this.#needsTokens) return;
    const body = JSON.stringify({ playback: "token" });
    const { status } = await this.#world.administer({ method: "PUT", path: `/api/streams/${STREAM}/access`, body });
    if (status !== 200) throw new Error(`the policy was answered ${status}`);
    // Data centres know a policy once they ask again.
    await this.#simulation.sleep(1_000);
  }

  async #bindToJurisdiction(): Promise<void> {
    const body = JSON.stringify({ jurisdiction: "eu" });
    const path = `/api/streams/${STREAM}/jurisdiction`;
    const { status } = await this.#world.administer({ method: "PUT", path, body });
    if (status !== 200) throw new Error(`the jurisdiction was answered ${status}`);
  }

  #letPeopleCome(): void {
    const random = this.#simulation.random.fork("arrivals");
    const spreadMs = random.pick([1_000, 10_000, this.#plan.durationMs / 2]);
    for (let index = 0; index < this.#plan.viewers; index += 1) {
      this.#simulation.after(random.integer(0, Math.floor(spreadMs)), () => this.#crowd.add());
    }
  }

  #letAttackersCome(): void {
    const random = this.#simulation.random.fork("attackers");
    const untilMs = FIRST_FAULT_MS + this.#plan.durationMs;
    for (let number = random.pick(ATTACKERS); number > 0; number -= 1)
      this.#simulation.after(random.integer(2_000, 9_000), () => this.#crowd.addAttacker(untilMs));
    for (let number = random.pick(HTTP_ATTACKERS); number > 0; number -= 1) {
      const options = { world: this.#world, stream: STREAM, number, needsTokens: this.#needsTokens };
      void new HttpAttacker(options).attack(untilMs);
    }
  }

  /** Nobody writes any more at the end of it. */
  async #settle(): Promise<void> {
    for (const viewer of this.#beaconViewers) viewer.leave();
    const flawlessMs = this.#beaconViewers.length > 0 ? BEACONS_SETTLE_MS : FLAWLESS_SETTLE_MS;
    const settleMs = this.#isStrict ? flawlessMs : SETTLE_MS;
    const { reviewer } = this.#world;
    if (reviewer !== null) reviewer.isLenient = true;
    void this.#settings.reset(RESET_MS).then((isOpen) => {
      this.#isOpen = isOpen;
    });
    if (!this.#isStrict) {
      this.#simulation.after(settleMs - QUIET_MS - RELAYS_RESTART_MS, () => void this.#checkDelivery());
    }
    await this.#simulation.sleep(settleMs - QUIET_MS);
    for (const person of this.#crowd.people) person.quieten();
    // What was sent before is answered, and whoever was too fast may write again.
    await this.#simulation.sleep(QUIET_MS / 2);
    for (const person of this.#crowd.present) void this.#probe(person);
    // Where a shard takes few commands at once, whoever finds no place sends again after 4 and after 8 s.
    await this.#simulation.sleep(this.#hasSmallLimits ? SECOND_RESEND_MS : QUIET_MS / 2);
    for (const { name, probe } of this.#crowd.present) {
      if (probe === "unanswered") this.#simulation.fail("recovery", `${name} wrote, and got no answer`);
    }
  }

  /** A relay that begins anew knows whom it delivers to. */
  async #checkDelivery(): Promise<void> {
    for (const object of this.#world.objects.all) {
      if (object.binding === "ROOM_RELAY") object.end("crashed", "restarted before a message");
    }
    const readers = this.#crowd.present.flatMap(({ page, forbiddenSinceMs }) =>
      page?.isWelcomed === true && page.isReading && forbiddenSinceMs === null ? [page] : [],
    );
    const connections = readers.map((page) => page.connections);
    const writer = this.#crowd.staff.find(({ page }) => page?.isWelcomed === true);
    const outcome = await writer?.write();
    if (outcome?.ok !== true || outcome.event === undefined) return;
    const { offset } = outcome.event;
    await this.#simulation.sleep(DELIVERY_MS);
    for (const [index, page] of readers.entries()) {
      const isSame = page.isWelcomed && page.connections === connections[index] && page.options.process.isAlive;
      if (isSame && page.position < offset)
        this.#simulation.fail("delivery", `${page.options.process.name} is at ${page.position}, not at ${offset}`);
    }
  }

  /** Whoever may write is heard. */
  async #probe(person: Person): Promise<void> {
    const { subject } = person.profile;
    const { page } = person;
    if (subject === null || person.forbiddenSinceMs !== null || this.#moderation.unsure.has(subject)) return;
    if (!this.#isOpen || page === null || !page.isReading || !page.isWelcomed) return;
    person.probe = "unanswered";
    const outcome = await person.write();
    person.probe = "answered";
    // A client that measured a clock while it was wrong renews its token late, and comes back with another one.
    const isTolerated = (error: string): boolean =>
      error === "timed-out" || error === "token-expired" || (this.#hasSmallLimits && error === "review-full");
    if (!outcome.ok && !isTolerated(outcome.error))
      this.#simulation.fail("recovery", `${person.name} may write, and was told ${outcome.error}`);
  }

  #checkNothingIsLeft(): void {
    for (const { place, instance, sockets, binding } of this.#world.objects.all) {
      const timers = instance?.process.pendingTimers ?? 0;
      if (timers > 4) this.#simulation.fail("idle", `${place} has ${timers} timers in an empty room`);
      if (binding === "ROOM_SHARD" && sockets.size > 0)
        this.#simulation.fail("idle", `${place} has ${sockets.size} sockets in an empty room`);
    }
    if (this.#isStrict && this.#simulation.unhandledRejections > 0)
      this.#simulation.fail("process", `${this.#simulation.unhandledRejections} rejections were not handled`);
  }

  /** What the run consisted of. */
  report(): Pick<RoomOutcome, "faults" | "summary"> {
    const shards = this.#world.objects.all.filter(({ binding }) => binding === "ROOM_SHARD").length;
    const { ledger, frames, commands, refused } = this.#checker;
    const summary =
      `room ${JSON.stringify(this.#size)}, ${shards} shards, ${this.#crowd.people.length} people, ` +
      `${this.#hasSmallLimits ? "small limits, " : ""}${this.#needsTokens ? "tokens, " : ""}${this.#activeFaults.length} faults, ${ledger.size} events, ${frames} frames, ` +
      `${commands} commands (${refused} refused), ${this.#moderation.acts} acts, ${this.#simulation.unhandledRejections} unhandled`;
    return { faults: this.#activeFaults, summary };
  }

  close(): void {
    this.#world.close();
  }
}
