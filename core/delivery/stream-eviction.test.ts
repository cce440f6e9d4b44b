import fc from "fast-check";
import { expect, test } from "vitest";
import { type EvictionCandidate, selectForEviction } from "./stream-eviction.ts";

const stream: fc.Arbitrary<EvictionCandidate> = fc.record({
  parkedRequests: fc.constantFrom(0, 0, 3),
  viewers: fc.constantFrom(0, 0, 5),
  replicaState: fc.constantFrom("nothing", "ended", "live"),
  lastRequestMs: fc.nat(1_000),
});

test("a stream with viewers is never evicted, and a live stream only after idle ones", () => {
  fc.assert(
    fc.property(fc.array(stream), (held) => {
      const found = selectForEviction(held);
      const idle = held.filter(({ parkedRequests, viewers }) => parkedRequests + viewers === 0);
      if (found === null) {
        expect(idle).toEqual([]);
        return;
      }
      expect(idle).toContain(found);
      if (found.replicaState === "live") expect(idle.every(({ replicaState }) => replicaState === "live")).toBe(true);
      const equals = idle.filter(({ replicaState }) => replicaState === found.replicaState);
      expect(found.lastRequestMs).toBe(Math.min(...equals.map(({ lastRequestMs }) => lastRequestMs)));
    }),
  );
});
