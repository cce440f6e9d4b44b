import { expect, test } from "vitest";
import {
  type RequestCounters,
  type StreamStatus,
  type TierName,
  zeroCounters,
} from "../../../core/broadcast/stream-status.ts";
import type { BroadcastId, StreamName, TrackName } from "../../../core/kit/ids.ts";
import { newestMediaDelayS, onAirDurationMs, RATE_WINDOW_MS, RateWindow, type StudioSample } from "./rate-window.ts";

function statusWith(
  atMs: number,
  tiers: Partial<Record<TierName, Partial<RequestCounters>>>,
  more: object = {},
): StreamStatus {
  return {
    stream: "demo" as StreamName,
    state: "live",
    broadcast: "b0000001" as BroadcastId,
    startedAt: 0,
    at: atMs,
    countedFrom: 0,
    tracks: [],
    viewers: { current: 3, peak: 3 },
    requestsPerSecond: 12.5,
    tiers: Object.entries(tiers).map(([tier, counts]) => ({ tier: tier as TierName, ...zeroCounters(), ...counts })),
    children: 1,
    ...more,
  };
}

function last(...statuses: StreamStatus[]): StudioSample | null {
  const rates = new RateWindow();
  return statuses.map((status) => rates.addStatus(status)).at(-1) ?? null;
}

test("ratios come from growth within the window, not from totals", () => {
  const sample = last(
    statusWith(1_000, { isolate: { requests: 1_000, pulled: 1_000, objects: 10, crossings: 30 } }),
    statusWith(11_000, { isolate: { requests: 1_100, pulled: 1_001, objects: 60, crossings: 80 } }),
  );
  expect(sample?.hitRatio).toEqual({ isolate: 0.99, colo: null, region: null });
  expect(sample?.crossings).toEqual({ isolate: 1, colo: null, region: null });
});

test("viewers come from the room's count, or else are estimated from requests", () => {
  expect(last(statusWith(0, {}))?.viewers).toBe(3);
  const viewers = { current: 3, peak: 5, watching: 4, distinct: 9, watchTimeMs: 1 };
  expect(last(statusWith(0, {}, { viewers }))?.viewers).toBe(4);
});

test("errors are counted by minute, separately for viewers and between tiers", () => {
  const sample = last(
    statusWith(0, { isolate: { errors: 2 }, r2: { errors: 1 } }),
    statusWith(30_000, { isolate: { errors: 5, refusals: 1 }, colo: { errors: 4 }, r2: { errors: 2 } }),
  );
  expect(sample).toMatchObject({ errorsPerMinute: 6, refusalsPerMinute: 2, innerErrorsPerMinute: 10 });
});

test("samples older than the window do not count", () => {
  const sample = last(
    statusWith(0, { isolate: { errors: 0 } }),
    statusWith(10_000, { isolate: { errors: 60 } }),
    statusWith(RATE_WINDOW_MS + 5_000, { isolate: { errors: 60 } }),
  );
  expect(sample?.errorsPerMinute).toBe(0);
});

test("counters of a restarted object start at zero, and no value is negative", () => {
  const first = statusWith(0, { isolate: { requests: 500, pulled: 5 } });
  const anew = statusWith(2_000, { isolate: { requests: 10, pulled: 1 } }, { countedFrom: 1_500 });
  expect(last(first, anew)?.hitRatio.isolate).toBeNull();
  expect(
    last(first, anew, statusWith(4_000, { isolate: { requests: 20, pulled: 1 } }, { countedFrom: 1_500 }))?.hitRatio
      .isolate,
  ).toBe(1);
  const fallen = last(first, statusWith(2_000, { isolate: { requests: 400 } }));
  expect(fallen).toMatchObject({ hitRatio: { isolate: null }, errorsPerMinute: 0 });
});

test("a repeated status gives no sample", () => {
  const status = statusWith(1_000, {});
  expect(last(status, status)).toBeNull();
  expect(last(status, statusWith(900, {}))).toBeNull();
});

test("the delay is that of the slowest track, and null without new media", () => {
  const tracks = [1_000, 400, null].map((programTimeMs, index) => ({ name: `t${index}` as TrackName, programTimeMs }));
  expect(newestMediaDelayS(statusWith(1_500, {}, { tracks }))).toBe(1.1);
  expect(newestMediaDelayS(statusWith(1_500, {}, { tracks, state: "ended" }))).toBeNull();
  expect(newestMediaDelayS(statusWith(1_500, {}))).toBeNull();
});

test("a live broadcast is on air until now, and an ended one until its newest media", () => {
  const tracks = [61_000, 60_500, null].map((programTimeMs, index) => ({
    name: `t${index}` as TrackName,
    programTimeMs,
  }));
  expect(onAirDurationMs(statusWith(70_000, {}, { tracks, startedAt: 1_000 }), 90_000)).toBe(89_000);
  expect(onAirDurationMs(statusWith(70_000, {}, { tracks, startedAt: 1_000, state: "ended" }), 90_000)).toBe(60_000);
});
