/**
 * One request upstream for any number of askers in an isolate. Followers get plain values through promises of their own,
 * each raced with a timer of its own: an asker without pending work of its own would be killed as hung, and a leader's
 * client may leave at any moment.
 */

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** What a request brought, and whether it was another asker's. */
export type Flown<T> = Settled<T> & { readonly coalesced: boolean };

/** Flights by key. Values must be plain (bytes, strings, records), never streams or responses. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Set<(settled: Settled<T>) => void>>();

  /** `waitMs`: a follower waits so long for the leader, then goes itself. */
  readonly waitMs: number;

  constructor(waitMs: number) {
    this.waitMs = waitMs;
  }

  /** The value of `key`, or the error, from the flight under way or from `load`. Never rejects. */
  async get(ctx: { waitUntil(work: Promise<unknown>): void }, key: string, load: () => Promise<T>): Promise<Flown<T>> {
    const flight = this.#flights.get(key);
    if (flight !== undefined) {
      const settled = await this.#follow(flight);
      if (settled !== null) return { ...settled, coalesced: true };
    }
    const followers = new Set<(settled: Settled<T>) => void>();
    this.#flights.set(key, followers);
    const work = this.#fly(key, followers, load);
    ctx.waitUntil(work);
    return { ...(await work), coalesced: false };
  }

  async #follow(flight: Set<(settled: Settled<T>) => void>): Promise<Settled<T> | null> {
    let resolve: (settled: Settled<T>) => void = () => {};
    const arrived = new Promise<Settled<T>>((done) => {
      resolve = done;
    });
    flight.add(resolve);
    try {
      return await Promise.race([arrived, scheduler.wait(this.waitMs).then(() => null)]);
    } finally {
      flight.delete(resolve);
    }
  }

  async #fly(key: string, followers: Set<(settled: Settled<T>) => void>, load: () => Promise<T>): Promise<Settled<T>> {
    let settled: Settled<T>;
    try {
      settled = { ok: true, value: await load() };
    } catch (error) {
      settled = { ok: false, error };
    } finally {
      if (this.#flights.get(key) === followers) this.#flights.delete(key);
    }
    for (const resolve of [...followers]) resolve(settled);
    return settled;
  }
}
