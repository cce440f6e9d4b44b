import { expect, test } from "vitest";
import {
  FLOW_ABR_LIMITS,
  type FlowAbrSample,
  type FlowAbrState,
  initialFlowAbr,
  nextFlowAbr,
  rungFor,
} from "./flow-abr.ts";
import { LatenessWindow } from "./flow-target.ts";
import { LinkEstimate } from "./link-estimate.ts";

const RUNGS = [
  { name: "240p", bandwidth: 400_000 },
  { name: "360p", bandwidth: 900_000 },
  { name: "720p", bandwidth: 2_600_000 },
];

const CALM: FlowAbrSample = {
  ...{ nowMs: 100_000, lagS: 0.02, receivedBps: 900_000, linkBps: 20_000_000 },
  ...{ hasStalled: false, chosen: null, sizeCap: 2 },
};

/** The change after samples of a lag that lasts. */
function changeAfter(state: FlowAbrState, sample: FlowAbrSample): ReturnType<typeof nextFlowAbr> {
  const began = nextFlowAbr(state, sample, RUNGS);
  if (began.change !== null) return began;
  return nextFlowAbr(
    began.state,
    { ...sample, nowMs: sample.nowMs + FLOW_ABR_LIMITS.downAfterMs, hasStalled: false },
    RUNGS,
  );
}

test("a lasting lag goes down at once, to what the full link carries; nothing at all is no slow link", () => {
  const state = initialFlowAbr(2, 0);
  const late = { ...CALM, lagS: 0.6, receivedBps: 1_200_000 };
  expect(changeAfter(state, late).change).toEqual({ kind: "down", rung: 1 });
  expect(changeAfter(state, { ...late, receivedBps: 500_000 }).change).toEqual({ kind: "down", rung: 0 });
  expect(changeAfter(state, { ...late, receivedBps: 0 }).change).toBeNull();
  expect(changeAfter(state, { ...late, lagS: 0.3 }).change).toBeNull();
  expect(changeAfter(state, { ...late, lagS: 0.3, hasStalled: true }).change?.kind).toBe("down");
  // A page that paused for itself reads everything at once, and is late no more.
  const paused = nextFlowAbr(state, late, RUNGS);
  const read = nextFlowAbr(paused.state, { ...CALM, nowMs: CALM.nowMs + 100 }, RUNGS);
  expect(nextFlowAbr(read.state, { ...late, nowMs: CALM.nowMs + 300 }, RUNGS).change).toBeNull();
  // A switch needs time before its own lag counts.
  expect(changeAfter(initialFlowAbr(2, CALM.nowMs - 500), late).change).toBeNull();
});

test("it goes up after a stable time with a reserve, one rung, and not beyond the picture's size", () => {
  const state = initialFlowAbr(1, 0);
  expect(nextFlowAbr(state, CALM, RUNGS).change).toEqual({ kind: "up", rung: 2 });
  for (const sample of [{ linkBps: 3_000_000 }, { linkBps: null }, { sizeCap: 1 }, { nowMs: 9_000 }]) {
    expect(nextFlowAbr(state, { ...CALM, ...sample }, RUNGS).change).toBeNull();
  }
});

test("a rung that failed right after it was tried is tried again after twice the time", () => {
  const up = nextFlowAbr(initialFlowAbr(1, 0), { ...CALM, nowMs: 20_000 }, RUNGS);
  const down = changeAfter(up.state, { ...CALM, nowMs: 23_000, lagS: 0.6, receivedBps: 1_500_000 });
  expect(down.change).toEqual({ kind: "down", rung: 1 });
  const { stableMs } = FLOW_ABR_LIMITS;
  expect(nextFlowAbr(down.state, { ...CALM, nowMs: 23_000 + 1.5 * stableMs }, RUNGS).change).toBeNull();
  expect(nextFlowAbr(down.state, { ...CALM, nowMs: 23_251 + 2 * stableMs }, RUNGS).change?.kind).toBe("up");
});

