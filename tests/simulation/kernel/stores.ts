/** R2 and the caches of data centres, with their faults. */
import { SimulatedResponse } from "./fetch-types.ts";
import type { Network } from "./network.ts";
import { ConnectionLostError, type SimulatedProcess } from "./process.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { Simulation } from "./simulation.ts";

/** What is wrong with R2 now. */
export interface BucketFaults {
  /** Probability that a call is refused. */
  refuse: number;
  /** Probability that a write is done, and its answer an error all the same. */
  tornWrite: number;
  /** Probability that a body that is read ends early. */
  tornRead: number;
  /** Time added to each call, up to. */
  slowMs: number;
}

/** The place of R2. */
const BUCKET_PLACE = "r2";

interface StoredObject {
  readonly bytes: Uint8Array;
}

/** A bucket. Strongly consistent, as R2 is. */
export class Bucket {
  readonly #simulation: Simulation;
  readonly #network: Network;
  readonly #random: SeededRandom;
  readonly #objects = new Map<string, StoredObject>();
  readonly faults: BucketFaults = { refuse: 0, tornWrite: 0, tornRead: 0, slowMs: 0 };
  /** Writes that were done, by key. */
  readonly writes: Map<string, number> = new Map();
  /** Is called with each read that is answered with an object. */
  onRead: (place: string, key: string) => void = () => {};
  readonly #service: { readonly place: string; receiver(): SimulatedProcess };

  constructor(simulation: Simulation, network: Network, service: SimulatedProcess) {
    this.#simulation = simulation;
    this.#network = network;
    this.#random = simulation.random.fork("r2");
    this.#service = { place: BUCKET_PLACE, receiver: () => service };
  }

  /** What is stored under a key, for checkers. */
  peek(key: string): Uint8Array | null {
    return this.#objects.get(key)?.bytes ?? null;
  }

  /** Keys that begin with `prefix`. */
  keys(prefix: string): string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /** The bucket as a process is bound to it; what an object writes waits for `gate`. */
  bind(caller: SimulatedProcess, gate: () => Promise<void> | null = () => null): object {
    const call = async <T>(what: string, work: () => T, bytes = 0): Promise<T> => {
      await gate();
      const serve = async (): Promise<T> => {
        const { refuse, slowMs } = this.faults;
        if (slowMs > 0) await this.#simulation.sleep(this.#random.integer(0, slowMs));
        if (this.#random.chance(refuse)) throw new Error("R2: 503 service unavailable");
        return work();
      };
      return this.#network.request(caller, this.#service, what, serve, { bytes });
    };
    return {
      put: (key: string, value: Uint8Array | string) => {
        const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value.slice();
        return call(`put ${key}`, () => this.#put(key, bytes), bytes.byteLength);
      },
      get: (key: string) => call(`get ${key}`, () => this.#get(caller.place, key)),
      head: (key: string) => call(`head ${key}`, () => (this.#objects.has(key) ? { key } : null)),
      delete: (key: string) => call(`delete ${key}`, () => void this.#objects.delete(key)),
      list: (options: { readonly prefix?: string; readonly delimiter?: string } = {}) =>
        call("list", () => this.#list(options)),
    };
  }

  #put(key: string, bytes: Uint8Array): { readonly key: string } {
    this.#objects.set(key, { bytes });
    this.writes.set(key, (this.writes.get(key) ?? 0) + 1);
    if (this.#random.chance(this.faults.tornWrite)) throw new Error("R2: 500 internal error");
    return { key };
  }

  #get(place: string, key: string): object | null {
    const found = this.#objects.get(key);
    if (found === undefined) return null;
    this.onRead(place, key);
    const isTorn = this.#random.chance(this.faults.tornRead);
    const read = async (): Promise<ArrayBuffer> => {
      if (isTorn) throw new ConnectionLostError("the body of an R2 object was cut");
      return found.bytes.slice().buffer as ArrayBuffer;
    };
    return {
      key,
      size: found.bytes.byteLength,
      arrayBuffer: read,
      text: async () => new TextDecoder().decode(await read()),
    };
  }

  #list({ prefix = "", delimiter }: { readonly prefix?: string; readonly delimiter?: string }): object {
    const keys = this.keys(prefix);
    if (delimiter === undefined)
      return { objects: keys.map((key) => ({ key })), delimitedPrefixes: [], truncated: false };
    const prefixes = new Set(keys.map((key) => key.slice(0, key.indexOf(delimiter, prefix.length) + 1)));
    return { objects: [], delimitedPrefixes: [...prefixes], truncated: false };
  }
}

/** Objects that one data centre's cache holds at most. */
const MAX_CACHED = 2_000;
/** Time of a look-up. */
const CACHE_MS = 1;

interface CachedResponse {
  readonly response: SimulatedResponse;
  readonly untilMs: number;
}

/** One data centre's cache. It may lose anything at any time. */
export class ColoCache {
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  readonly #entries = new Map<string, CachedResponse>();
  /** Probability that a look-up fails, or finds nothing. */
  failures = 0;

  constructor(simulation: Simulation, colo: string) {
    this.#simulation = simulation;
    this.#random = simulation.random.fork(`cache ${colo}`);
  }

  /** Drops everything. */
  clear(): void {
    this.#entries.clear();
  }

  /** `caches` of a process in this data centre. */
  bind(owner: SimulatedProcess): object {
    const delay = (): Promise<void> => new Promise((resolve) => void owner.startTimer(CACHE_MS, resolve));
    const keyOf = (key: string | { readonly url: string }): string => (typeof key === "string" ? key : key.url);
    return {
      default: {
        match: async (key: string | { readonly url: string }): Promise<SimulatedResponse | undefined> => {
          await delay();
          if (this.#random.chance(this.failures)) throw new Error("the cache did not answer");
          const found = this.#entries.get(keyOf(key));
          if (found === undefined || this.#simulation.nowMs > found.untilMs) return undefined;
          return found.response.clone();
        },
        put: async (key: string | { readonly url: string }, response: SimulatedResponse): Promise<void> => {
          const maxAgeS = Number(/max-age=(\d+)/.exec(response.headers.get("cache-control") ?? "")?.[1] ?? 0);
          const bytes = (await response.bytes()).slice();
          await delay();
          if (this.#random.chance(this.failures)) throw new Error("the cache did not take it");
          const untilMs = this.#simulation.nowMs + 1000 * maxAgeS;
          this.#entries.set(keyOf(key), { response: new SimulatedResponse(bytes, response), untilMs });
          for (const oldest of this.#entries.keys()) {
            if (this.#entries.size <= MAX_CACHED) break;
            this.#entries.delete(oldest);
          }
        },
        delete: async (key: string | { readonly url: string }): Promise<boolean> => {
          await delay();
          return this.#entries.delete(keyOf(key));
        },
      },
    };
  }
}
