/** Look-ups of passphrases: bounded, one at a time for a key, limited by network. */
import { parseNetwork } from "../../core/access/network.ts";
import { type Clock, withTimeout } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { Mutex } from "../../core/kit/mutex.ts";
import { TokenBuckets } from "../../core/kit/token-buckets.ts";
import { SRT_LISTENER_LIMITS } from "./srt-listener-limits.ts";

/** The passphrase of a key of a stream for a caller at an address; null if the key is unknown, revoked or not of the stream. */
export type ResolvePassphrase = (stream: StreamName, keyId: string, remoteAddress: string) => Promise<string | null>;

/** The answer to a caller: `overload` if it was not looked up, or not in time. */
export type PassphraseLookup =
  | { readonly kind: "found"; readonly passphrase: string }
  | { readonly kind: "unknown" }
  | { readonly kind: "overload" };

interface KeyQueue {
  readonly mutex: Mutex;
  length: number;
}

/** Looks passphrases up within the limits. */
export class PassphraseLookups {
  readonly #clock: Clock;
  readonly #resolve: ResolvePassphrase;
  readonly #queues = new Map<string, KeyQueue>();
  readonly #buckets = new TokenBuckets();
  #pending = 0;

  constructor(clock: Clock, resolve: ResolvePassphrase) {
    this.#clock = clock;
    this.#resolve = resolve;
  }

  /** Never rejects. */
  async find(stream: StreamName, keyId: string, remoteAddress: string): Promise<PassphraseLookup> {
    const { lookups, lookupsPerKey, lookupRate } = SRT_LISTENER_LIMITS;
    const network = parseNetwork(remoteAddress) ?? remoteAddress;
    const name = `${stream}/${keyId}`;
    const queue = this.#queues.get(name) ?? { mutex: new Mutex(), length: 0 };
    const isFull = this.#pending >= lookups || queue.length > lookupsPerKey;
    if (isFull || !this.#buckets.tryTake(network, lookupRate, this.#clock.monotonicMs())) return { kind: "overload" };
    this.#queues.set(name, queue);
    queue.length += 1;
    this.#pending += 1;
    try {
      return await queue.mutex.runExclusive(() => this.#load(stream, keyId, remoteAddress));
    } catch {
      // The edge does not answer: the caller tries again later, and the key may be right.
      return { kind: "overload" };
    } finally {
      this.#pending -= 1;
      queue.length -= 1;
      if (queue.length === 0) this.#queues.delete(name);
    }
  }

  async #load(stream: StreamName, keyId: string, remoteAddress: string): Promise<PassphraseLookup> {
    const work = this.#resolve(stream, keyId, remoteAddress).then(
      (passphrase): PassphraseLookup => (passphrase === null ? { kind: "unknown" } : { kind: "found", passphrase }),
    );
    return withTimeout(this.#clock, SRT_LISTENER_LIMITS.lookupMs, work, (): PassphraseLookup => ({ kind: "overload" }));
  }
}
