/**
 * One request upstream for any number of askers in an isolate. Followers get plain values through promises of their own,
 * each raced with a timer of its own: an asker without pending work of its own would be killed as hung, and a leader's
 * client may leave at any moment.
 */

type SettledLoad<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** What a request brought, and whether it was another asker's. */
export type FlightResult<T> = SettledLoad<T> & { readonly coalesced: boolean };

/** Flights by key. Values must be plain (bytes, strings, records), never streams or responses. */
export class SingleFlight<T> {
  readonly #followersByKey = new Map<string, Set<(settled: SettledLoad<T>) => void>>();

  /** `waitMs`: a follower waits so long for the leader, then goes itself. */
  readonly waitMs: number;

  constructor(waitMs: number) {
    this.waitMs = waitMs;
  }

  /** The value of `key`, or the error, from the flight under way or from `load`. Never rejects. */
  async load(
    ctx: { waitUntil(work: Promise<unknown>): void },
    key: string,
    load: () => Promise<T>,
  ): Promise<FlightResult<T>> {
    const flight = this.#followersByKey.get(key);
    if (flight !== undefined) {
      const settled = await this.#awaitFlight(flight);
      if (settled !== null) return { ...settled, coalesced: true };
    }
    const followers = new Set<(settled: SettledLoad<T>) => void>();
    this.#followersByKey.set(key, followers);
    const work = this.#runFlight(key, followers, load);
    ctx.waitUntil(work);
    return { ...(await work), coalesced: false };
  }

  async #awaitFlight(flight: Set<(settled: SettledLoad<T>) => void>): Promise<SettledLoad<T> | null> {
    let resolve: (settled: SettledLoad<T>) => void = () => {};
    const arrived = new Promise<SettledLoad<T>>((done) => {
      resolve = done;
    });
    flight.add(resolve);
    try {
      return await Promise.race([arrived, scheduler.wait(this.waitMs).then(() => null)]);
    } finally {
      flight.delete(resolve);
    }
  }

  async #runFlight(
    key: string,
    followers: Set<(settled: SettledLoad<T>) => void>,
    load: () => Promise<T>,
  ): Promise<SettledLoad<T>> {
    let settled: SettledLoad<T>;
    try {
      settled = { ok: true, value: await load() };
    } catch (error) {
      settled = { ok: false, error };
    } finally {
      if (this.#followersByKey.get(key) === followers) this.#followersByKey.delete(key);
    }
    for (const resolve of [...followers]) resolve(settled);
    return settled;
  }
}
