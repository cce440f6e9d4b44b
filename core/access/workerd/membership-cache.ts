/**
 * A cached copy of a set of names: a name that it lacks is refused without a call to the owner. A copy is read through
 * the data centre's cache, and during a flood it is trusted for missing names, so reads upstream are bounded by time, and
 * not by the number of unknown names.
 */

import { type Clock, sleep } from "../../kit/clock.ts";
import { FairPool } from "../../kit/fair-pool.ts";
import { computeFollowerWaitMs, SingleFlight } from "../../kit/single-flight.ts";
import { UpstreamError } from "../../kit/upstream-client.ts";
import type { WaitUntilContext } from "../../kit/wait-until.ts";
import { computeTrustMs } from "../registry/copy-trust.ts";
import { REGISTRY_LIMITS } from "../registry/registry-limits.ts";

/** A copy of a set. */
export interface MemberSet {
  readonly size: number;
  has(name: string): boolean;
}

/** Reads a copy for a request; `newest`: not from a cache. */
export interface MemberSetReader {
  readonly ctx: WaitUntilContext;
  readMembers(newest: boolean): Promise<MemberSet>;
}

/** One set, as cached by an isolate. */
export class MembershipCache {
  readonly #clock: Clock;
  readonly #flights: SingleFlight<void>;
  /** Names that this isolate has added, and that copies may not contain yet. */
  readonly #addedNames = new Set<string>();
  #members: MemberSet | null = null;
  #readMs = Number.NEGATIVE_INFINITY;
  #newestReadMs = Number.NEGATIVE_INFINITY;
  #readFailedMs = Number.NEGATIVE_INFINITY;
  #trustMs: number = REGISTRY_LIMITS.trustMs;
  /** Since trust was last computed: refusals, and whether the set has changed. */
  #refusals = 0;
  #hasChanged = false;
  #trustUpdatedMs = 0;
  #newestReadsStarted = 0;
  #newestReadsFinished = 0;
  readonly #pendingLookups = new FairPool(REGISTRY_LIMITS.pendingLookups, REGISTRY_LIMITS.pendingLookupsPerActor);

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#flights = new SingleFlight(clock, computeFollowerWaitMs());
  }

  /** Whether the name is in the cached copy. */
  hasCached(name: string): boolean {
    return this.#members?.has(name) === true || this.#addedNames.has(name);
  }

  /** Whether the name is in the set; the copy may be as old as its trust allows. Throws `UpstreamError` without a copy. */
  hasMember(reader: MemberSetReader, name: string): boolean | Promise<boolean> {
    if (this.hasCached(name)) return true;
    if (this.#isFlooded && this.#clock.nowMs() - this.#readMs < this.#trustMs) return this.#countRefusal();
    return this.#refresh(reader, false).then(() => this.hasCached(name) || this.#countRefusal());
  }

  /**
   * Whether the name is in the set as of this call or later: for requests that must not be refused wrongly. `busy`: too many
   * pending look-ups, in total or of this actor. Throws `UpstreamError` if the set cannot be read.
   */
  async hasMemberNow(reader: MemberSetReader, name: string, actor: string): Promise<boolean | "busy"> {
    if (this.hasCached(name)) return true;
    if (!this.#pendingLookups.tryAcquire(actor)) return "busy";
    const asked = this.#newestReadsStarted;
    try {
      while (this.#newestReadsFinished <= asked) {
        const waitMs = this.#newestReadMs + this.#trustMs - this.#clock.nowMs();
        if (waitMs > 0) await sleep(this.#clock, waitMs);
        if (this.#newestReadsFinished <= asked) await this.#refresh(reader, true);
        if (this.hasCached(name)) return true;
      }
    } finally {
      this.#pendingLookups.release(actor);
    }
    return this.#countRefusal();
  }

  /** Adds a name that this isolate has put into the set. */
  addLocally(name: string): void {
    if (!this.hasCached(name)) this.#addedNames.add(name);
  }

  /** A flood of unknown names: only then is a copy trusted for missing names. Otherwise each is a look-up in the cache. */
  get #isFlooded(): boolean {
    return this.#trustMs > REGISTRY_LIMITS.trustMs || this.#refusals >= REGISTRY_LIMITS.floodNames;
  }

  #countRefusal(): false {
    this.#refusals += 1;
    return false;
  }

  async #refresh({ ctx, readMembers }: MemberSetReader, newest: boolean): Promise<void> {
    if (this.#clock.nowMs() - this.#readFailedMs < REGISTRY_LIMITS.retryMs)
      throw new UpstreamError("the set cannot be read");
    const flown = await this.#flights.load(ctx, newest ? "newest" : "cached", async () => {
      this.#newestReadsStarted += newest ? 1 : 0;
      const began = this.#newestReadsStarted;
      const beganMs = this.#clock.nowMs();
      if (newest) this.#newestReadMs = beganMs;
      const members = await readMembers(newest);
      this.#replaceMembers(members, beganMs);
      if (newest) this.#newestReadsFinished = Math.max(this.#newestReadsFinished, began);
    });
    if (flown.ok) return;
    this.#readFailedMs = this.#clock.nowMs();
    throw new UpstreamError("the set cannot be read", { cause: flown.error });
  }

  #replaceMembers(members: MemberSet, beganMs: number): void {
    const trustMs = this.#trustMs;
    this.#hasChanged ||= this.#members !== null && this.#members.size !== members.size;
    if (beganMs - this.#trustUpdatedMs >= trustMs) {
      this.#trustMs = computeTrustMs({ trustMs, refusals: this.#refusals, hasChanged: this.#hasChanged });
      this.#trustUpdatedMs = beganMs;
      this.#refusals = 0;
      this.#hasChanged = false;
    }
    this.#members = members;
    this.#readMs = beganMs;
    for (const name of this.#addedNames) if (members.has(name)) this.#addedNames.delete(name);
  }
}