test("the lowest rung with a lasting lag is too slow for flow, a short one is not", () => {
  const late = { ...CALM, lagS: 1.4, receivedBps: 200_000 };
  const began = nextFlowAbr(initialFlowAbr(0, 0), late, RUNGS);
  expect(began.change).toBeNull();
  const later = { ...late, nowMs: late.nowMs + FLOW_ABR_LIMITS.slowMs };
  expect(nextFlowAbr(began.state, later, RUNGS).change).toEqual({ kind: "too-slow" });
  const recovered = nextFlowAbr(began.state, CALM, RUNGS);
  expect(nextFlowAbr(recovered.state, later, RUNGS).change).toBeNull();
});

test("the viewer's choice is followed, whatever the link", () => {
  const { change, state } = nextFlowAbr(initialFlowAbr(0, 0), { ...CALM, chosen: 2, linkBps: 1 }, RUNGS);
  expect(change).toEqual({ kind: "up", rung: 2 });
  expect(nextFlowAbr(state, { ...CALM, chosen: 2, lagS: 0.6 }, RUNGS).change).toBeNull();
});

test("rungs fit into a bandwidth, at least the lowest", () => {
  expect([10, 1_000_000, 9_000_000].map((bps) => rungFor(RUNGS, bps))).toEqual([0, 1, 2]);
});

/** A link that delivers parts of 100 ms in order; `join` drops what waits. One step is a millisecond. */
function simulate(
  linkBps: (nowMs: number) => number,
  seconds: number,
): { rungs: Map<number, number>; worstLagS: number } {
  const lateness = new LatenessWindow();
  const link = new LinkEstimate();
  let state: FlowAbrState = initialFlowAbr(2, 0);
  let queue: { startS: number; bits: number }[] = [];
  let endS: number | null = null;
  let worstLagS = 0;
  let pendingBits = 0;
  const rungs = new Map<number, number>();
  for (let nowMs = 0; nowMs < seconds * 1000; nowMs += 1) {
    if (nowMs % 100 === 0 && nowMs > 0) {
      queue.push({ startS: nowMs / 1000 - 0.1, bits: (RUNGS[state.rung]?.bandwidth ?? 0) / 10 });
    }
    let left = linkBps(nowMs) / 1000;
    for (let part = queue[0]; part !== undefined && left > 0; part = queue[0]) {
      const bits = Math.min(left, part.bits);
      part.bits -= bits;
      left -= bits;
      pendingBits += bits;
      if (part.bits > 0) break;
      queue.shift();
      lateness.add(nowMs, part.startS);
      endS = part.startS + 0.1;
    }
    if (nowMs % 10 === 0 && pendingBits > 0) {
      link.add(nowMs, pendingBits / 8);
      pendingBits = 0;
    }
    if (nowMs % 100 !== 0 || endS === null) continue;
    const lagS = lateness.lagS(nowMs, endS);
    worstLagS = Math.max(worstLagS, lagS);
    const sample = { nowMs, lagS, receivedBps: link.receivedBps(nowMs), linkBps: link.linkBps };
    const next = nextFlowAbr(state, { ...sample, hasStalled: false, chosen: null, sizeCap: 2 }, RUNGS);
    state = next.state;
    if (next.change?.kind === "down") {
      // The new response begins with the last keyframe: half a second of the lower rendition.
      queue = [{ startS: nowMs / 1000 - 0.1, bits: (RUNGS[state.rung]?.bandwidth ?? 0) * 0.5 }];
      lateness.forgetLateness();
    }
    rungs.set(Math.floor(nowMs / 1000), state.rung);
  }
  return { rungs, worstLagS };
}

test("a link that falls from 4.8 to 1 Mb/s and rises again is followed: no lag beyond 1.5 s, and the picture comes back", () => {
  const { rungs, worstLagS } = simulate((nowMs) => (nowMs >= 10_000 && nowMs < 25_000 ? 1e6 : 4.8e6), 90);
  expect(rungs.get(9)).toBe(2);
  expect(rungs.get(14)).toBeLessThan(2);
  expect(worstLagS).toBeLessThan(1.5);
  expect(rungs.get(89)).toBe(2);
});
