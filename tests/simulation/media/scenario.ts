/** One run of the media side: a deployment, a broadcast, an audience, faults by seed, and the checkers around all of it. */
import { EDGE_STREAM_LIMITS, FEED_LIMITS, LIVE_LIMITS, SHIELD_LIMITS } from "../../../core/delivery/node-limits.ts";
import { HttpAttacker } from "../attack/http-attacker.ts";
import type { ProductCode } from "../kernel/product-code.ts";
import { Simulation, type SimulationOutcome } from "../kernel/simulation.ts";
import type { Trace } from "../kernel/trace.ts";
import { HOME_REGION } from "../object-classes.ts";
import { SMALL_LIMITS_SHARE, SMALL_STREAM_WINDOW_BYTES } from "../small-limits.ts";
import { AccessChecker } from "./access-checker.ts";
import { Audience } from "./audience.ts";
import { checkNothingIsLeft, startBoundsChecker } from "./bounds-checker.ts";
import type { MediaShape } from "./broadcast-source.ts";
import { Broadcasting } from "./broadcasting.ts";
import { type FaultGroup, type ScheduledFault, scheduleFaults, startFaults } from "./fault-schedule.ts";
import type { FlowViewer } from "./flow-viewer.ts";
import { MediaWorld } from "./media-world.ts";
import { PlaylistJudge, type PlaylistSighting } from "./playlist-judge.ts";
import { auditRecordings } from "./recording-audit.ts";
import { TreeChecker } from "./tree-checker.ts";
import type { Viewer } from "./viewer.ts";
import { describeFlowLag, describeLag } from "./viewer-lag.ts";
import type { ViewerWorld, Watcher } from "./watcher.ts";

/** What a run is made of; with the seed it decides everything. */
export interface MediaPlan {
  readonly seed: number;
  /** Time with viewers, and faults in all but its last part. */
  readonly durationMs: number;
  readonly viewers: number;
  readonly faults: readonly FaultGroup[];
  /** Only these faults, by number; null: all. */
  readonly onlyFaults: ReadonlySet<number> | null;
  /** Instead of the media that the seed chooses. */
  readonly shape?: MediaShape;
}

/** How a run ended, and what it consisted of. */
export interface MediaOutcome extends SimulationOutcome {
  readonly faults: readonly ScheduledFault[];
  readonly requests: number;
  readonly summary: string;
}

const STREAM = "demo";
/** Data centres with their isolates, one of them by seed. */
const SITES: readonly Readonly<Record<string, number>>[] = [
  { "weur/FRA": 2, "weur/LHR": 1, "apac/SIN": 1 },
  { "weur/FRA": 3 },
  { "enam/IAD": 2, "weur/AMS": 2, "apac/NRT": 2 },
  { "weur/FRA": 1 },
];
/** Data centres of runs with small limits: more isolates than a node feeds. */
const CROWDED_SITES: readonly Readonly<Record<string, number>>[] = [
  { "weur/FRA": 4, "weur/LHR": 1, "enam/IAD": 1 },
  { "weur/FRA": 1, "weur/AMS": 1, "weur/LHR": 1, "enam/IAD": 1, "enam/ATL": 1 },
  { "weur/FRA": 3, "enam/IAD": 3 },
];
/** Deployments: most have no settings, some admit few viewers at a time, some do not know where their isolates are. */
const VARIABLES: readonly Readonly<Record<string, string>>[] = [
  {},
  {},
  {},
  {},
  { CORRAL_JOINS_PER_SECOND: "2", CORRAL_JOIN_SPREAD_S: "4" },
  { CORRAL_SITE: "" },
];
const MUXED_SHARE = 0.2;
/** Shares of viewers by flow, one of them by seed; and of runs whose speed is measured. */
const FLOW_SHARES = [0, 0, 0.3, 0.7] as const;
const MEASURED_FLOW_SHARE = 0.3;
/** Of broadcasts that are not muxed, so many pass frames on. */
const FRAMED_SHARE = 0.7;
/** In so many runs by flow those viewers go before the end, and frames are sent until feeds were renewed, at isolates and in two tiers of shields. */
const FLOW_ENDS_SHARE = 0.3;
const FLOW_ENDS_MS = FEED_LIMITS.lifetimeMs + 2 * (EDGE_STREAM_LIMITS.chunkIdleMs + SHIELD_LIMITS.leaseMs);
const PART_MS = [192, 320, 320, 960] as const;
/** Viewers come once the broadcast has this much. */
const FIRST_VIEWERS_MS = 4_000;
const FIRST_FAULT_MS = 8_000;
/** After the last fault, everything is well within this; without faults, that is seen at once. */
const SETTLE_MS = 40_000;
const FLAWLESS_SETTLE_MS = 3_000;
/** A broadcast ends, with all of it stored, within this. */
const END_MS = 30_000;
/** The audit of every recording of a run, whose publishers were replaced a hundred times. */
const AUDIT_MS = 120_000;
/** Without viewers nothing is left open after this. */
const IDLE_MS = 180_000;
/** Shares of runs: with tokens, with stops, and without any fault, which then must be flawless. */
const TOKEN_SHARE = 0.3;
const STOP_SHARE = 0.3;
const FLAWLESS_SHARE = 0.1;

