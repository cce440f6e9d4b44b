import fc from "fast-check";
import { expect, test } from "vitest";
import { makeTestConfig } from "../broadcast/testing.ts";
import { parseBroadcastOpening, parsePartMeta } from "./publish-request.ts";

const meta = {
  msn: 3,
  part: 0,
  durationTicks: 30_000,
  independent: true,
  gap: false,
  start: { programTimeMs: 1_700_000_000_000, initVersion: 1, discontinuity: false },
  close: { iframeBytes: 900 },
};

test("a publish request is parsed into its typed form", () => {
  expect(parsePartMeta(JSON.stringify(meta))).toEqual(meta);
  const config = makeTestConfig();
  expect(parseBroadcastOpening(JSON.stringify(config))).toEqual({ config, playback: null });
  expect(parseBroadcastOpening(JSON.stringify({ ...config, playback: "followers" }))).toEqual({
    config,
    playback: "followers",
  });
  const [video] = config.tracks;
  const muxed = { ...config, tracks: [{ ...video, codecs: "avc1.64001f,ac-3", channels: 6, sampleRate: 48_000 }] };
  expect(parseBroadcastOpening(JSON.stringify(muxed))).toEqual({ config: muxed, playback: null });
});

test("any input gives a value of the right shape or an error sentence", () => {
  const near = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .dictionary(fc.constantFrom(...Object.keys(meta)), fc.jsonValue())
      .map((more) => JSON.stringify({ ...meta, ...more })),
  );
  fc.assert(
    fc.property(near, (text) => {
      const parsed = parsePartMeta(text);
      if (typeof parsed === "string") return parsed.length > 10;
      return Number.isSafeInteger(parsed.msn) && parsed.msn >= 0 && parsed.part >= 0 && parsed.durationTicks > 0;
    }),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...Object.keys(makeTestConfig())), fc.jsonValue()), (more) => {
      const parsed = parseBroadcastOpening(JSON.stringify({ ...makeTestConfig(), ...more }));
      return typeof parsed === "string" ? parsed.length > 10 : parsed.config.tracks.length > 0;
    }),
  );
});

test("duplicate track names, too many tracks and out-of-range numbers are refused by name", () => {
  const { tracks } = makeTestConfig();
  const say = (over: object): unknown => parseBroadcastOpening(JSON.stringify({ ...makeTestConfig(), ...over }));
  expect(say({ tracks: [tracks[0], tracks[0]] })).toMatch(/Two tracks are called video/);
  expect(say({ tracks: Array.from({ length: 17 }, () => tracks[0]) })).toMatch(/1 to 16 tracks/);
  expect(say({ playback: "friends" })).toMatch(/public, token, followers/);
  expect(say({ windowS: 1e9 })).toMatch(/windowS/);
  expect(say({ tracks: [{ ...tracks[0], partTargetMs: 99_999 }] })).toMatch(/partTargetMs/);
});
