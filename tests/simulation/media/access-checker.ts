/** Nobody without the right gets a byte: tokens that are none, revocations, stops. The operator's acts come from here too. */
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { Audience } from "./audience.ts";
import type { MediaWorld } from "./media-world.ts";
import type { Watcher } from "./watcher.ts";

/**
 * Time from the answer to the operator until no answer may carry anything. Where nothing is wrong: the feed, and a request
 * that was parked. With faults: a node that hears nothing serves on for 5 s, and a request may be parked for 9 s.
 */
const REACH_MS = 3_000;
const REACH_WITH_FAULTS_MS = 18_000;
/**
 * The same for the last media that leaves an isolate in the body of a flow response. Where nothing is wrong: the feed. With
 * faults: a node that hears nothing serves on for 5 s, which each response looks at once a second.
 */
const FLOW_REACH_MS = 1_000;
const FLOW_REACH_WITH_FAULTS_MS = 8_000;
/** Between two acts of the operator. */
const ACT_INTERVAL_MS = { min: 8_000, max: 30_000 } as const;
const STOP_MS = { min: 1_000, max: 6_000 } as const;

/** The checker of one stream's access. */
export class AccessChecker {
  readonly #world: MediaWorld;
  readonly #stream: string;
  readonly #audience: Audience;
  readonly #random: SeededRandom;
  readonly #revokedSinceMs = new Map<string, number>();
  /** Subjects whose revocation is on its way, or done. */
  readonly #revoked = new Set<string>();
  #stoppedSinceMs: number | null = null;
  #isFaulty = false;
  /** Acts that the edge has confirmed. */
  acts = 0;

  constructor(world: MediaWorld, stream: string, audience: Audience) {
    this.#world = world;
    this.#stream = stream;
    this.#audience = audience;
    this.#random = world.simulation.random.fork("access");
  }

  /** Faults have begun: changes may take longer to reach everybody. */
  allowFaults(): void {
    this.#isFaulty = true;
  }

  /** Whether a viewer's subject is revoked, or about to be. */
  isRevoked(viewer: Watcher): boolean {
    return this.#revoked.has(this.#audience.subjectOf(viewer));
  }

  /** Looks at an answer that a viewer got. */
  answered(viewer: Watcher, path: string, status: number): void {
    if (status !== 200 && status !== 206) return;
    this.#check(viewer, path, this.#isFaulty ? REACH_WITH_FAULTS_MS : REACH_MS);
  }

  /** Media has left an isolate in the body of a flow response. */
  flowed(viewer: Watcher, path: string): void {
    this.#check(viewer, path, this.#isFaulty ? FLOW_REACH_WITH_FAULTS_MS : FLOW_REACH_MS);
  }

  #check(viewer: Watcher, path: string, reachMs: number): void {
    const sinceMs = this.#forbiddenSinceMs(viewer);
    const { simulation } = this.#world;
    if (sinceMs === null || simulation.nowMs <= sinceMs + reachMs) return;
    const why = this.#stoppedSinceMs !== null ? "the stream is stopped" : this.#audience.standing(viewer);
    simulation.fail("access", `${viewer.process.place} got ${path} ${simulation.nowMs - sinceMs} ms too late: ${why}`);
  }

  #forbiddenSinceMs(viewer: Watcher): number | null {
    if (this.#audience.standing(viewer) !== "may watch") return 0;
    if (this.#stoppedSinceMs !== null || this.#revokedSinceMs.size === 0) return this.#stoppedSinceMs;
    return this.#revokedSinceMs.get(this.#audience.subjectOf(viewer)) ?? null;
  }

  /** The operator acts now and then, until a time. */
  async operate(untilMs: number, { withRevocations, withStops }: OperatorOptions): Promise<void> {
    const { simulation } = this.#world;
    const acts = [...(withRevocations ? [() => this.#revoke()] : []), ...(withStops ? [() => this.#stop()] : [])];
    while (acts.length > 0) {
      await simulation.sleep(this.#random.integer(ACT_INTERVAL_MS.min, ACT_INTERVAL_MS.max));
      if (simulation.nowMs > untilMs) return;
      await this.#random.pick(acts)();
    }
  }

  async #revoke(): Promise<void> {
    const candidates = this.#audience.all.filter((viewer) => !this.isRevoked(viewer));
    if (candidates.length < 3) return;
    const subject = this.#audience.subjectOf(this.#random.pick(candidates));
    this.#revoked.add(subject);
    const body = JSON.stringify({ subject, version: 1 });
    const path = `/api/streams/${this.#stream}/revocations`;
    const { status } = await this.#world.administer({ method: "POST", path, body });
    this.#world.simulation.log("operator", `revokes ${subject}: ${status}`);
    if (status !== 200) throw new Error(`a revocation was answered ${status}`);
    this.acts += 1;
    this.#revokedSinceMs.set(subject, this.#world.simulation.nowMs);
  }

  async #stop(): Promise<void> {
    const { simulation } = this.#world;
    const path = `/api/streams/${this.#stream}/stop`;
    const body = JSON.stringify({ category: "rules", reason: "A test of the simulation." });
    const { status } = await this.#world.administer({ method: "POST", path, body });
    simulation.log("operator", `stops the stream: ${status}`);
    if (status !== 200) throw new Error(`a stop was answered ${status}`);
    this.acts += 1;
    this.#stoppedSinceMs = simulation.nowMs;
    await simulation.sleep(this.#random.integer(STOP_MS.min, STOP_MS.max));
    if (this.#random.chance(0.5)) await simulation.sleep(REACH_WITH_FAULTS_MS);
    this.#stoppedSinceMs = null;
    await this.#world.administer({ method: "DELETE", path, body: "{}" });
    simulation.log("operator", "undoes the stop");
  }
}

/** What an operator does. */
export interface OperatorOptions {
  readonly withRevocations: boolean;
  readonly withStops: boolean;
}
