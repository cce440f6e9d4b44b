/** The way from one asker to the node that feeds it: where to ask, and what each answer makes of it. */
import { type Address, LIVE, type Site } from "./address.ts";
import { type Asker, firstAddress, instead, parentOf, spreadOf, step, TREE_LIMITS } from "./policy.ts";

/** Where to ask, and whether the asker was sent there by a node that had its fill, or stands in for one that failed. */
export interface Stop {
  readonly address: Address;
  readonly pressed: boolean;
}

/** Who walks the way: an isolate at a site (or none), or the shield of an address. */
export type Walker =
  | { readonly kind: "isolate"; readonly site: Site | null; readonly node: string }
  | { readonly kind: "shield"; readonly address: Exclude<Address, { tier: "live" }>; readonly node: string };

/** One asker's way for one stream. */
export class Way {
  readonly #walker: Walker;
  readonly #spread: number;
  #stop: Stop | null = null;
  /** Until when the node is asked as one that must serve. */
  #pressedUntilMs = 0;
  /** The node stands in for one that failed. */
  #standsIn = false;
  #hops = 0;

  constructor(walker: Walker) {
    this.#walker = walker;
    this.#spread = spreadOf(walker.node);
  }

  /** How the asker names itself. */
  get kind(): Asker["kind"] {
    return this.#walker.kind === "isolate" ? "isolate" : this.#walker.address.tier;
  }

  /** Whether it knows its place. */
  get sited(): boolean {
    return this.#walker.kind === "shield" || this.#walker.site !== null;
  }

  /** The node asked last, or that would be asked first by one who remembers nothing. */
  get address(): Address {
    return this.#stop?.address ?? this.#first(null);
  }

  /** Whether the next step is the first: what others know of the way may help. */
  get lost(): boolean {
    return this.#stop === null;
  }

  /** Where to ask now. `remembered`: the way that others of the same place know. */
  at(remembered: Address | null, nowMs: number): Stop {
    if (this.#stop?.pressed === true && nowMs > this.#pressedUntilMs) {
      this.#stop = this.#standsIn ? null : { ...this.#stop, pressed: false };
      this.#standsIn = false;
    }
    this.#stop ??= { address: this.#first(remembered), pressed: false };
    return this.#stop;
  }

  /** The node sent the asker on. False where there is nowhere to go: try again later. */
  sent(verdict: "up" | "down", nowMs: number): boolean {
    const site = this.#walker.kind === "isolate" ? this.#walker.site : siteOf(this.#walker.address);
    const from = this.address;
    this.#hops += 1;
    const next = site === null ? null : step(from, verdict, this.kind, site, this.#spread);
    if (next === null || this.#hops > TREE_LIMITS.hops) {
      this.#forget();
      return false;
    }
    this.#standsIn = false;
    this.#go(next, verdict === "down", nowMs);
    return true;
  }

  /** The node feeds the asker. */
  served(): void {
    this.#hops = 0;
  }

  /** The node didn't answer, or stopped: its parent is asked next time, then the way is looked for anew. */
  failed(nowMs: number): void {
    const parent = instead(this.address);
    if (parent === null) this.#forget();
    else {
      this.#standsIn = true;
      this.#go(parent, true, nowMs);
    }
  }

  #go(address: Address, pressed: boolean, nowMs: number): void {
    this.#stop = { address, pressed };
    if (pressed) this.#pressedUntilMs = nowMs + TREE_LIMITS.wayMs;
  }

  #forget(): void {
    this.#stop = null;
    this.#standsIn = false;
    this.#hops = 0;
  }

  #first(remembered: Address | null): Address {
    return this.#walker.kind === "isolate"
      ? firstAddress(this.#walker.site, remembered)
      : parentOf(this.#walker.address);
  }
}

function siteOf(address: Address): Site | null {
  switch (address.tier) {
    case "live":
      return null;
    case "region":
      return { region: address.region, colo: "" };
    case "colo":
      return { region: address.region, colo: address.colo };
  }
}

/**
 * What a colo remembers of the way of an isolate that has been fed at `address` for `fedMs`: its shards are each isolate's
 * own, a stand-in is nobody's way, and the Live object's place is told once no herd has come.
 */
export function memorable(address: Address, fedMs: number): Address | null {
  if (address.tier === "region") return null;
  if (address.tier === "colo") return { ...address, shard: 0 };
  return fedMs < TREE_LIMITS.settledMs ? null : LIVE;
}
