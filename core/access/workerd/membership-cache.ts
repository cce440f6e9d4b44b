/**
 * What may exist, as its owner last told this isolate: what isn't in it is refused without asking anybody. A copy comes by
 * way of the data centre's cache, and in a flood it is trusted for what it lacks, so reads upstream are bounded by time, not
 * by how much is invented.
 */

import { FairPool } from "../../kit/fair-pool.ts";
import { SingleFlight } from "../../kit/workerd/single-flight.ts";
import { UpstreamError } from "../../kit/workerd/upstream-client.ts";
import type { WaitUntilContext } from "../../kit/workerd/wait-until.ts";
import { computeTrustMs } from "../registry/copy-trust.ts";
import { REGISTRY_LIMITS } from "../registry/registry-limits.ts";

/** A copy of a set. */
export interface MemberSet {
  readonly size: number;
  has(name: string): boolean;
}

/** Who asks, and how a copy is read; `newest`: not from a cache. */
export interface MemberSetReader {
  readonly ctx: WaitUntilContext;
  readMembers(newest: boolean): Promise<MemberSet>;
}

/** One set, as an isolate knows it. */
export class MembershipCache {
  readonly #flights = new SingleFlight<void>(REGISTRY_LIMITS.sharedReadWaitMs);
  /** Names that were put into the set here, and that copies may lack yet. */
  readonly #addedNames = new Set<string>();
  #members: MemberSet | null = null;
  #readMs = Number.NEGATIVE_INFINITY;
  #newestReadMs = Number.NEGATIVE_INFINITY;
  #readFailedMs = Number.NEGATIVE_INFINITY;
  #trustMs: number = REGISTRY_LIMITS.trustMs;
  /** Since the trust was last judged: what was refused, and whether anything was new. */
  #refusals = 0;
  #hasChanged = false;
  #trustUpdatedMs = 0;
  #newestReadsStarted = 0;
  #newestReadsFinished = 0;
  readonly #pendingLookups = new FairPool(REGISTRY_LIMITS.pendingLookups, REGISTRY_LIMITS.pendingLookupsPerActor);

  /** Whether the name is in the set as it is known here, without asking. */
  hasCached(name: string): boolean {
    return this.#members?.has(name) === true || this.#addedNames.has(name);
  }

  /** Whether the name is in the set; the copy may be as old as it is trusted. Throws `UpstreamError` without a copy. */
  hasMember(reader: MemberSetReader, name: string): boolean | Promise<boolean> {
    if (this.hasCached(name)) return true;
    if (this.#isFlooded && Date.now() - this.#readMs < this.#trustMs) return this.#countRefusal();
    return this.#refresh(reader, false).then(() => this.hasCached(name) || this.#countRefusal());
  }

  /**
   * Whether the name is in the set as it was when this was asked, or later: for those whom a wrong no would send away for
   * good. `busy`: too many wait for that, or too many of this actor's. Throws `UpstreamError` where the set can't be read.
   */
  async hasMemberNow(reader: MemberSetReader, name: string, actor: string): Promise<boolean | "busy"> {
    if (this.hasCached(name)) return true;
    if (!this.#pendingLookups.tryAcquire(actor)) return "busy";
    const asked = this.#newestReadsStarted;
    try {
      while (this.#newestReadsFinished <= asked) {
        const waitMs = this.#newestReadMs + this.#trustMs - Date.now();
        if (waitMs > 0) await scheduler.wait(waitMs);
        if (this.#newestReadsFinished <= asked) await this.#refresh(reader, true);
        if (this.hasCached(name)) return true;
      }
    } finally {
      this.#pendingLookups.release(actor);
    }
    return this.#countRefusal();
  }

  /** The name was put into the set by way of this isolate. */
  addLocally(name: string): void {
    if (!this.hasCached(name)) this.#addedNames.add(name);
  }

  /** Many unknown names come: only then is a copy trusted for what it lacks. Until then each is a look into the cache. */
  get #isFlooded(): boolean {
    return this.#trustMs > REGISTRY_LIMITS.trustMs || this.#refusals >= REGISTRY_LIMITS.floodNames;
  }

  #countRefusal(): false {
    this.#refusals += 1;
    return false;
  }

  async #refresh({ ctx, readMembers }: MemberSetReader, newest: boolean): Promise<void> {
    if (Date.now() - this.#readFailedMs < REGISTRY_LIMITS.retryMs) throw new UpstreamError("the set can't be read");
    const flown = await this.#flights.load(ctx, newest ? "newest" : "cached", async () => {
      this.#newestReadsStarted += newest ? 1 : 0;
      const began = this.#newestReadsStarted;
      const beganMs = Date.now();
      if (newest) this.#newestReadMs = beganMs;
      const members = await readMembers(newest);
      this.#replaceMembers(members, beganMs);
      if (newest) this.#newestReadsFinished = Math.max(this.#newestReadsFinished, began);
    });
    if (flown.ok) return;
    this.#readFailedMs = Date.now();
    throw new UpstreamError("the set can't be read", { cause: flown.error });
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
