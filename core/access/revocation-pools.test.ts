import fc from "fast-check";
import { expect, test } from "vitest";
import { ACCESS_LIMITS, ALL_TOKEN_VERSIONS } from "./access-policy.ts";
import { RevocationPools, type RevocationRequest } from "./revocation-pools.ts";

const NOW = 1_800_000_000_000;
const DAY_MS = ACCESS_LIMITS.tokenLifetimeMs + 60_000;
const ban = (subject: string, actor: string): RevocationRequest => ({
  subject,
  version: ALL_TOKEN_VERSIONS,
  by: "ban",
  actor,
});
const issued = (subject: string, version: number): RevocationRequest => ({ subject, version, by: "issuer" });

/** Pools, and what a test does with them. */
class Bench {
  readonly pools = new RevocationPools([]);
  revision = 0;

  revoke(revoking: RevocationRequest, nowMs = NOW): boolean {
    this.revision += 1;
    return this.pools.revoke(revoking, this.revision, nowMs) !== null;
  }

  flood(count: number, actor: string, of = actor): void {
    for (let index = 0; index < count; index += 1) this.revoke(ban(`${of}-${index}`, actor));
  }

  version(subject: string, by: "issuer" | "ban"): number {
    return this.pools.all.find((each) => each.subject === subject && each.by === by)?.version ?? 0;
  }
}

test("a lower version changes only the expiry of the existing revocation, and subjects are independent", () => {
  const bench = new Bench();
  bench.revoke(issued("ann", 3));
  bench.revoke(issued("ann", 1));
  bench.revoke(ban("ann", "mod"));
  expect([bench.version("ann", "issuer"), bench.version("ann", "ban")]).toEqual([3, ALL_TOKEN_VERSIONS]);
  bench.revoke({ ...ban("ann", "mod"), version: 0 });
  expect([bench.version("ann", "issuer"), bench.version("ann", "ban")]).toEqual([3, 0]);
});

test("for any sequence of bans and unbans, the issuer's revocations are accepted and hold", () => {
  const acts = fc.array(
    fc.record({
      actor: fc.constantFrom("ann", "bob"),
      subject: fc.nat(40).map((index) => `viewer-${index}`),
      undo: fc.boolean(),
      atMs: fc.nat(DAY_MS / 2).map((ms) => NOW + ms),
    }),
    { maxLength: 200 },
  );
  // An initially full pool, so that every step of the sequence meets its limit.
  const full = new Bench();
  full.flood(ACCESS_LIMITS.bans, "crowd");
  const property = fc.property(acts, acts, fc.nat(40), fc.nat(1_000), (before, after, index, version) => {
    const bench = new Bench();
    const pools = new RevocationPools(full.pools.all);
    Object.assign(bench, { pools, revision: full.revision });
    const subject = `viewer-${index}`;
    const moderate = (all: typeof before): void => {
      for (const { undo, atMs, ...act } of all) {
        expect(
          bench.revoke(undo ? { ...ban(act.subject, act.actor), version: 0 } : ban(act.subject, act.actor), atMs),
        ).toBe(true);
      }
    };
    moderate(before);
    expect(bench.revoke(issued(subject, version + 1))).toBe(true);
    moderate(after);
    expect(bench.version(subject, "issuer")).toBe(version + 1);
    expect(pools.all.length).toBeLessThanOrEqual(ACCESS_LIMITS.bans + ACCESS_LIMITS.issuerRevocations);
  });
  fc.assert(property, { numRuns: 20 });
});

test("a ban is always accepted, and an actor that floods the pool evicts only its own bans", () => {
  const bench = new Bench();
  bench.flood(100, "careful");
  bench.flood(ACCESS_LIMITS.bans + 300, "flood");
  for (let index = 0; index < 100; index += 1)
    expect(bench.version(`careful-${index}`, "ban")).toBe(ALL_TOKEN_VERSIONS);
  expect(bench.version("flood-0", "ban")).toBe(0);
  bench.revoke(ban("troll", "careful"));
  expect(bench.version("troll", "ban")).toBe(ALL_TOKEN_VERSIONS);
  expect(bench.pools.all.length).toBe(ACCESS_LIMITS.bans);
});

test("revocations without effect are evicted first, then lifted ones; an unban takes no slot", () => {
  const bench = new Bench();
  bench.revoke(ban("old", "mod"), NOW - DAY_MS);
  bench.revoke(issued("old", 1), NOW - DAY_MS);
  expect(bench.pools.revoke(ban("pardoned", "mod"), 1, NOW)?.evicted).toMatchObject([
    { subject: "old", by: "issuer" },
    { subject: "old", by: "ban" },
  ]);
  bench.revoke({ ...ban("pardoned", "mod"), version: 0 });
  bench.flood(ACCESS_LIMITS.bans - 1, "mod");
  expect(bench.pools.revoke({ ...ban("stranger", "mod"), version: 0 }, 1e6, NOW)?.evicted).toMatchObject([
    { subject: "stranger" },
  ]);
  expect(bench.pools.revoke(ban("two", "mod"), 1e6, NOW)?.evicted).toMatchObject([{ subject: "pardoned" }]);
  expect(bench.pools.revoke(ban("three", "mod"), 1e6, NOW)?.evicted).toMatchObject([{ subject: "mod-0" }]);
});

test("only the issuer fills the issuer's pool, and is refused when it is full", () => {
  const bench = new Bench();
  for (let index = 0; index < ACCESS_LIMITS.issuerRevocations; index += 1) {
    expect(bench.revoke(issued(`viewer-${index}`, 1))).toBe(true);
  }
  expect(bench.revoke(issued("one-more", 1))).toBe(false);
  expect(bench.revoke(issued("viewer-7", 2))).toBe(true);
  bench.revoke(issued("viewer-9", 0));
  expect(bench.revoke(issued("one-more", 1))).toBe(true);
  expect(bench.revoke(issued("later", 1), NOW + DAY_MS)).toBe(true);
});

test("revocations that concern no token any more can be dropped, and the next of them is known", () => {
  const bench = new Bench();
  expect(bench.pools.firstExpiryMs).toBeNull();
  bench.revoke(ban("troll", "mod"));
  bench.revoke(issued("ann", 1), NOW + 1_000);
  const firstMs = bench.pools.firstExpiryMs ?? 0;
  expect(bench.pools.dropExpired(firstMs - 1)).toEqual([]);
  expect(bench.pools.dropExpired(firstMs).map(({ subject }) => subject)).toEqual(["troll"]);
  expect([bench.pools.firstExpiryMs, bench.pools.all.length]).toEqual([firstMs + 1_000, 1]);
});
