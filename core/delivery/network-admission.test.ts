import { expect, test } from "vitest";
import { DEFAULT_JOIN_RATES, NetworkJoinAdmission } from "./join-admission.ts";

test("one network gets a tenth of a node's joins, and its refusals cost nobody else a join", () => {
  const networks = new NetworkJoinAdmission(DEFAULT_JOIN_RATES);
  let taken = 0;
  for (let ms = 0; ms < 10_000; ms += 1) if (networks.tryJoin("greedy", ms)) taken += 1;
  expect(taken).toBeLessThanOrEqual(0.1 * (DEFAULT_JOIN_RATES.burst + 10 * DEFAULT_JOIN_RATES.joinsPerSecond) + 1);
  expect(networks.tryJoin("household", 10_000)).toBe(true);
});

test("under a low join rate a household is admitted all the same", () => {
  const networks = new NetworkJoinAdmission({ joinsPerSecond: 2, burst: 4, spreadS: 20 });
  expect(Array.from({ length: 8 }, () => networks.tryJoin("household", 0)).every(Boolean)).toBe(true);
});

test("networks with one request do not evict the entry of a flooding network", () => {
  const networks = new NetworkJoinAdmission(DEFAULT_JOIN_RATES);
  while (networks.tryJoin("greedy", 0));
  for (let n = 0; n < 20_000; n += 1) {
    networks.tryJoin(`other-${n}`, 0);
    if (n % 100 === 0) expect(networks.tryJoin("greedy", 0)).toBe(false);
  }
});
