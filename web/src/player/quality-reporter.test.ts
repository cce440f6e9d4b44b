import { decodeCmcd } from "@svta/cml-cmcd";
import { expect, test } from "vitest";
import { readViewerReport } from "../../../core/quality/viewer-report.ts";
import { encodeEvent, type PlaybackFacts, toReading } from "./quality-reporter.ts";
import type { QualityEvent } from "./quality-session.ts";

const EVENT: QualityEvent = {
  ...{ e: "ps", sta: "p", sn: 0, watchedMs: 0, stallsMs: [], startupMs: 840.4, delayMs: 1_850, bitrateKbps: 3_000 },
};
const SESSION = { sid: "0b1f7a52-4d2e-4f0a-9d63-0a3d1c7f2b11", cid: "broadcast1", ts: 1_760_000_000_000 };
const read = (event: QualityEvent) =>
  readViewerReport(decodeCmcd(encodeEvent(event, SESSION)) as Readonly<Record<string, unknown>>);

test("an event is a line of CMCD version 2, which the edge reads as it was meant", () => {
  expect(encodeEvent(EVENT, SESSION)).toBe(
    'br=(3000;v),cid="broadcast1",corral-watched=0,e=ps,ltc=1850,msd=840,sid="0b1f7a52-4d2e-4f0a-9d63-0a3d1c7f2b11",' +
      "sn=0,st=l,sta=p,ts=1760000000000,v=2",
  );
  expect(read(EVENT)).toEqual({
    ...{ sid: SESSION.sid, cid: "broadcast1", isFirst: true, startupMs: 840, delayMs: 1_850, bitrateKbps: 3_000 },
    ...{ stalls: 0, stalledMs: 0, watchedMs: 0, hasFailed: false },
  });
  const later = { ...EVENT, e: "t", sn: 2, watchedMs: 300_000, stallsMs: [900, 1_200], startupMs: null } as const;
  expect(read(later)).toMatchObject({
    isFirst: false,
    startupMs: null,
    stalls: 2,
    stalledMs: 2_100,
    watchedMs: 300_000,
  });
  expect(read({ ...EVENT, e: "e", sta: "f", delayMs: null, bitrateKbps: null })).toMatchObject({
    ...{ hasFailed: true, delayMs: null, bitrateKbps: null },
  });
});

test("a reading has the declared bit rate of the rendition on screen", () => {
  const track = {
    name: "720p",
    kind: "video",
    codecs: "avc1.64001f",
    bandwidth: 3_000_000,
    partTargetMs: 333,
  } as const;
  const facts: PlaybackFacts = {
    stats: { state: "live", delayS: 1.5, rendition: "720p" },
    status: {
      ...{ source: { state: "live", broadcast: "broadcast1" }, audience: null, startedAtMs: null, stop: null },
      tracks: [track],
    },
    ...{ isPaused: false, stalledMs: 70 },
  };
  expect(toReading(facts)).toEqual({
    ...{ isPlaying: true, stalledMs: 70, delayMs: 1_500, bitrateKbps: 3_000, hasFailed: false },
  });
  const unknown = { ...facts, status: null, isPaused: true, stats: { ...facts.stats, delayS: null } };
  expect(toReading(unknown)).toMatchObject({ isPlaying: false, delayMs: null, bitrateKbps: null });
});
