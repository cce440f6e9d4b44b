/** The return of a Live object's lost parts, on a virtual clock. */
import { expect, test } from "vitest";
import type { TrackName } from "../../core/kit/ids.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { CatchUp } from "./catch-up.ts";

const [video, audio] = ["video" as TrackName, "audio" as TrackName];

function start(tracks: readonly TrackName[]): { clock: VirtualClock; catchUp: CatchUp; isOver: () => boolean } {
  const clock = new VirtualClock();
  const catchUp = new CatchUp(clock, tracks, 6_000);
  let over = false;
  void catchUp.wait().then(() => {
    over = true;
  });
  return { clock, catchUp, isOver: () => over };
}

test("it is over when every track has again what its publisher had sent", async () => {
  const { clock, catchUp, isOver } = start([video, audio]);
  // Refused as out of order: parts up to 5.1 were known before.
  catchUp.recordSent(video, { msn: 5, part: 1 }, { msn: 3, part: 0 });
  catchUp.recordSent(video, { msn: 3, part: 0 }, { msn: 3, part: 1 });
  catchUp.recordSent(video, { msn: 5, part: 0 }, { msn: 5, part: 1 });
  catchUp.recordSent(audio, { msn: 4, part: 2 }, { msn: 4, part: 3 });
  await clock.advance(10);
  expect(isOver()).toBe(false);
  catchUp.recordSent(video, { msn: 5, part: 1 }, { msn: 5, part: 2 });
  await clock.advance(10);
  expect(isOver()).toBe(true);
});

test("a track of which nothing has come is waited for, but not for ever", async () => {
  const { clock, catchUp, isOver } = start([video, audio]);
  catchUp.recordSent(video, { msn: 5, part: 1 }, { msn: 5, part: 2 });
  await clock.advance(5_900);
  expect(isOver()).toBe(false);
  await clock.advance(200);
  expect(isOver()).toBe(true);
});

test("without tracks there is nothing to wait for", async () => {
  const { clock, isOver } = start([]);
  await clock.advance(0);
  expect(isOver()).toBe(true);
});
