import fc from "fast-check";
import { expect, test } from "vitest";
import { networkBanEndMs, networkNameDays } from "./network-name-rotation.ts";

const at = fc.integer({ min: 0, max: 4_000_000_000_000 });

test("a network ban matches a viewer on its day and the next, and nobody after its end", () => {
  fc.assert(
    fc.property(at, fc.integer({ min: 0, max: 400_000_000 }), (bannedMs, laterMs) => {
      const [day] = networkNameDays(bannedMs);
      const comesMs = bannedMs + laterMs;
      const [today, before] = networkNameDays(comesMs);
      expect([today, before].includes(day)).toBe(comesMs < networkBanEndMs(bannedMs));
    }),
  );
});

test("a viewer present since the day before a network ban is matched by that day's name on the next day", () => {
  fc.assert(
    fc.property(at, fc.integer({ min: 0, max: 86_400_000 }), (cameMs, laterMs) => {
      expect(networkNameDays(cameMs)).toContain(networkNameDays(cameMs + laterMs)[0]);
    }),
  );
});
