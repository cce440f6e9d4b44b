/**
 * What may exist, as its owner last told this isolate: what isn't in it is refused without asking anybody. A copy comes by
 * way of the data centre's cache, and in a flood it is trusted for what it lacks, so reads upstream are bounded by time, not
 * by how much is invented.
 */
import { REGISTRY_LIMITS } from "../protocol/registry/limits.ts";
import { nextTrustMs } from "../protocol/registry/trust.ts";
import { Shares } from "../protocol/shares.ts";
import { UpstreamError } from "./calls.ts";
import { SingleFlight } from "./single-flight.ts";
import type { Lifetime } from "./stream-edge.ts";

/** A copy of a set. */
export interface Members {
  readonly size: number;
  has(name: string): boolean;
}

/** Who asks, and how a copy is read; `newest`: not from a cache. */
export interface Reader {
  readonly life: Lifetime;
  read(newest: boolean): Promise<Members>;
}

/** One set, as an isolate knows it. */
export class KnownSet {
  readonly #flights = new SingleFlight<void>(REGISTRY_LIMITS.flightMs);
  /** Names that were put into the set here, and that copies may lack yet. */
  readonly #own = new Set<string>();
  #members: Members | null = null;
  #readMs = Number.NEGATIVE_INFINITY;
  #newestMs = Number.NEGATIVE_INFINITY;
  #failedMs = Number.NEGATIVE_INFINITY;
  #trustMs: number = REGISTRY_LIMITS.trustMs;
  /** Since the trust was last judged: what was refused, and whether anything was new. */
  #refused = 0;
  #changed = false;
  #judgedMs = 0;
  #began = 0;
  #came = 0;
  readonly #waiting = new Shares(REGISTRY_LIMITS.waiting, REGISTRY_LIMITS.waitingEach);

  /** Whether the name is in the set as it is known here, without asking. */
  knows(name: string): boolean {
    return this.#members?.has(name) === true || this.#own.has(name);
  }

  /** Whether the name is in the set; the copy may be as old as it is trusted. Throws `UpstreamError` without a copy. */
  has(reader: Reader, name: string): boolean | Promise<boolean> {
    if (this.knows(name)) return true;
    if (this.#flooded && Date.now() - this.#readMs < this.#trustMs) return this.#refuse();
    return this.#read(reader, false).then(() => this.knows(name) || this.#refuse());
  }

  /**
   * Whether the name is in the set as it was when this was asked, or later: for those whom a wrong no would send away for
   * good. `busy`: too many wait for that, or too many of this actor's. Throws `UpstreamError` where the set can't be read.
   */
  async surelyHas(reader: Reader, name: string, actor: string): Promise<boolean | "busy"> {
    if (this.knows(name)) return true;
    if (!this.#waiting.take(actor)) return "busy";
    const asked = this.#began;
    try {
      while (this.#came <= asked) {
        const waitMs = this.#newestMs + this.#trustMs - Date.now();
        if (waitMs > 0) await scheduler.wait(waitMs);
        if (this.#came <= asked) await this.#read(reader, true);
        if (this.knows(name)) return true;
      }
    } finally {
      this.#waiting.give(actor);
    }
    return this.#refuse();
  }

  /** The name was put into the set by way of this isolate. */
  add(name: string): void {
    if (!this.knows(name)) this.#own.add(name);
  }

  /** Many unknown names come: only then is a copy trusted for what it lacks. Until then each is a look into the cache. */
  get #flooded(): boolean {
    return this.#trustMs > REGISTRY_LIMITS.trustMs || this.#refused >= REGISTRY_LIMITS.floodNames;
  }

  #refuse(): false {
    this.#refused += 1;
    return false;
  }

  async #read({ life, read }: Reader, newest: boolean): Promise<void> {
    if (Date.now() - this.#failedMs < REGISTRY_LIMITS.retryMs) throw new UpstreamError("the set can't be read");
    const flown = await this.#flights.get(life, newest ? "newest" : "cached", async () => {
      this.#began += newest ? 1 : 0;
      const began = this.#began;
      const beganMs = Date.now();
      if (newest) this.#newestMs = beganMs;
      const members = await read(newest);
      this.#take(members, beganMs);
      if (newest) this.#came = Math.max(this.#came, began);
    });
    if (flown.ok) return;
    this.#failedMs = Date.now();
    throw new UpstreamError("the set can't be read", { cause: flown.error });
  }

  #take(members: Members, beganMs: number): void {
    const trustMs = this.#trustMs;
    this.#changed ||= this.#members !== null && this.#members.size !== members.size;
    if (beganMs - this.#judgedMs >= trustMs) {
      this.#trustMs = nextTrustMs({ trustMs, refused: this.#refused, changed: this.#changed });
      this.#judgedMs = beganMs;
      this.#refused = 0;
      this.#changed = false;
    }
    this.#members = members;
    this.#readMs = beganMs;
    for (const name of this.#own) if (members.has(name)) this.#own.delete(name);
  }
}
