/** An hour of playback by the target and the pace, on a model of the element: how often it stalls, and how much delay that costs. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { initialLatency, withStallMargin } from "../latency.ts";
import { FLOW_PACE_LIMITS, nextFlowPace } from "./flow-pace.ts";
import { LatenessWindow } from "./flow-target.ts";

const PART_S = 0.1;
/** On an idle network a part is there so long after its beginning. */
const USUAL_S = 0.13;
const STEP_S = 0.02;
const HOUR_S = 3_600;
/** With sound Chromium stalls with less than this buffered, and plays on some time after it has more. */
const STALL_UNDER_S = 0.1;
const RESUME_S = 0.3;

interface Hour {
  readonly stalls: number;
  /** Mean delay of the last minute, seconds. */
  readonly delayS: number;
}

/** `latenessS` of the part that begins at this second, beyond the usual one. Parts come in order. */
function play(seconds: number, latenessS: (startS: number) => number): Hour {
  const lateness = new LatenessWindow();
  let state = initialLatency();
  let [nextPart, arrivedS, positionS, rate] = [0, 0, 0, 1];
  let [stalls, stalledUntilS, delaySum, delays] = [0, Number.NEGATIVE_INFINITY, 0, 0];
  let isStalled = false;
  let begun = false;
  for (let step = 0; step * STEP_S < seconds; step += 1) {
    const nowS = step * STEP_S;
    for (;;) {
      const startS = nextPart * PART_S;
      arrivedS = Math.max(arrivedS, startS + USUAL_S + latenessS(startS));
      if (arrivedS > nowS) break;
      lateness.add(1000 * nowS, startS);
      nextPart += 1;
    }
    const { targetS } = lateness;
    if (targetS === null) continue;
    if (!begun) positionS = nowS - targetS;
    begun = true;
    const bufferS = nextPart * PART_S - positionS;
    if (isStalled && nowS >= stalledUntilS && bufferS > 2 * STALL_UNDER_S) isStalled = false;
    else if (!isStalled && bufferS < STALL_UNDER_S) {
      isStalled = true;
      stalls += 1;
      stalledUntilS = nowS + RESUME_S;
      state = withStallMargin(state, 1000 * nowS, FLOW_PACE_LIMITS.stallUnitS);
    }
    if (isStalled) continue;
    if (step % 5 === 0) {
      const next = nextFlowPace(state, {
        ...{ nowMs: 1000 * nowS, targetS, delayS: nowS - positionS, bufferS, newestS: bufferS },
        ...{ sinceJoinMs: 60_000, sinceSeekMs: 60_000, canChangeRate: true },
      });
      ({ state, rate } = next);
      positionS += next.seekByS ?? 0;
    }
    positionS += STEP_S * rate;
    if (nowS > seconds - 60) [delaySum, delays] = [delaySum + nowS - positionS, delays + 1];
  }
  return { stalls, delayS: delaySum / delays };
}

/** A hiccup of `lateS` every `everyS`. */
const hiccups = (everyS: number, lateS: number) => (startS: number) =>
  startS > 20 && startS % everyS < PART_S - 0.001 ? lateS : 0;

test("what hiccups every minute stalls a viewer a few times, not every minute", () => {
  fc.assert(
    fc.property(fc.integer({ min: 12, max: 80 }), fc.integer({ min: 5, max: 35 }), (everyS, hundredths) => {
      const { stalls, delayS } = play(HOUR_S, hiccups(everyS, hundredths / 100));
      expect(stalls).toBeLessThanOrEqual(3);
      // The delay is what the hiccup needs, and no more.
      expect(delayS).toBeLessThan(USUAL_S + hundredths / 100 + 0.2);
    }),
    {
      numRuns: 40,
      examples: [
        [45, 15],
        [40, 15],
      ],
    },
  );
});

test("a steady network has no stall and a third of a second of delay, and one hiccup leaves no trace", () => {
  const steady = play(600, () => 0);
  expect(steady.stalls).toBe(0);
  expect(steady.delayS).toBeLessThan(0.3);
  const once = play(600, (startS) => (Math.abs(startS - 100) < 0.001 ? 0.3 : 0));
  expect(once.stalls).toBeLessThanOrEqual(1);
  expect(once.delayS).toBeCloseTo(steady.delayS, 1);
});

test("after hiccups have ended the delay returns within minutes", () => {
  const ended = play(900, (startS) => (startS < 300 ? hiccups(45, 0.15)(startS) : 0));
  expect(ended.delayS).toBeLessThan(0.3);
});
