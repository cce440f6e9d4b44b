/** A node's memory of who asked it, from which it tells askers whether it feeds them. */
import type { Address } from "./address.ts";
import { type Asker, judge, TREE_LIMITS, type Verdict } from "./policy.ts";

/** Who is fed now, the asker not counted. */
export interface Fed {
  readonly isolates: number;
  readonly shields: number;
}

/** Askers remembered at most; beyond it the oldest is forgotten, which only makes a node think that fewer came. */
const REMEMBERED = 1024;

/** The door of one node. */
export class Door {
  readonly #address: Address;
  readonly #askers = new Map<string, number>();
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
    const children = fed.isolates + fed.shields + (asker.renews ? 1 : 0);
    if (children >= TREE_LIMITS.opensAt || children === 0) this.#thinSinceMs = null;
    else this.#thinSinceMs ??= nowMs;
    const thin = this.#thinSinceMs !== null && nowMs - this.#thinSinceMs > TREE_LIMITS.thinMs;
    return judge(this.#address, asker, { ...fed, askers: this.#askers.size, thin });
  }
}
