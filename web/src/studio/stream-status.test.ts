import { expect, test } from "vitest";
import { zeroCounters } from "../../../core/broadcast/stream-status.ts";
import { parseStreamStatus } from "./stream-status.ts";

const status = {
  stream: "demo",
  state: "live",
  broadcast: "b0000001",
  startedAt: 1,
  at: 2,
  countedFrom: 1,
  tracks: [{ name: "720p", kind: "video", codecs: "avc1", bandwidth: 1, partTargetMs: 1, programTimeMs: null }],
  viewers: { current: 1, peak: 2 },
  requestsPerSecond: 3,
  tiers: [{ tier: "isolate", ...zeroCounters() }],
  children: 1,
};

test("an API response is parsed as a status", () => {
  expect(parseStreamStatus(status)).toEqual(status);
});

test("a response without a required member is null", () => {
  const lacking = Object.keys(status)
    .filter((key) => key !== "stream")
    .map((key) => ({ ...status, [key]: undefined }));
  const wrong = [
    { ...status, state: "on" },
    { ...status, tiers: [{ tier: "isolate" }] },
    { ...status, tracks: [{ name: "720p" }] },
    { ...status, viewers: { current: "3", peak: 3 } },
  ];
  for (const body of [null, 1, "live", [], {}, ...lacking, ...wrong]) expect(parseStreamStatus(body)).toBeNull();
});
