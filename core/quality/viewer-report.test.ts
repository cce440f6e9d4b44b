import fc from "fast-check";
import { expect, test } from "vitest";
import { classifyDevice } from "./device-class.ts";
import { placeReport } from "./quality-place.ts";
import { isAccepted, isSampled, reportShare } from "./report-sampling.ts";
import { readViewerReport, VIEWER_REPORT_LIMITS } from "./viewer-report.ts";

const EVENT = { v: 2, e: "ps", ts: 1, sid: "session-1", cid: "broadcast1" };

test("a report is what an event of CMCD version 2 says of its session", () => {
  const members = {
    ...EVENT,
    sn: 0,
    msd: 840,
    ltc: 1_900,
    br: [{ value: 3_000, params: { v: true } }],
    bsd: [400, 1_200],
  };
  expect(readViewerReport({ ...members, "corral-watched": 60_000 })).toEqual({
    ...{ sid: "session-1", cid: "broadcast1", isFirst: true, startupMs: 840, delayMs: 1_900, bitrateKbps: 3_000 },
    ...{ stalls: 2, stalledMs: 1_600, watchedMs: 60_000, hasFailed: false },
  });
  expect(readViewerReport({ ...EVENT, e: "e", sn: 3, br: 800 })).toEqual({
    ...{ sid: "session-1", cid: "broadcast1", isFirst: false, startupMs: null, delayMs: null, bitrateKbps: 800 },
    ...{ stalls: 0, stalledMs: 0, watchedMs: 0, hasFailed: true },
  });
  for (const wrong of [{ v: 1 }, { e: 7 }, { sid: "" }, { sid: "x".repeat(65) }, { sid: undefined }, { cid: 4 }]) {
    expect(readViewerReport({ ...EVENT, ...wrong }), JSON.stringify(wrong)).toBeNull();
  }
});

test("no report counts for more than a viewer can tell", () => {
  const value = fc.oneof(
    fc.double(),
    fc.integer(),
    fc.string(),
    fc.constant(null),
    fc.array(fc.double(), { maxLength: 99 }),
  );
  const keys = fc.record({ msd: value, ltc: value, bsd: value, br: value, sn: value, "corral-watched": value });
  const { spanMs, delayMs, stalls } = VIEWER_REPORT_LIMITS;
  fc.assert(
    fc.property(keys, (members) => {
      const report = readViewerReport({ ...EVENT, ...members });
      expect(report).not.toBeNull();
      for (const [told, most] of [
        [report?.startupMs, spanMs],
        [report?.delayMs, delayMs],
        [report?.stalls, stalls],
        [report?.stalledMs, spanMs],
        [report?.watchedMs, spanMs],
      ] as const) {
        expect(told ?? 0).toBeGreaterThanOrEqual(0);
        expect(told ?? 0).toBeLessThanOrEqual(most);
      }
    }),
  );
});

test("as many viewers report as the sums need, and the edge accepts those that page and edge agree on", () => {
  expect([0, 1, 500, 1_000, 1_000_000].map(reportShare)).toEqual([1, 1, 1, 0.5, 0.000_5]);
  const sids = Array.from({ length: 20_000 }, (_, n) => `session-${n}`);
  expect(sids.every((sid) => isSampled(sid, 1))).toBe(true);
  const sampled = sids.filter((sid) => isSampled(sid, reportShare(20_000)));
  expect(sampled.length).toBeGreaterThan(400);
  expect(sampled.length).toBeLessThan(600);
  // The page's count of viewers is older than the edge's by a fifth.
  expect(sampled.every((sid) => isAccepted(sid, 24_000))).toBe(true);
  expect(sids.filter((sid) => isAccepted(sid, 20_000)).length).toBeLessThan(1_200);
});

test("devices are told apart by class only", () => {
  const android = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/130.0 ";
  const agents: readonly (readonly [string | null, string])[] = [
    [`${android}Mobile Safari/537.36`, "phone"],
    [`${android}Safari/537.36`, "tablet"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1", "phone"],
    ["Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) Version/16.0 Mobile/15E148 Safari/604.1", "tablet"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0 Safari/537.36", "desktop"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "desktop"],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "desktop"],
    ["Mozilla/5.0 (Web0S; Linux/SmartTV) Chrome/94.0 Safari/537.36", "tv"],
    ["Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) Chrome/94.0 TV Safari/537.36", "tv"],
    ["Mozilla/5.0 (Linux; Android 9; AFTMM) Chrome/120.0 Mobile Safari/537.36", "tv"],
    ["curl/8.5", "other"],
    ["x".repeat(100_000), "other"],
    [null, "other"],
  ];
  for (const [agent, device] of agents) expect(classifyDevice(agent), agent?.slice(0, 80)).toBe(device);
});

test("a place has known names only", () => {
  const tracks = [
    { name: "720p", kind: "video", bandwidth: 3_000_000 },
    { name: "360p", kind: "video", bandwidth: 800_000 },
    { name: "audio", kind: "audio", bandwidth: 128_000 },
  ] as const;
  const place = (kbps: number | null, country: unknown = "DE") =>
    placeReport(kbps, { country, userAgent: null }, tracks);
  expect(place(3_000)).toEqual({ country: "DE", device: "other", rendition: "720p" });
  // A variant's bit rate has its sound too.
  expect(place(928).rendition).toBe("360p");
  for (const kbps of [null, 0, 128, 10_000, Number.NaN]) expect(place(kbps).rendition, String(kbps)).toBe("other");
  for (const country of [null, "T1", "de", "DEU", "__proto__", 7]) expect(place(800, country).country).toBe("other");
});
