import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { VirtualClock } from "../../../../core/kit/virtual-clock.ts";
import { FlowPacer } from "./flow-pacer.ts";

const [HAVE_CURRENT_DATA, HAVE_FUTURE_DATA] = [2, 3];

beforeEach(() => void vi.stubGlobal("HTMLMediaElement", { HAVE_FUTURE_DATA }));
afterEach(() => void vi.unstubAllGlobals());

/** An element at 40 s that cannot play on, with `aheadS` before a hole of half a minute. */
function stuckElement(aheadS: number): HTMLVideoElement {
  const ranges = [
    [30, 40 + aheadS],
    [72, 73],
  ] as const;
  const buffered = {
    length: ranges.length,
    start: (i: number) => ranges[i]?.[0] ?? Number.NaN,
    end: (i: number) => ranges[i]?.[1] ?? Number.NaN,
  };
  const state = { paused: false, seeking: false, readyState: HAVE_CURRENT_DATA, playbackRate: 1, currentTime: 40 };
  return { ...state, buffered } as unknown as HTMLVideoElement;
}

// 0.09 s: what was left in Chromium, which stops 0.10 s before a hole where there is sound.
test.each([0, 0.02, 0.049, 0.09, 0.1])("an element that stops %s s before a hole goes on behind it", (aheadS) => {
  const video = stuckElement(aheadS);
  const clock = new VirtualClock();
  new FlowPacer(video, clock).tick(clock.monotonicMs() + 1_000, 0.2);
  expect(video.currentTime).toBeCloseTo(72.01, 5);
});

test("an element that has something to play before a hole is left alone", () => {
  const video = stuckElement(0.5);
  const clock = new VirtualClock();
  new FlowPacer(video, clock).tick(clock.monotonicMs() + 1_000, 0.2);
  expect(video.currentTime).toBe(40);
});

test("a seek that stops short of a hole, which nothing ends, goes on behind it", async () => {
  const video = Object.assign(stuckElement(0.12), { seeking: true });
  const clock = new VirtualClock();
  const pacer = new FlowPacer(video, clock);
  const tickAfter = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    pacer.tick(clock.monotonicMs(), 0.2);
  };
  await tickAfter(0);
  await tickAfter(900);
  expect(video.currentTime).toBe(40);
  await tickAfter(200);
  expect(video.currentTime).toBeCloseTo(72.01, 5);
});

const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36";
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/** Assignments of `currentTime`, of an element that has stalled with `aheadS` buffered. */
function stall(userAgent: string, aheadS: number, ticks: number): number[] {
  vi.stubGlobal("navigator", { userAgent });
  const video = stuckElement(aheadS);
  const sought: number[] = [];
  Object.defineProperty(video, "currentTime", { get: () => 40, set: (toS: number) => void sought.push(toS) });
  const clock = new VirtualClock(10_000);
  const pacer = new FlowPacer(video, clock);
  pacer.onStall(clock.monotonicMs());
  for (let i = 0; i < ticks; i += 1) pacer.tick(clock.monotonicMs() + 100 * i, 0.2);
  return sought;
}

test("a stall in Blink ends with a seek to where it is, once enough is buffered, and once", () => {
  expect(stall(CHROME, 0.3, 5)).toEqual([40]);
  expect(stall(CHROME, 0.2, 5)).toEqual([]);
  expect(stall(FIREFOX, 0.3, 5)).toEqual([]);
});
