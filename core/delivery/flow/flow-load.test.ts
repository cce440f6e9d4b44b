import { expect, test } from "vitest";
import { FLOW_LIMITS } from "../node-limits.ts";
import { FlowLoad, flowWriteIntervalMs } from "./flow-load.ts";

const [frames, pairs, longest] = FLOW_LIMITS.units;

function grow(load: FlowLoad, viewers: number): void {
  while (load.viewers < viewers) load.count(1);
  while (load.viewers > viewers) load.count(-1);
}

test("a few viewers get frames at once, more of them larger writes, all streams of the isolate together", () => {
  const load = new FlowLoad();
  expect(load.unitMs).toBe(0);
  grow(load, pairs.viewers - 1);
  expect(load.unitMs).toBe(frames.ms);
  grow(load, pairs.viewers);
  expect(load.unitMs).toBe(pairs.ms);
  grow(load, 2_000);
  expect(load.unitMs).toBe(longest.ms);
  expect(longest.ms).toBeLessThanOrEqual(FLOW_LIMITS.longestUnitMs);
});

test("an operator's unit holds until that of the audience is longer", () => {
  const load = new FlowLoad(pairs.ms + 1);
  expect(load.unitMs).toBe(pairs.ms + 1);
  grow(load, pairs.viewers);
  expect(load.unitMs).toBe(pairs.ms + 1);
  grow(load, longest.viewers);
  expect(load.unitMs).toBe(longest.ms);
});

test("a viewer who comes and goes does not change the unit back and forth", () => {
  const load = new FlowLoad();
  grow(load, longest.viewers);
  const units = new Set<number>();
  for (let visit = 0; visit < 50; visit += 1) {
    grow(load, longest.viewers - 1 - (visit % 20));
    units.add(load.unitMs);
    grow(load, longest.viewers);
    units.add(load.unitMs);
  }
  expect([...units]).toEqual([longest.ms]);
  grow(load, 0);
  expect(load.unitMs).toBe(0);
});

test("no viewers are added to a full isolate, nor to one whose core is full, until it has recovered", () => {
  const load = new FlowLoad();
  expect(load.enter(null, 0)).toBeNull();
  load.recordBehind(1_000);
  expect(load.enter(null, 1_000 + FLOW_LIMITS.behindMs - 1)).toBe("behind");
  expect(load.enter(null, 1_000 + FLOW_LIMITS.behindMs)).toBeNull();
  grow(load, FLOW_LIMITS.viewers);
  expect(load.enter(null, 10_000)).toBe("places");
});

test("writes are some whole number of frames or chunks apart, and no more than the longest unit unless media is", () => {
  const frameMs = 1_000 / 30;
  expect(flowWriteIntervalMs(1, frameMs)).toBeCloseTo(frameMs);
  expect(flowWriteIntervalMs(pairs.viewers, frameMs)).toBeCloseTo(2 * frameMs);
  expect(flowWriteIntervalMs(longest.viewers, frameMs)).toBeCloseTo(3 * frameMs);
  expect(flowWriteIntervalMs(1_000, 40)).toBe(80);
  expect(flowWriteIntervalMs(1_000, 100)).toBe(100);
  expect(flowWriteIntervalMs(1_000, 333)).toBe(333);
});
