import { expect, test } from "vitest";
import { type FrameArrival, SourceClock } from "./source-clock.ts";

const FRAME_S = 0.04;
const frame = (ptsS: number, more: Partial<FrameArrival> = {}): FrameArrival => ({
  ...{ track: "video", ptsS, durationS: FRAME_S, nowMs: ptsS * 1000, emittedS: 0 },
  ...more,
});

test("a file's timestamps are kept, holes included", () => {
  const clock = new SourceClock({ live: false, mayJump: false }, 10, 0);
  expect(clock.positionFrame(frame(10))).toBeCloseTo(0);
  expect(clock.positionFrame(frame(10.04))).toBeCloseTo(0.04);
  expect(clock.positionFrame(frame(310))).toBeCloseTo(300);
  expect(clock.jumps).toBe(0);
});

test.each([3600, -3600, -3])("a clock that jumps by %i s continues at once, and both tracks stay in sync", (jumpS) => {
  const clock = new SourceClock({ live: false, mayJump: true }, 100, 0);
  for (let i = 0; i < 125; i++) {
    clock.positionFrame(frame(100 + i * FRAME_S));
    clock.positionFrame(frame(100 + i * FRAME_S, { track: "audio" }));
  }
  // The video ends a little before the audio.
  clock.positionFrame(frame(105, { track: "audio" }));
  const at = clock.positionFrame(frame(105 + jumpS + FRAME_S));
  expect(at).toBeCloseTo(5);
  const sound = clock.positionFrame(frame(105 + jumpS + FRAME_S, { track: "audio" }));
  expect(sound).toBeCloseTo(at);
  expect(clock.jumps).toBe(1);
});

test("a hole in a transmission is kept up to ten seconds", () => {
  const clock = new SourceClock({ live: false, mayJump: true }, 0, 0);
  clock.positionFrame(frame(0));
  expect(clock.positionFrame(frame(7))).toBeCloseTo(7);
  expect(clock.positionFrame(frame(17.2))).toBeCloseTo(7.04);
});

test("a timestamp years ahead is treated as broken, in any format", () => {
  const clock = new SourceClock({ live: false, mayJump: false }, 0, 0);
  clock.positionFrame(frame(0));
  expect(clock.positionFrame(frame(1e9))).toBeCloseTo(FRAME_S);
  expect(clock.positionFrame(frame(1e9 + FRAME_S))).toBeCloseTo(2 * FRAME_S);
});

test("tracks with unrelated clocks begin together", () => {
  const clock = new SourceClock({ live: false, mayJump: false }, 0, 0);
  expect(clock.positionFrame(frame(0))).toBe(0);
  expect(clock.positionFrame(frame(95_443, { track: "audio" }))).toBe(0);
});

test("a live source's hole is kept if as much time passed, and treated as a jump otherwise", () => {
  const clock = new SourceClock({ live: true, mayJump: true }, 0, 0);
  clock.positionFrame(frame(0));
  expect(clock.positionFrame(frame(7, { nowMs: 7000 }))).toBeCloseTo(7);
  expect(clock.positionFrame(frame(60, { nowMs: 7040 }))).toBeCloseTo(7.04);
  expect(clock.positionFrame(frame(57, { nowMs: 7080 }))).toBeCloseTo(7.08);
});

test("a live source whose clock stood still while time passed is moved to the present", () => {
  const clock = new SourceClock({ live: true, mayJump: true }, 0, 0);
  clock.positionFrame(frame(0));
  let positionS = 0;
  // The source paused for seven seconds, during which the last picture was repeated.
  for (let i = 1; i < 50; i++) {
    const nowMs = 7000 + i * 40;
    positionS = clock.positionFrame(frame(i * FRAME_S, { nowMs, emittedS: nowMs / 1000 - 0.5 }));
  }
  expect(positionS).toBeGreaterThan(7);
});

test("a burst of delayed media is late, not a jump", () => {
  const clock = new SourceClock({ live: true, mayJump: true }, 0, 0);
  for (let i = 0; i < 25; i++) clock.positionFrame(frame(i * FRAME_S));
  for (let i = 25; i < 100; i++) {
    const at = clock.positionFrame(frame(i * FRAME_S, { nowMs: 4000 + i, emittedS: 3.5 }));
    expect(at).toBeCloseTo(i * FRAME_S);
  }
  expect(clock.jumps).toBe(0);
});

test("the live edge is the position of a frame with the least delay, and follows a slow drift", () => {
  const clock = new SourceClock({ live: true, mayJump: true }, 0, 0);
  clock.positionFrame(frame(0, { nowMs: 1000 }));
  clock.positionFrame(frame(0.04, { nowMs: 900 }));
  expect(clock.liveEdgeS("video", 1900)).toBeCloseTo(1.04);
  for (let i = 0; i < 3000; i++) clock.positionFrame(frame(0.08 + i * FRAME_S, { nowMs: 1000 + i * 41 }));
  expect(clock.liveEdgeS("video", 1000 + 3000 * 41)).toBeCloseTo(0.08 + 3000 * FRAME_S, 0);
});

test("a constant offset of one track does not count as lateness", () => {
  const clock = new SourceClock({ live: true, mayJump: true }, 0, 0);
  for (let i = 0; i < 100; i++) {
    clock.positionFrame(frame(i * FRAME_S, { track: "audio", nowMs: 5000 + i * 40 }));
    clock.positionFrame(frame(i * FRAME_S, { nowMs: 5900 + i * 40 }));
  }
  const now = 5900 + 100 * 40;
  expect(clock.liveEdgeS("video", now)).toBeCloseTo(4);
  expect(clock.liveEdgeS("audio", now)).toBeCloseTo(4.9);
});
