/** Requests that wait for a part or segment that a replica does not have yet. */
import { hasReached, type WaitTarget } from "../broadcast/parked-requests.ts";
import type { Replica } from "../broadcast/replica.ts";
import type { Platform } from "../kit/clock.ts";
import { FairPool } from "../kit/fair-pool.ts";
import type { TrackName } from "../kit/ids.ts";
import { Notifier } from "../kit/notifier.ts";
import type { WaitUntilContext } from "../kit/wait-until.ts";
import { EDGE_STREAM_LIMITS } from "./node-limits.ts";

/** The target of a parked request. */
export interface TargetWait {
  readonly replica: Replica;
  readonly track: TrackName;
  readonly target: WaitTarget;
  /** Its deadline, in monotonic time. */
  readonly untilMs: number;
  /** The network of the request, or null if unknown. */
  readonly network: string | null;
}

/** What parked requests need from their stream. */
export interface ParkingHost {
  readonly currentReplica: Replica | null;
  readonly isClosed: boolean;
  /** Throws `StreamStoppedError` where the stream is stopped. */
  throwIfStopped(): void;
  ensureLease(ctx: WaitUntilContext): void;
}

/** The parked requests of one stream. */
export class RequestParking {
  readonly #platform: Platform;
  readonly #host: ParkingHost;
  readonly #pool = new FairPool(EDGE_STREAM_LIMITS.parkedRequests, EDGE_STREAM_LIMITS.parkedRequestsPerNetwork);
  readonly #waits: Notifier;

  constructor(platform: Platform, host: ParkingHost) {
    this.#platform = platform;
    this.#host = host;
    this.#waits = new Notifier(platform.clock);
  }

  /**
   * Waits until the track has reached the target, or the replica is replaced or ended (true), or until the deadline
   * (false). Also false if the network has parked its share. Throws `StreamStoppedError` as soon as the stream is
   * stopped.
   */
  async awaitTarget(ctx: WaitUntilContext, wait: TargetWait): Promise<boolean> {
    const { network, replica, track, target } = wait;
    if (network !== null && !this.#pool.tryAcquire(network)) return false;
    const park = (wake: () => void): (() => void) => replica.parkedRequests.park(track, target, wake);
    try {
      for (;;) {
        const decision = this.#decide(wait);
        if (decision !== "wait") return decision === "ready";
        this.#host.ensureLease(ctx);
        await this.#waits.wait(this.#waitMs(wait), park);
      }
    } finally {
      if (network !== null) this.#pool.release(network);
    }
  }

  #decide({ replica, track, target, untilMs }: TargetWait): "ready" | "wait" | "refused" {
    this.#host.throwIfStopped();
    if (this.#host.currentReplica !== replica || replica.state.ended) return "ready";
    const state = replica.track(track);
    if (state === undefined || hasReached(state, target)) return "ready";
    const isFull = replica.parkedRequests.count >= EDGE_STREAM_LIMITS.parkedRequests;
    return untilMs <= this.#platform.clock.monotonicMs() || this.#host.isClosed || isFull ? "refused" : "wait";
  }

  /** Until the request checks the lease, or its time is up. */
  #waitMs({ replica, untilMs }: TargetWait): number {
    const { clock, random } = this.#platform;
    const { leaseCheckMs, leaseCheckers } = EDGE_STREAM_LIMITS;
    const lookMs = leaseCheckMs * Math.max(1, replica.parkedRequests.count / leaseCheckers);
    return Math.min(untilMs - clock.monotonicMs(), lookMs * (0.75 + random() / 2));
  }

  /** Wakes one parked request, so that it acquires the feed's lease. */
  wakeSuccessor(): void {
    this.#waits.notifyOne();
  }

  /** Wakes all parked requests. */
  wakeAll(): void {
    this.#waits.notifyAll();
  }
}
