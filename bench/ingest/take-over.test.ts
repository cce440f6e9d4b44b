import { expect, test } from "vitest";
import { describeTakeOver, type TakeOverReading } from "./take-over.ts";

const GOOD: TakeOverReading = {
  ...{ nodeMs: 200, switchMs: 600, freezeMs: 300, usualFreezeMs: 50, broadcasts: 1, gapParts: 0 },
  keptDelivery: true,
};

test("a figure by flow is met by pages that play by flow, each of them", () => {
  const all = describeTakeOver("killed", "flow", [GOOD, GOOD, GOOD]);
  expect([all.met, all.measured]).toEqual([true, "0.60 s; 0.30 s; 1"]);
  const two = describeTakeOver("killed", "flow", [GOOD, { ...GOOD, keptDelivery: false }, GOOD]);
  expect([two.met, two.measured]).toEqual([false, "0.60 s; 0.30 s; 1; 2 of 3 by flow"]);
});
