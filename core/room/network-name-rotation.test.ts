import fc from "fast-check";
import { expect, test } from "vitest";
import { networkBanEndMs, networkNameDays } from "./network-name-rotation.ts";

const at = fc.integer({ min: 0, max: 4_000_000_000_000 });

test("who comes on the day of a ban's name, or on the next, is found by it, and nobody once the ban is over", () => {
  fc.assert(
    fc.property(at, fc.integer({ min: 0, max: 400_000_000 }), (bannedMs, laterMs) => {
      const [day] = networkNameDays(bannedMs);
      const comesMs = bannedMs + laterMs;
      const [today, before] = networkNameDays(comesMs);
      expect([today, before].includes(day)).toBe(comesMs < networkBanEndMs(bannedMs));
    }),
  );
});

test("who has stayed since the day before a ban is found by that day's name for the next", () => {
  fc.assert(
    fc.property(at, fc.integer({ min: 0, max: 86_400_000 }), (cameMs, laterMs) => {
      expect(networkNameDays(cameMs)).toContain(networkNameDays(cameMs + laterMs)[0]);
    }),
  );
});
