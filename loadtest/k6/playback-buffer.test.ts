import { expect, test } from "vitest";
import { PlaybackBuffer } from "./playback-buffer.ts";

test("a player whose media arrives in time never stalls", () => {
  const buffer = new PlaybackBuffer(1);
  for (let part = 0; part < 30; part += 1) buffer.append(0.5, part * 500);
  expect(buffer.stalls).toBe(0);
  expect(buffer.aheadS(14_500)).toBeCloseTo(1);
});

test("a part later than the buffered time stalls the playhead until it arrives", () => {
  const buffer = new PlaybackBuffer(1);
  buffer.append(0.5, 0);
  buffer.append(0.5, 500);
  buffer.append(0.5, 2_500);
  expect(buffer.stalls).toBe(1);
  expect(buffer.stalledS).toBeCloseTo(1);
  buffer.append(0.5, 3_000);
  expect(buffer.stalls).toBe(1);
});

test("before playback starts there is no stall", () => {
  const buffer = new PlaybackBuffer(1);
  buffer.append(0.5, 0);
  expect(buffer.aheadS(60_000)).toBe(0.5);
  expect([buffer.hasStarted, buffer.stalls]).toEqual([false, 0]);
});
