/** A node's memory of who asked it, from which it tells askers whether it feeds them. */
import type { Address } from "./address.ts";
import { type Asker, judge, TREE_LIMITS, type Verdict } from "./policy.ts";

/** Who is fed now, the asker not counted. */
export interface Fed {
  readonly isolates: number;
  readonly shields: number;
  /** Whether a node is among them. */
  has(node: string): boolean;
}

/** Askers remembered at most; beyond it the oldest is forgotten, which only makes a node think that fewer came. */
const REMEMBERED = 1024;

/** The door of one node. */
export class Door {
  readonly #address: Address;
  readonly #askers = new Map<string, number>();
  /** Who has been told to be fed here and isn't yet: a shield opens their feeds when its own has come. */
  readonly #promised = new Map<string, { readonly kind: Asker["kind"]; readonly atMs: number }>();
  /** Since when the node has had fewer than `opensAt` children. */
  #thinSinceMs: number | null = null;

  constructor(address: Address) {
    this.#address = address;
  }

  /** What `node` is told that asks at `nowMs`. */
  ask(node: string, asker: Asker, fed: Fed, nowMs: number): Verdict {
    this.#askers.delete(node);
    this.#askers.set(node, nowMs);
    for (const [known, atMs] of this.#askers) {
      if (nowMs - atMs <= TREE_LIMITS.askersMs && this.#askers.size <= REMEMBERED) break;
      this.#askers.delete(known);
    }
    const promised = this.#promisedBut(node, fed, nowMs);
    const children = fed.isolates + fed.shields + (asker.renews ? 1 : 0);
    if (children >= TREE_LIMITS.opensAt || children === 0) this.#thinSinceMs = null;
    else this.#thinSinceMs ??= nowMs;
    const thin = this.#thinSinceMs !== null && nowMs - this.#thinSinceMs > TREE_LIMITS.thinMs;
    const isolates = fed.isolates + promised.isolates;
    const shields = fed.shields + promised.shields;
    const verdict = judge(this.#address, asker, { isolates, shields, askers: this.#askers.size, thin });
    if (verdict === "serve" && !asker.renews) this.#promised.set(node, { kind: asker.kind, atMs: nowMs });
    return verdict;
  }

  #promisedBut(node: string, fed: Fed, nowMs: number): { readonly isolates: number; readonly shields: number } {
    this.#promised.delete(node);
    let isolates = 0;
    for (const [name, { kind, atMs }] of this.#promised) {
      if (nowMs - atMs > TREE_LIMITS.promiseMs || fed.has(name)) this.#promised.delete(name);
      else if (kind === "isolate") isolates += 1;
    }
    return { isolates, shields: this.#promised.size - isolates };
  }
}
