import fc from "fast-check";
import { expect, test } from "vitest";
import { computeTrustMs } from "./copy-trust.ts";
import { REGISTRY_LIMITS } from "./registry-limits.ts";

test("copies are read at most 10 times by two objects in a flood of 10 s, whatever names are requested", () => {
  let trustMs: number = REGISTRY_LIMITS.trustMs;
  let reads = 0;
  for (let nowMs = 0; nowMs < 10_000; nowMs += trustMs) {
    reads += 1;
    if (nowMs > 0) trustMs = computeTrustMs({ trustMs, refusals: 1_000, hasChanged: false });
  }
  expect(reads * REGISTRY_LIMITS.shards).toBeLessThanOrEqual(10);
});

test("without a flood, and as soon as the set changes, a new name is known after the shortest refresh time", () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(10_000), fc.boolean(), (trustMs, refused, changed) => {
      const next = computeTrustMs({ trustMs, refusals: refused, hasChanged: changed });
      expect(next).toBeLessThanOrEqual(REGISTRY_LIMITS.maxTrustMs);
      if (changed || refused < REGISTRY_LIMITS.floodNames) expect(next).toBe(REGISTRY_LIMITS.trustMs);
    }),
  );
});
