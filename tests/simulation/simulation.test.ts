import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import type { ProductCode } from "./kernel/product-code.ts";
import { Trace } from "./kernel/trace.ts";
import { FAULT_GROUPS } from "./media/fault-schedule.ts";
import { loadMediaCode } from "./media/media-world.ts";
import { type MediaOutcome, type MediaPlan, runMedia } from "./media/scenario.ts";

let code: ProductCode;
beforeAll(async () => {
  code = await loadMediaCode(fileURLToPath(new URL("../..", import.meta.url)));
});

const run = (plan: Partial<MediaPlan>): Promise<MediaOutcome> =>
  runMedia(
    { seed: 1, durationMs: 10_000, viewers: 4, faults: FAULT_GROUPS, onlyFaults: null, ...plan },
    code,
    new Trace(),
  );

test("the same seed gives the same timeline, and another seed another one", async () => {
  const [once, again, other] = [await run({ seed: 3 }), await run({ seed: 3 }), await run({ seed: 5 })];
  expect([again.hash, again.events]).toEqual([once.hash, once.events]);
  expect(other.hash).not.toBe(once.hash);
});

test("without faults nobody is disturbed, and every object crosses each link once", async () => {
  for (const seed of [2, 4]) expect((await run({ seed, faults: [] })).failure).toBeNull();
});