/** Numbers of senders of absurd requests, one of them by seed. */
const ATTACKERS = [0, 0, 1, 3] as const;

/** Runs a plan. */
export async function runMedia(plan: MediaPlan, code: ProductCode, trace: Trace): Promise<MediaOutcome> {
  const simulation = new Simulation(plan.seed, trace);
  const run = new MediaRun(plan, simulation, code);
  try {
    void run.direct().catch((error: unknown) => simulation.fail("scenario", describeError(error)));
    const outcome = await simulation.run(plan.durationMs + SETTLE_MS + FLOW_ENDS_MS + END_MS + AUDIT_MS + IDLE_MS);
    if (outcome.failure === null && !run.isDone) simulation.fail("progress", "the run did not come to its end");
    return { ...outcome, failure: simulation.failure, ...run.report() };
  } finally {
    run.close();
  }
}

/** Bytes of one track's media in a second. */
const trackBytesPerSecond = ({ sampleBytes }: MediaShape): number => (1000 / 32) * (sampleBytes + 40);

const describeError = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

class MediaRun {
  readonly #plan: MediaPlan;
  readonly #simulation: Simulation;
  readonly #world: MediaWorld;
  readonly #judge: PlaylistJudge;
  readonly #tree: TreeChecker;
  readonly #audience: Audience;
  readonly #access: AccessChecker;
  readonly #shape: MediaShape;
  readonly #variables: Readonly<Record<string, string>>;
  readonly #flowEnds: boolean;
  readonly #needsTokens: boolean;
  readonly #withStops: boolean;
  /** Limits are reached, and what is beyond them refused: viewers may be disturbed, and objects come again. */
  readonly #hasSmallLimits: boolean;
  readonly #faults: readonly ScheduledFault[];
  #broadcasting: Broadcasting | null = null;
  #requests = 0;
  #disturbances = 0;
  /** Nothing may disturb anybody. */
  #isStrict: boolean;
  isDone = false;

