import fc from "fast-check";
import { expect, test } from "vitest";
import { FeedAdmission } from "./feed-admission.ts";
import { TREE_LIMITS } from "./feed-policy.ts";
import { formatNodeAddress, type NodeAddress, REGIONS, type Site } from "./node-address.ts";
import { ParentResolver, type TreeNode } from "./parent-resolver.ts";

/** The tree without bytes: admissions, the nodes fed at each, and the parent that each data centre caches. */
class Forest {
  nowMs = 1_000_000;
  readonly #doors = new Map<
    string,
    { door: FeedAdmission; fed: Map<string, "isolate" | "shield">; way: ParentResolver | null }
  >();
  readonly #memory = new Map<string, NodeAddress>();
  readonly #ways = new Map<string, ParentResolver>();
  asks = 0;

  /** Brings an isolate to a node that serves it; returns that node, or null if none did. */
  join(node: string, site: Site): NodeAddress | null {
    const way = this.#ways.get(node) ?? new ParentResolver({ kind: "isolate", site, nodeId: node });
    this.#ways.set(node, way);
    const place = `${site.region}.${site.colo}`;
    const fedBy = this.#walk(node, way, this.#memory.get(place) ?? null);
    if (fedBy !== null && fedBy.tier !== "region")
      this.#memory.set(place, fedBy.tier === "colo" ? { ...fedBy, shard: 0 } : fedBy);
    return fedBy;
  }

  leave(node: string): void {
    for (const { fed } of this.#doors.values()) fed.delete(node);
    this.#ways.delete(node);
  }

  count(kind: "isolate" | "shield", address: NodeAddress): number {
    return [...this.#nodeAt(address).fed.values()].filter((fed) => fed === kind).length;
  }

  addresses(): string[] {
    return [...this.#doors.keys()];
  }

  #walk(node: string, way: ParentResolver, remembered: NodeAddress | null): NodeAddress | null {
    for (;;) {
      const { address, mustBeServed } = way.resolve(remembered, this.nowMs);
      const at = this.#nodeAt(address);
      this.asks += 1;
      const mine = at.fed.get(node);
      const others = [...at.fed].filter(([name]) => name !== node);
      const isolates = others.filter(([, kind]) => kind === "isolate").length;
      const fed = { isolates, shields: others.length - isolates, has: (name: string) => at.fed.has(name) };
      const asker = { kind: way.requesterKind, mustBeServed, isRenewal: mine !== undefined, hasSite: way.hasSite };
      const verdict = at.door.admit(node, asker, fed, this.nowMs);
      if (verdict === "full") return null;
      if (verdict === "serve") {
        if (at.way !== null && this.#walk(formatNodeAddress(address), at.way, null) === null) return null;
        for (const { fed } of this.#doors.values()) fed.delete(node);
        at.fed.set(node, way.requesterKind === "isolate" ? "isolate" : "shield");
        way.confirmParent();
        return address;
      }
      if (!way.followRedirect(verdict, this.nowMs)) return null;
    }
  }

  #nodeAt(address: NodeAddress): {
    door: FeedAdmission;
    fed: Map<string, "isolate" | "shield">;
    way: ParentResolver | null;
  } {
    const text = formatNodeAddress(address);
    const walker: TreeNode | null = address.tier === "live" ? null : { kind: "shield", address, nodeId: text };
    const node = this.#doors.get(text) ?? {
      door: new FeedAdmission(address),
      fed: new Map(),
      way: walker === null ? null : new ParentResolver(walker),
    };
    this.#doors.set(text, node);
    return node;
  }
}

const sites: Site[] = REGIONS.flatMap((region) => ["AAA", "BBB", "CCC", "DDD"].map((colo) => ({ region, colo })));
const site = fc.constantFrom(...sites);

test("any subscribers in any order are fed, and no node exceeds its limit of isolates", () => {
  fc.assert(
    fc.property(fc.array(site, { maxLength: 600 }), (comers) => {
      const forest = new Forest();
      for (const [index, where] of comers.entries()) {
        forest.nowMs += 5;
        expect(forest.join(`isolate-${index}`, where)).not.toBeNull();
      }
      expect(forest.count("isolate", { tier: "live" })).toBeLessThanOrEqual(TREE_LIMITS.liveIsolates);
      for (const place of sites) {
        expect(forest.count("isolate", { tier: "colo", ...place, shard: 0 })).toBeLessThanOrEqual(
          TREE_LIMITS.coloIsolates,
        );
      }
      // At most one pass down the whole tree, never a cycle.
      expect(forest.asks).toBeLessThanOrEqual(comers.length * (TREE_LIMITS.maxHops + 2) * 2);
    }),
    { numRuns: 40 },
  );
});

test("a lone isolate in each data centre is fed by the Live object, and shields feed nobody", () => {
  const forest = new Forest();
  for (const [index, where] of sites.entries()) {
    expect(forest.join(`isolate-${index}`, where)).toEqual({ tier: "live" });
  }
  expect(forest.count("shield", { tier: "live" })).toBe(0);
});

test("a crowd in one data centre costs the Live object one more feed, and fills shards", () => {
  const forest = new Forest();
  const where: Site = { region: "weur", colo: "FRA" };
  const memoryless = Array.from({ length: 200 }, (_, index) => `isolate-${index}`);
  // All at once: no parent is cached yet.
  const fedBy = memoryless.map((node) => forest.join(node, where));
  const tiers = fedBy.map((address) => address?.tier);
  // The second finds the cached parent of the first; from the limit on, all use the colo shield.
  expect(tiers.filter((tier) => tier === "live").length).toBeLessThanOrEqual(TREE_LIMITS.liveIsolates);
  expect(forest.count("isolate", { tier: "colo", ...where, shard: 0 })).toBe(TREE_LIMITS.coloIsolates);
  expect(forest.addresses().filter((name) => name.startsWith("weur.FRA.")).length).toBeGreaterThan(2);
});

test("after a crowd has left, the remaining isolates move back up, and shields end without children", () => {
  const forest = new Forest();
  const where: Site = { region: "weur", colo: "FRA" };
  for (let index = 0; index < 120; index += 1) forest.join(`isolate-${index}`, where);
  for (let index = 0; index < 119; index += 1) forest.leave(`isolate-${index}`);
  let fedBy: NodeAddress | null = null;
  for (let renewal = 0; renewal < 12; renewal += 1) {
    forest.nowMs += 20_000;
    fedBy = forest.join("isolate-119", where);
    expect(fedBy).not.toBeNull();
  }
  expect(fedBy).toEqual({ tier: "live" });
});
