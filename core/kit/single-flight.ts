/** One request upstream for any number of concurrent requests for the same key. */
import { type Clock, withTimeout } from "./clock.ts";
import { MAX_UPSTREAM_CALL_MS, UpstreamError } from "./upstream-client.ts";
import type { WaitUntilContext } from "./wait-until.ts";

/** What a load may take beside its calls: look-ups in caches, and the decoding of what they bring. */
const LOAD_MARGIN_MS = 900;

/**
 * Time for which a follower waits for a leader whose load makes so many calls upstream, one after another: longer than they
 * take, so that it loads by itself only where the leader is gone.
 */
export const computeFollowerWaitMs = (calls = 1): number => calls * MAX_UPSTREAM_CALL_MS + LOAD_MARGIN_MS;

type SettledLoad<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** The result of a load, and whether another request made it. */
export type FlightResult<T> = SettledLoad<T> & { readonly coalesced: boolean };

/**
 * Loads in flight, by key. Values are plain (bytes, strings, records), never streams or responses: workerd ties those to
 * the request that made them. Each follower has a promise and a timer of its own: workerd kills a request without pending
 * work as hung, and the leader's client may disconnect at any moment. The leader resolves promises that await in other
 * requests: workerd continues each in its own request (`handle_cross_request_promise_resolution`, on since 2024-10-14, but
 * off in Vitest's workers, where a follower fails with "I/O on behalf of a different request").
 */
export class SingleFlight<T> {
  readonly #clock: Clock;
  readonly #followerWaitMs: number;
  readonly #followersByKey = new Map<string, Set<(settled: SettledLoad<T>) => void>>();

  /** `followerWaitMs`: a follower that has waited this long for the leader loads by itself. A load ends within twice that. */
  constructor(clock: Clock, followerWaitMs: number) {
    this.#clock = clock;
    this.#followerWaitMs = followerWaitMs;
  }

  /** The value of `key`, or the error, from the flight in progress or from `load`. Never rejects. */
  async load(ctx: WaitUntilContext, key: string, load: () => Promise<T>): Promise<FlightResult<T>> {
    const flight = this.#followersByKey.get(key);
    const settled = flight === undefined ? null : await this.#awaitFlight(flight);
    if (settled !== null) return { ...settled, coalesced: true };
    // Of the followers of a leader that never finished one leads, and the others follow it.
    const successor = this.#followersByKey.get(key);
    const joined = successor === undefined || successor === flight ? null : await this.#awaitFlight(successor);
    if (joined !== null) return { ...joined, coalesced: true };
    const followers = new Set<(settled: SettledLoad<T>) => void>();
    this.#followersByKey.set(key, followers);
    const work = this.#runFlight(key, followers, load);
    ctx.waitUntil(work);
    return { ...(await work), coalesced: false };
  }

  /** A call that is never answered would keep the leader's request, and its `waitUntil`, until the platform ends both. */
  #bound(work: Promise<T>): Promise<T> {
    const maxMs = 2 * this.#followerWaitMs;
    return withTimeout(this.#clock, maxMs, work, () => {
      throw new UpstreamError(`no answer within ${maxMs} ms`);
    });
  }

  async #awaitFlight(followers: Set<(settled: SettledLoad<T>) => void>): Promise<SettledLoad<T> | null> {
    const { promise: landed, resolve } = Promise.withResolvers<SettledLoad<T>>();
    followers.add(resolve);
    try {
      return await withTimeout(this.#clock, this.#followerWaitMs, landed, () => null);
    } finally {
      followers.delete(resolve);
    }
  }

  async #runFlight(
    key: string,
    followers: Set<(settled: SettledLoad<T>) => void>,
    load: () => Promise<T>,
  ): Promise<SettledLoad<T>> {
    let settled: SettledLoad<T>;
    try {
      settled = { ok: true, value: await this.#bound(load()) };
    } catch (error) {
      settled = { ok: false, error };
    } finally {
      if (this.#followersByKey.get(key) === followers) this.#followersByKey.delete(key);
    }
    for (const resolve of [...followers]) resolve(settled);
    return settled;
  }
}
