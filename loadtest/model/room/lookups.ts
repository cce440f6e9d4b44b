/** Room summaries cached by isolates: requested when a viewer joins and the cached one has expired. */
import type { Random } from "../../../core/kit/clock.ts";

/** Lifetime of a summary of a room with this many shards, ms. */
export interface PlacementTtl {
  readonly isolateMs: (shards: number) => number;
  /** In a data centre's cache, shared by its isolates; null without one. */
  readonly coloMs: ((shards: number) => number) | null;
}

/** A cache: the known number of shards, and its expiry. */
interface PlacementCache {
  readonly known: Uint16Array;
  readonly untilMs: Float64Array;
}

const createPlacementCache = (count: number, shards: number): PlacementCache => ({
  known: new Uint16Array(count).fill(shards),
  untilMs: new Float64Array(count).fill(-1),
});

/** All isolates of the world; those of a data centre share its cache. */
export class PlacementLookups {
  readonly #ttl: PlacementTtl;
  readonly #random: Random;
  /** The data centre of each isolate. */
  readonly #colos: ArrayLike<number>;
  readonly #isolates: PlacementCache;
  readonly #caches: PlacementCache;
  /** Requests that reached the room so far. */
  roomRequests = 0;

  /** Initially all expect `shards`, and verify that first. */
  constructor(colos: ArrayLike<number>, placementTtl: PlacementTtl, shards: number, random: Random) {
    this.#ttl = placementTtl;
    this.#random = random;
    this.#colos = colos;
    this.#isolates = createPlacementCache(colos.length, shards);
    let most = 0;
    for (let isolate = 0; isolate < colos.length; isolate += 1) most = Math.max(most, colos[isolate] ?? 0);
    this.#caches = createPlacementCache(most + 1, shards);
  }

  /** This many viewers arrive at random isolates; the shard counts by which they are placed, and their shares. */
  shardCountShares(coming: number, shards: number, nowMs: number): Map<number, number> {
    const { known, untilMs } = this.#isolates;
    const comes = 1 - Math.exp(-coming / known.length);
    const views = new Map<number, number>();
    let sum = 0;
    for (let isolate = 0; isolate < known.length; isolate += 1) {
      if ((untilMs[isolate] ?? 0) < nowMs) {
        if (this.#random() >= comes) continue;
        const told = this.#lookUp(this.#colos[isolate] ?? 0, shards, nowMs);
        known[isolate] = told;
        untilMs[isolate] = nowMs + this.#ttl.isolateMs(told);
      }
      const view = known[isolate] ?? 1;
      views.set(view, (views.get(view) ?? 0) + 1);
      sum += 1;
    }
    // The few at isolates without a summary are placed by the current shard count.
    if (sum === 0) return new Map([[shards, 1]]);
    return new Map([...views].map(([view, count]) => [view, count / sum]));
  }

  #lookUp(colo: number, shards: number, nowMs: number): number {
    const { coloMs } = this.#ttl;
    const { known, untilMs } = this.#caches;
    if (coloMs !== null && (untilMs[colo] ?? 0) >= nowMs) return known[colo] ?? shards;
    this.roomRequests += 1;
    if (coloMs !== null) {
      known[colo] = shards;
      untilMs[colo] = nowMs + coloMs(shards);
    }
    return shards;
  }
}

/** Requests per second that reach the room if each isolate has this rate. */
export function lookupsPerSecond(
  isolates: readonly { readonly colo: number; readonly rate: number }[],
  { isolateMs, coloMs }: PlacementTtl,
  shards: number,
): number {
  const every = (ms: number, rate: number): number => (rate === 0 ? 0 : 1 / (ms / 1_000 + 1 / rate));
  const byColo = new Map<number, number>();
  let sum = 0;
  for (const { colo, rate } of isolates) {
    const onwards = every(isolateMs(shards), rate);
    sum += onwards;
    byColo.set(colo, (byColo.get(colo) ?? 0) + onwards);
  }
  if (coloMs === null) return sum;
  return [...byColo.values()].reduce((all, rate) => all + every(coloMs(shards), rate), 0);
}
