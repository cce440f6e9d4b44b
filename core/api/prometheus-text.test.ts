import parse from "parse-prometheus-text-format";
import { expect, test } from "vitest";
import { type StreamStatus, zeroCounters } from "../broadcast/stream-status.ts";
import type { BroadcastId, StreamName, TrackName } from "../kit/ids.ts";
import { renderMetrics } from "./prometheus-text.ts";

const status: StreamStatus = {
  stream: "demo" as StreamName,
  state: "reconnecting",
  broadcast: "b0000001" as BroadcastId,
  startedAt: 1_700_000_000_000,
  at: 1_700_000_060_500,
  countedFrom: 1_700_000_000_000,
  tracks: [
    {
      name: "720p" as TrackName,
      kind: "video",
      codecs: 'avc1."64\\001f"\n',
      bandwidth: 2_500_000,
      partTargetMs: 333.34,
      lastMsn: 3,
      lastPart: 1,
      programTimeMs: null,
    },
  ],
  viewers: { current: 12, peak: 40, watching: 10, distinct: 55, watchTimeMs: 90_500 },
  requestsPerSecond: 72.5,
  tiers: [
    { tier: "isolate", ...zeroCounters(), requests: 9, hits: 5, coalesced: 3, pulled: 1, errors: 2 },
    { tier: "live", ...zeroCounters(), requests: 4, hits: 4 },
  ],
  children: 3,
};

const families = parse(
  renderMetrics([
    { stream: "demo" as StreamName, status },
    { stream: "none" as StreamName, status: null },
  ]),
);

const samples = (name: string): unknown[] =>
  families.find((family) => family.name === name)?.metrics.map(({ labels, value }) => [labels, Number(value)]) ?? [];

test("an independent parser reads the counters by stream and tier", () => {
  expect(samples("corral_tier_requests_total")).toEqual([
    [{ stream: "demo", tier: "isolate" }, 9],
    [{ stream: "demo", tier: "live" }, 4],
  ]);
  expect(samples("corral_tier_errors_total")[0]).toEqual([{ stream: "demo", tier: "isolate" }, 2]);
});

test("flow is counted where it is served", () => {
  const flow = { flowOpens: 7, flowByes: 3, flowSkips: 1, flowBytes: 4_000 };
  const text = renderMetrics([
    {
      stream: "demo" as StreamName,
      status: { ...status, tiers: status.tiers.map((tier) => (tier.tier === "isolate" ? { ...tier, ...flow } : tier)) },
    },
  ]);
  const values = [...text.matchAll(/^corral_flow_([a-z]+)_total\{stream="demo"\} (\d+)$/gm)].map(([, name, value]) => [
    name,
    Number(value),
  ]);
  expect(values).toEqual([
    ["responses", 7],
    ["byes", 3],
    ["skips", 1],
    ["bytes", 4_000],
  ]);
});

test("refused joins are counted by reason, where viewers join", () => {
  const refused = { refusedByRate: 5, refusedByNetwork: 2, refusedByBehind: 1 };
  const text = renderMetrics([
    {
      stream: "demo" as StreamName,
      status: {
        ...status,
        tiers: status.tiers.map((tier) => (tier.tier === "isolate" ? { ...tier, ...refused } : tier)),
      },
    },
  ]);
  const values = [...text.matchAll(/^corral_join_refusals_total\{stream="demo",reason="([a-z]+)"\} (\d+)$/gm)];
  expect(Object.fromEntries(values.map(([, reason, value]) => [reason, Number(value)]))).toEqual({
    ...{ rate: 5, parked: 0, network: 2, places: 0, behind: 1 },
  });
});

test("viewer counts are the room's, and absent where the room has counted nobody", () => {
  expect(samples("corral_room_watching")).toEqual([[{ stream: "demo" }, 10]]);
  expect(samples("corral_room_distinct")).toEqual([[{ stream: "demo" }, 55]]);
  expect(samples("corral_room_watch_seconds_total")).toEqual([[{ stream: "demo" }, 90.5]]);
  const uncounted = { ...status, viewers: { current: 12, peak: 40 } };
  expect(renderMetrics([{ stream: "demo" as StreamName, status: uncounted }])).not.toMatch(/^corral_room_/m);
});

test("states are a set of which one is 1, and an unknown stream has only its unknown state", () => {
  expect(samples("corral_stream_state").map((sample) => (sample as [{ state: string }, number])[1])).toEqual([0, 1, 0]);
  expect(samples("corral_stream_known")).toEqual([
    [{ stream: "demo" }, 1],
    [{ stream: "none" }, 0],
  ]);
});

test("publisher-supplied label values are escaped, and unknown values are omitted", () => {
  expect(samples("corral_track_peak_bytes_per_second")).toEqual([
    [{ stream: "demo", track: "720p", kind: "video", codecs: 'avc1."64\\001f"\n' }, 312_500],
  ]);
  expect(samples("corral_track_media_timestamp_seconds")).toEqual([]);
});

test("counters end in _total, gauges don't, and each family has one HELP and one TYPE before its samples", () => {
  for (const { name, type, help } of families) {
    expect(type, name).toBe(name.endsWith("_total") ? "COUNTER" : "GAUGE");
    expect(help.length, name).toBeGreaterThan(5);
  }
  expect(new Set(families.map(({ name }) => name)).size).toBe(families.length);
});
