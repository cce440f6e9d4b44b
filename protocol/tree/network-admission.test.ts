import { expect, test } from "vitest";
import { ADMISSION_DEFAULTS, NetworkAdmission } from "./admission.ts";

test("one network gets a tenth of the joins of a node, and what it is refused nobody else misses", () => {
  const networks = new NetworkAdmission(ADMISSION_DEFAULTS);
  let taken = 0;
  for (let ms = 0; ms < 10_000; ms += 1) if (networks.ask("greedy", ms)) taken += 1;
  expect(taken).toBeLessThanOrEqual(0.1 * (ADMISSION_DEFAULTS.burst + 10 * ADMISSION_DEFAULTS.joinsPerSecond) + 1);
  expect(networks.ask("household", 10_000)).toBe(true);
});

test("where few may join, a household may all the same", () => {
  const networks = new NetworkAdmission({ joinsPerSecond: 2, burst: 4, spreadS: 20 });
  expect(Array.from({ length: 8 }, () => networks.ask("household", 0)).every(Boolean)).toBe(true);
});

test("networks that come once don't make a node forget the one that floods it", () => {
  const networks = new NetworkAdmission(ADMISSION_DEFAULTS);
  while (networks.ask("greedy", 0));
  for (let n = 0; n < 20_000; n += 1) {
    networks.ask(`other-${n}`, 0);
    if (n % 100 === 0) expect(networks.ask("greedy", 0)).toBe(false);
  }
});