  constructor(plan: MediaPlan, simulation: Simulation, given: ProductCode) {
    this.#plan = plan;
    this.#simulation = simulation;
    const random = simulation.random.fork("scenario");
    this.#hasSmallLimits = plan.shape === undefined && simulation.random.fork("limits").chance(SMALL_LIMITS_SHARE);
    const sites = random.pick(this.#hasSmallLimits ? CROWDED_SITES : SITES);
    const variables = random.pick(VARIABLES);
    this.#variables = variables;
    const code = this.#hasSmallLimits ? given.withSmallLimits : given;
    this.#world = new MediaWorld({ simulation, code, sites, variables });
    if (this.#hasSmallLimits) this.#world.network.streamWindowBytes = SMALL_STREAM_WINDOW_BYTES;
    this.#judge = new PlaylistJudge(
      (checker, message) => simulation.fail(checker, message),
      (sighting, hasEnded) => this.#shownLossMs(sighting, hasEnded),
    );
    const flowShare = plan.shape === undefined ? simulation.random.fork("flow").pick(FLOW_SHARES) : MEASURED_FLOW_SHARE;
    this.#tree = new TreeChecker(this.#world, flowShare > 0);
    const drawn = {
      partMs: random.pick(PART_MS),
      partsPerSegment: random.integer(3, 6),
      windowS: random.pick([8, 20, 60, 600]),
      videoTracks: random.integer(1, 2),
      sampleBytes: random.pick([8, 8, 100]),
      isMuxed: random.chance(MUXED_SHARE),
    };
    const frames = simulation.random.fork("frames");
    this.#shape = plan.shape ?? { ...drawn, isFramed: !drawn.isMuxed && frames.chance(FRAMED_SHARE) };
    this.#flowEnds = flowShare > 0 && this.#shape.isFramed === true && frames.chance(FLOW_ENDS_SHARE);
    this.#needsTokens = random.chance(TOKEN_SHARE);
    this.#withStops = random.chance(STOP_SHARE);
    const isFlawless = random.chance(FLAWLESS_SHARE);
    const untilMs = FIRST_FAULT_MS + plan.durationMs;
    this.#faults = isFlawless
      ? []
      : scheduleFaults(simulation.random.fork("faults"), plan.faults, FIRST_FAULT_MS, untilMs);
    this.#isStrict = !this.#isFaulty && !this.#withStops && !this.#hasSmallLimits;
    const world: ViewerWorld = {
      simulation,
      fleet: this.#world.fleet,
      ledger: this.#world.ledger,
      judge: this.#judge,
      answered: (viewer, path, status) => {
        this.#requests += 1;
        this.#access.answered(viewer, path, status);
      },
      flowed: (viewer, path) => this.#access.flowed(viewer, path),
      disturbed: (viewer, what) => this.#recordDisturbance(viewer, what),
    };
    this.#audience = new Audience({
      world,
      stream: STREAM,
      sites: Object.keys(sites),
      variants: this.#shape.videoTracks,
      needsTokens: this.#needsTokens,
      flowShare,
      media: {
        bytesPerSecond: trackBytesPerSecond(this.#shape),
        segmentMs: this.#shape.partMs * this.#shape.partsPerSegment,
      },
      isUndisturbed: () => this.#isStrict,
    });
    this.#access = new AccessChecker(this.#world, STREAM, this.#audience);
  }

