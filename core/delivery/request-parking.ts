/** Requests that wait for a part or segment that a replica does not have yet. */
import { hasReached, type WaitTarget } from "../broadcast/parked-requests.ts";
import type { Replica } from "../broadcast/replica.ts";
import type { Platform } from "../kit/clock.ts";
import { FairPool } from "../kit/fair-pool.ts";
import type { TrackName } from "../kit/ids.ts";
import { Notifier } from "../kit/notifier.ts";
import type { WaitUntilContext } from "../kit/wait-until.ts";
import { EDGE_STREAM_LIMITS } from "./node-limits.ts";

/** What a request waits for. */
export interface TargetWait {
  readonly replica: Replica;
  readonly track: TrackName;
  readonly target: WaitTarget;
  /** Wall time at which the wait ends without it. */
  readonly untilMs: number;
  /** The network that the request comes from, or null where it is unknown. */
  readonly network: string | null;
}

/** What parked requests need of their stream. */
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
   * Waits until the track has reached the target, or the replica is replaced or ended (true), or until the time is up
   * (false). False as well where the network has parked its share. Throws `StreamStoppedError` as soon as the stream is
   * stopped.
   */
  async awaitTarget(ctx: WaitUntilContext, wait: TargetWait): Promise<boolean> {
    const { network } = wait;
    if (network === null) return this.#awaitTarget(ctx, wait);
    if (!this.#pool.tryAcquire(network)) return false;
    try {
      return await this.#awaitTarget(ctx, wait);
    } finally {
      this.#pool.release(network);
    }
  }

  async #awaitTarget(ctx: WaitUntilContext, { replica, track, target, untilMs }: TargetWait): Promise<boolean> {
    const { clock, random } = this.#platform;
    const { parkedRequests } = replica;
    for (;;) {
      this.#host.throwIfStopped();
      const state = replica.track(track);
      if (this.#host.currentReplica !== replica || replica.state.ended) return true;
      if (state === undefined || hasReached(state, target)) return true;
      const leftMs = untilMs - clock.nowMs();
      if (leftMs <= 0 || this.#host.isClosed || parkedRequests.count >= EDGE_STREAM_LIMITS.parkedRequests) return false;
      this.#host.ensureLease(ctx);
      const lookMs =
        EDGE_STREAM_LIMITS.leaseCheckMs * Math.max(1, parkedRequests.count / EDGE_STREAM_LIMITS.leaseCheckers);
      await this.#waits.wait(Math.min(leftMs, lookMs * (0.75 + random() / 2)), (wake) =>
        parkedRequests.park(track, target, wake),
      );
    }
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
