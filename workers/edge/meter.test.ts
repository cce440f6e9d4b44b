import { expect, test } from "vitest";
import { Meter } from "./meter.ts";

test("viewers are told by how many part durations a second they ask for", () => {
  const meter = new Meter();
  meter.report(100_000);
  expect(meter.viewers(101_000)).toBe(0);
  for (let part = 0; part < 30; part += 1) for (let viewer = 0; viewer < 7; viewer += 1) meter.blocking(333.34);
  expect(meter.viewers(110_000)).toBe(7);
  expect(meter.report(110_000).viewers).toBe(7);
  expect(meter.viewers(111_000)).toBe(7);
  expect(meter.viewers(114_000)).toBe(0);
});

test("a report holds what was counted since the last one, and an object counts once", () => {
  const meter = new Meter();
  meter.counts.requests = 5;
  meter.came("720p/1.0");
  meter.came("720p/1.0");
  expect(meter.report(1).counts).toEqual({ requests: 5, hits: 0, coalesced: 0, upstream: 0, objects: 1 });
  meter.counts.requests = 7;
  expect(meter.report(2).counts).toEqual({ requests: 2, hits: 0, coalesced: 0, upstream: 0, objects: 0 });
});