  get #activeFaults(): readonly ScheduledFault[] {
    const { onlyFaults } = this.#plan;
    return this.#faults.filter(({ number }) => onlyFaults === null || onlyFaults.has(number));
  }

  /**
   * A Live object that lost its memory may have lost parts with it, and a publisher that is away does not send them again.
   * Nodes below hide that for three target durations, and nodes that have begun since for `catchUpMs`, or until the
   * broadcast that lost them has ended. The time since the last such loss, milliseconds; null: there is none to show.
   */
  #shownLossMs({ broadcast, track }: PlaylistSighting, hasEnded: boolean): number | null {
    const { endsMs } = this.#world.live(STREAM);
    const last = endsMs.at(-1);
    if (last === undefined) return null;
    if (hasEnded || this.#world.isReplaced(STREAM, broadcast)) return 0;
    const targetMs = 1_000 * Math.ceil((this.#shape.partMs * this.#shape.partsPerSegment) / 1000);
    const hiddenMs = Math.min(3 * targetMs, LIVE_LIMITS.catchUpMs);
    // What was lost first is not there again where the track has not come as far since, or the object soon ended again.
    const advancedMs = this.#world.ledger.broadcast(broadcast)?.advancedMs(track) ?? 0;
    const firstMs = endsMs.find((endMs) => endMs >= advancedMs) ?? last;
    const lostMs = endsMs.reduceRight((earlier, endMs) => (earlier - endMs < 2 * hiddenMs ? endMs : earlier));
    const { nowMs } = this.#simulation;
    return nowMs - Math.min(firstMs, lostMs) >= hiddenMs ? nowMs - last : null;
  }

  /** Something goes wrong, other than that viewers come and go as they like. */
  get #isFaulty(): boolean {
    return this.#activeFaults.some(({ kind }) => kind.group !== "viewers");
  }

  #recordDisturbance(viewer: Watcher, what: string): void {
    this.#disturbances += 1;
    this.#simulation.log(viewer.process.name, `disturbed: ${what}`);
    const mayBe = this.#audience.standing(viewer) !== "may watch" || this.#access.isRevoked(viewer);
    if (this.#isStrict && !mayBe) this.#simulation.fail("undisturbed", `${viewer.process.place} ${what}`);
  }

  /** The run from its beginning to its end. */
  async direct(): Promise<void> {
    const { durationMs } = this.#plan;
    const broadcasting = await this.#goOnAir();
    this.#startCheckers(broadcasting);
    await this.#simulation.sleep(FIRST_VIEWERS_MS);
    this.#letViewersCome();
    this.#letAttackersCome();
    if (this.#hasSmallLimits) this.#tree.allowSmallTails();
    if (this.#isFaulty) {
      this.#simulation.after(FIRST_FAULT_MS - this.#simulation.nowMs, () => {
        this.#tree.allowFaults();
        this.#judge.allowFaults();
        this.#access.allowFaults();
      });
    }
    if (this.#activeFaults.length > 0) {
      const target = { world: this.#world, broadcasting, audience: this.#audience };
      startFaults(target, this.#simulation.random.fork("faults"), this.#activeFaults, null);
    }
    const acting = this.#access.operate(durationMs, { withRevocations: this.#needsTokens, withStops: this.#withStops });
    await Promise.all([acting, this.#simulation.sleep(durationMs)]);
    await this.#simulation.sleep(this.#isStrict ? FLAWLESS_SETTLE_MS : SETTLE_MS);
    this.#checkAllIsWell(broadcasting);
    if (this.#flowEnds) await this.#endFlow(broadcasting);
    await this.#endBroadcast(broadcasting);
    this.#tree.allowAudit();
    await auditRecordings(this.#world, (path) => this.#fetchAsViewer(path));
    this.#audience.removeAll();
    await this.#simulation.sleep(IDLE_MS);
    checkNothingIsLeft(this.#world, this.#isStrict);
    this.isDone = true;
  }

  async #goOnAir(): Promise<Broadcasting> {
    const key = await this.#world.issueKey(STREAM);
    const { fleet, code, ledger } = this.#world;
    const site = this.#simulation.random
      .fork("publisher")
      .pick(fleet.slots.filter((slot) => slot.site.startsWith(HOME_REGION))).site;
    const broadcasting = new Broadcasting({
      simulation: this.#simulation,
      fleet,
      code,
      ledger,
      stream: STREAM,
      key,
      site,
      shape: this.#shape,
      ...(this.#needsTokens ? { playback: "token" } : {}),
    });
    this.#broadcasting = broadcasting;
    broadcasting.start();
    return broadcasting;
  }

  #startCheckers(broadcasting: Broadcasting): void {
    this.#world.fleet.onLateWork = ({ name }, { url }) =>
      this.#simulation.fail("waitUntil", `${name} works 30 s after its response on what ${url} left`);
    const bytesPerSecond = trackBytesPerSecond(this.#shape) * (1 + this.#shape.videoTracks) + 3_000;
    startBoundsChecker({ world: this.#world, audience: this.#audience, broadcasting, bytesPerSecond });
  }

  #letViewersCome(): void {
    const random = this.#simulation.random.fork("arrivals");
    // A crowd within a second, or a few at a time.
    const spreadMs = random.pick([1_000, 10_000, this.#plan.durationMs / 2]);
    for (let index = 0; index < this.#plan.viewers; index += 1) {
      this.#simulation.after(random.integer(0, Math.floor(spreadMs)), () => this.#audience.add());
    }
  }

  #letAttackersCome(): void {
    const random = this.#simulation.random.fork("attackers");
    const untilMs = this.#simulation.nowMs + this.#plan.durationMs;
    for (let number = random.pick(ATTACKERS); number > 0; number -= 1) {
      const onMediaRequest = (): void => this.#tree.noteAttack();
      const options = { world: this.#world, stream: STREAM, number, needsTokens: this.#needsTokens, onMediaRequest };
      void new HttpAttacker(options).attack(untilMs);
    }
  }

  /** Long after the last fault, everybody plays at the live edge. */
  #checkAllIsWell({ current }: Broadcasting): void {
    const complain = (message: string): void => this.#simulation.fail("recovery", message);
    // More come than are admitted in a second.
    const areJoinsFew = "CORRAL_JOINS_PER_SECOND" in this.#variables;
    const mayWait = ({ joinStatus }: Viewer | FlowViewer): boolean => areJoinsFew && joinStatus === 503;
    if (current === null || !current.isOnAir) {
      complain(`the publisher is ${current?.state ?? "absent"}`);
      return;
    }
    const { waiting } = current.backlog;
    if (waiting > 3 * (this.#shape.videoTracks + 1)) complain(`${waiting} parts wait at the publisher`);
    for (const viewer of this.#audience.viewers) {
      if (this.#audience.standing(viewer) !== "may watch" || this.#access.isRevoked(viewer) || mayWait(viewer))
        continue;
      const complaint = describeLag(viewer, current.broadcast, this.#simulation.nowMs, this.#shape.isMuxed ? 1 : 2);
      if (complaint !== null) complain(complaint);
    }
    for (const viewer of this.#audience.flowViewers) {
      if (this.#audience.standing(viewer) !== "may watch" || this.#access.isRevoked(viewer) || mayWait(viewer))
        continue;
      const complaint = describeFlowLag(viewer, current.broadcast, this.#simulation.nowMs, this.#hasSmallLimits);
      if (complaint !== null) complain(complaint);
    }
  }

  /** Without viewers by flow frames are not sent. */
  async #endFlow({ current }: Broadcasting): Promise<void> {
    this.#audience.removeFlowViewers();
    await this.#simulation.sleep(FLOW_ENDS_MS);
    if (current?.passesFrames === true)
      this.#simulation.fail("chunks", `frames are sent ${FLOW_ENDS_MS} ms after the last viewer by flow has gone`);
  }

  async #endBroadcast(broadcasting: Broadcasting): Promise<void> {
    await Promise.race([broadcasting.end(), this.#simulation.sleep(END_MS)]);
    const state = broadcasting.current?.state;
    if (state !== "ended") this.#simulation.fail("recovery", `the broadcast did not end: its publisher is ${state}`);
    if (broadcasting.current?.broadcast.isEndConfirmed === false)
      this.#simulation.fail("durability", "the broadcast has ended, and its end is not confirmed as stored");
    await this.#simulation.sleep(5_000);
  }

  async #fetchAsViewer(path: string): Promise<{ readonly status: number; readonly bytes: Uint8Array }> {
    const viewer = this.#auditor;
    for (let attempt = 0; ; attempt += 1) {
      const answer = await viewer.get(path);
      if (answer.status === 200 || attempt > 5) return answer;
      await this.#simulation.sleep(1_000);
    }
  }

  #cachedAuditor: Viewer | null = null;

  /** A viewer that only fetches. */
  get #auditor(): Viewer {
    this.#cachedAuditor ??= this.#audience.createAuditor();
    return this.#cachedAuditor;
  }

  /** What the run consisted of. */
  report(): Pick<MediaOutcome, "faults" | "requests" | "summary"> {
    const { partMs, partsPerSegment, videoTracks, isMuxed } = this.#shape;
    const flow = this.#audience.flowCounts;
    const summary =
      `${this.#world.fleet.slots.length} isolates, ${videoTracks} video tracks${isMuxed ? ", muxed" : ""}, parts of ${partMs} ms, ${partsPerSegment} a segment, ` +
      `${this.#hasSmallLimits ? "small limits, " : ""}${this.#needsTokens ? "tokens, " : ""}${this.#activeFaults.length} faults, ${this.#world.ledger.broadcasts.length} broadcasts, ` +
      `${this.#requests} requests, ${flow.responses} flow responses with ${flow.parts} parts and ${flow.chunks} chunks, ${flow.skips} skips and up to ${flow.mostLagMs} ms, ${this.#disturbances} disturbances, ${this.#judge.judgedPlaylists} playlists judged, ` +
      `${this.#access.acts} acts, crossings up to ${this.#tree.mostCrossings}, up to ${this.#tree.mostRequests} requests of a node in 10 s, ` +
      `${this.#simulation.unhandledRejections} unhandled, publishers failed ${this.#broadcasting?.failures.length ?? 0}`;
    return { faults: this.#activeFaults, requests: this.#requests, summary };
  }

  close(): void {
    this.#world.close();
  }
}
