import { expect, test } from "vitest";
import { PartLateness } from "./part-lateness.ts";

test("a part that comes over half a second late is a stall, of its own track", () => {
  const lateness = new PartLateness(100);
  expect(lateness.recordPart("video", 1_000)).toBeNull();
  expect(lateness.recordPart("audio", 1_400)).toBeNull();
  expect(lateness.recordPart("video", 1_600)).toBeNull();
  expect(lateness.recordPart("audio", 2_001)).toBe(501);
  expect(lateness.trackCount).toBe(2);
});

test("a part that never comes is late too", () => {
  const lateness = new PartLateness(100);
  expect(lateness.pendingMs(5_000)).toEqual([]);
  lateness.recordPart("video", 1_000);
  lateness.recordPart("audio", 1_300);
  expect(lateness.pendingMs(1_600)).toEqual([]);
  expect(lateness.pendingMs(1_800)).toEqual([700]);
  expect(lateness.pendingMs(2_800)).toEqual([1_700, 1_400]);
  lateness.recordPart("video", 2_800);
  expect(lateness.pendingMs(2_800)).toEqual([1_400]);
});
