import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import type { ProductCode } from "./kernel/product-code.ts";
import { Trace } from "./kernel/trace.ts";
import { FAULT_GROUPS } from "./media/fault-schedule.ts";
import { loadMediaCode } from "./media/media-world.ts";
import { runMedia } from "./media/scenario.ts";

let code: ProductCode;
beforeAll(async () => {
  code = await loadMediaCode(fileURLToPath(new URL("../..", import.meta.url)));
});

/** Seeds of one test: its name says where to look. */
const GROUP = 10;

test.each([101, 111, 121, 131, 141])(
  "ten broadcasts from seed %i on hold under faults",
  { timeout: 120_000 },
  async (first) => {
    for (let seed = first; seed < first + GROUP; seed += 1) {
      const plan = { seed, durationMs: 10_000, viewers: 4, faults: FAULT_GROUPS, onlyFaults: null };
      const { failure } = await runMedia(plan, code, new Trace());
      expect([seed, failure?.checker, failure?.message]).toEqual([seed, undefined, undefined]);
    }
  },
);
