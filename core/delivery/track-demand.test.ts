import { expect, test } from "vitest";
import type { TrackName } from "../kit/ids.ts";
import { EDGE_STREAM_LIMITS } from "./node-limits.ts";
import { TrackDemand } from "./track-demand.ts";

const TRACK = "720p" as TrackName;
const HOUR_MS = 3_600_000;

test("demand ends after its time although the clock was set back", () => {
  const { chunkIdleMs, trackIdleMs } = EDGE_STREAM_LIMITS;
  const demand = new TrackDemand();
  const dropped: TrackName[] = [];
  const collect = (nowMs: number): TrackName[] => [...demand.collect(nowMs, (track) => dropped.push(track))];
  demand.record(TRACK, HOUR_MS);
  demand.recordChunks(HOUR_MS);
  expect([collect(0), demand.wantsChunks(0)]).toEqual([[TRACK], true]);
  expect([demand.wantsChunks(chunkIdleMs - 1), demand.wantsChunks(chunkIdleMs)]).toEqual([true, false]);
  expect([collect(trackIdleMs - 1), dropped]).toEqual([[TRACK], []]);
  expect([collect(trackIdleMs), dropped]).toEqual([[], [TRACK]]);
});
