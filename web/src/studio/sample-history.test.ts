import { expect, test } from "vitest";
import type { StudioSample } from "./rate-window.ts";
import { HISTORY_LIMITS, SampleHistory } from "./sample-history.ts";

const none = { isolate: null, colo: null, region: null };
const sample = (atMs: number, viewers: number): StudioSample => ({
  atMs,
  viewers,
  requestsPerSecond: 0,
  hitRatio: none,
  crossings: none,
  delayS: null,
  errorsPerMinute: null,
  refusalsPerMinute: null,
  innerErrorsPerMinute: null,
});

test("columns hold the times in seconds and each series' numbers", () => {
  const history = new SampleHistory<StudioSample>();
  history.add(sample(2_000, 1));
  history.add(sample(4_000, 5));
  expect(history.columns([({ viewers }) => viewers, ({ delayS }) => delayS])).toEqual([
    [2, 4],
    [1, 5],
    [null, null],
  ]);
  expect(history.latest?.viewers).toBe(5);
});

test("a line has a gap where samples are missing", () => {
  const history = new SampleHistory<StudioSample>();
  history.add(sample(0, 1));
  history.add(sample(HISTORY_LIMITS.gapMs + 2_000, 2));
  expect(history.columns([({ viewers }) => viewers])).toEqual([
    [0, 6, 12],
    [1, null, 2],
  ]);
});

test("samples beyond the span or the limit are dropped, and a new broadcast starts empty", () => {
  const history = new SampleHistory<StudioSample>();
  for (let index = 0; index < 1_000; index += 1) history.add(sample(index * 1_000, index));
  const [times = []] = history.columns([]);
  expect(times).toHaveLength(HISTORY_LIMITS.samples);
  expect(times.at(-1)).toBe(999);
  history.add(sample(999_000 + HISTORY_LIMITS.spanMs + 1, 7));
  expect(history.columns([])[0]).toHaveLength(1);
  history.clear();
  expect(history.latest).toBeNull();
});
