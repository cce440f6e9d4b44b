import fc from "fast-check";
import { expect, test } from "vitest";
import { type HeldStream, weakest } from "./eviction.ts";

const stream: fc.Arbitrary<HeldStream> = fc.record({
  parked: fc.constantFrom(0, 0, 3),
  viewers: fc.constantFrom(0, 0, 5),
  known: fc.constantFrom("nothing", "ended", "live"),
  askedMs: fc.nat(1_000),
});

test("a stream that people watch never makes room, a live one not before one of which nothing goes on", () => {
  fc.assert(
    fc.property(fc.array(stream), (held) => {
      const found = weakest(held);
      const idle = held.filter(({ parked, viewers }) => parked + viewers === 0);
      if (found === null) {
        expect(idle).toEqual([]);
        return;
      }
      expect(idle).toContain(found);
      if (found.known === "live") expect(idle.every(({ known }) => known === "live")).toBe(true);
      const equals = idle.filter(({ known }) => known === found.known);
      expect(found.askedMs).toBe(Math.min(...equals.map(({ askedMs }) => askedMs)));
    }),
  );
});
