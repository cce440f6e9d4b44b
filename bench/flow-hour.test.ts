import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../core/kit/virtual-clock.ts";
import { type HourTab, recordTabs } from "./flow-hour.ts";

const MINUTE_MS = 60_000;

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "corral-flow-hour-test-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A tab that plays 1 s behind, by `read`. */
function tabOf(name: HourTab["name"], read: () => void = () => {}): HourTab {
  const reading = { stats: { delayS: 1, stalls: 0, delivery: name }, behindS: 2, aheadS: 1, joins: ["latest"] };
  const tab: HourTab["tab"] = {
    async evaluate<T>() {
      read();
      return reading as T;
    },
    readMemory: async () => ({ heapBytes: 1e6, processBytes: 1e7 }),
  };
  return { name, tab, pid: 1, rows: [] };
}

/** Rows of the CSV that are of `player`. */
function countRows(player: HourTab["name"]): number {
  const lines = readFileSync(join(folder, "flow-hour.csv"), "utf8").split("\n");
  return lines.filter((line) => line.startsWith(`${player},`)).length;
}

test("a run that is interrupted writes what stands, with the figures of its minutes", async () => {
  const [clock, stop] = [new VirtualClock(), new AbortController()];
  const tabs = [tabOf("flow"), tabOf("ll-hls")];
  const figures = recordTabs(tabs, 60, folder, clock, stop.signal);
  await clock.advance(3.5 * MINUTE_MS);
  stop.abort();
  expect((await figures).map(({ figure, met }) => [figure, met])).toEqual([
    ["3 minutes by flow: drift of the delay", true],
    ["3 minutes by flow: most that is buffered, behind and ahead", true],
    ["3 minutes by flow: growth of the tab's memory: scripts; process", true],
    ["3 minutes by flow: planned renewals; other joins; stalls", true],
    ["3 minutes by LL-HLS: drift of the delay", true],
  ]);
  expect([countRows("flow"), countRows("ll-hls")]).toEqual([43, 43]);
  expect(existsSync(join(folder, "flow-hour.svg"))).toBe(true);
});

test("a run whose browser dies writes what stands, and fails", async () => {
  const clock = new VirtualClock();
  const dies = tabOf("ll-hls", () => {
    if (clock.monotonicMs() >= 2 * MINUTE_MS) throw new Error("the DevTools connection has ended");
  });
  const figures = recordTabs([tabOf("flow"), dies], 60, folder, clock, new AbortController().signal);
  const failure = expect(figures).rejects.toThrow("the DevTools connection has ended");
  await clock.advance(3 * MINUTE_MS);
  await failure;
  expect([countRows("flow"), countRows("ll-hls")]).toEqual([25, 24]);
  expect(existsSync(join(folder, "flow-hour.svg"))).toBe(true);
});

test("a run that is interrupted in its first minute has no figure", async () => {
  const [clock, stop] = [new VirtualClock(), new AbortController()];
  const figures = recordTabs([tabOf("flow")], 60, folder, clock, stop.signal);
  await clock.advance(MINUTE_MS / 2);
  stop.abort();
  expect(await figures).toEqual([]);
  expect(countRows("flow")).toBe(7);
  expect(existsSync(join(folder, "flow-hour.svg"))).toBe(false);
});
