import fc from "fast-check";
import { expect, test } from "vitest";
import type { FlvPacket } from "./flv-packet.ts";
import { RtmpTimestampUnwrapper, SessionTracks } from "./session-tracks.ts";
import { TEST_AAC_CONFIG, TEST_AV1C, TEST_AVCC, TEST_HVCC, testBytes } from "./testing.ts";

const config = (codec: "h264" | "hevc" | "av1" | "aac" | "opus", record: Uint8Array, track = 0): FlvPacket => ({
  kind: "config",
  track,
  codec,
  record,
});
const frame = (codec: "h264" | "aac", track = 0): FlvPacket => ({
  kind: "frame",
  track,
  codec,
  ctsOffset: 0,
  sync: true,
  data: new Uint8Array([1]),
});

test.each([32, 31])("times continue through the wraparound of %i bits, in both directions", (bits) => {
  const modulus = 2 ** bits;
  const step = fc.oneof(fc.integer({ min: -100, max: 100 }), fc.integer({ min: -(2 ** 30), max: 2 ** 30 - 1 }));
  fc.assert(
    fc.property(fc.nat(modulus - 1), fc.array(step), (start, steps) => {
      const unwrapper = new RtmpTimestampUnwrapper();
      let time = start;
      expect(unwrapper.unwrap(start)).toBe(start);
      for (const each of steps) {
        time += each;
        expect(unwrapper.unwrap(((time % modulus) + modulus) % modulus)).toBe(time);
      }
    }),
  );
});

test("audio and video wrap around together", () => {
  const tracks = new SessionTracks();
  tracks.readPackets("video", 0, [config("h264", TEST_AVCC)]);
  tracks.readPackets("audio", 0, [config("aac", TEST_AAC_CONFIG)]);
  const times = (["video", "audio", "video", "audio"] as const).flatMap((media, at) =>
    tracks
      .readPackets(media, [2 ** 32 - 3, 5, 2 ** 32 - 1, 30][at] ?? 0, [frame(media === "video" ? "h264" : "aac")])
      .map((event) => (event.kind === "frame" ? event.dts - 2 ** 32 : null)),
  );
  expect(times).toEqual([-3, 5, -1, 30]);
});

test("a configuration is reported once, again when it changes, and frames without one are dropped", () => {
  const tracks = new SessionTracks();
  expect(tracks.readPackets("video", 0, [frame("h264")])).toEqual([]);
  const first = tracks.readPackets("video", 0, [config("h264", TEST_AVCC)]);
  expect(first).toEqual([
    { kind: "config", track: 0, media: "video", codec: "h264", timescale: 1000, record: TEST_AVCC },
  ]);
  expect(tracks.readPackets("video", 0, [config("h264", TEST_AVCC), frame("h264")])).toHaveLength(1);
  expect(tracks.readPackets("video", 0, [config("hevc", TEST_HVCC), frame("h264")])).toMatchObject([
    { kind: "config", codec: "hevc" },
  ]);
  expect(tracks.readPackets("audio", 0, [frame("aac", 1)])).toEqual([]);
});

test("records are copies, and an empty one of Opus stands for stereo", () => {
  const bytes = TEST_AV1C.slice();
  const [event] = new SessionTracks().readPackets("video", 0, [config("av1", bytes)]);
  bytes.fill(0);
  expect(event).toMatchObject({ record: TEST_AV1C });
  const [opus] = new SessionTracks().readPackets("audio", 0, [config("opus", new Uint8Array())]);
  expect(opus).toMatchObject({ record: testBytes("OpusHead", 1, 2, 0, 0, 128, 187, 0, 0, 0, 0, 0) });
});

test("invalid records, other lengths of NAL units, and too many tracks are refused", () => {
  const declare = (packet: FlvPacket) => () => new SessionTracks().readPackets("video", 0, [packet]);
  expect(declare(config("h264", TEST_AVCC.with(0, 0)))).toThrow("The decoder configuration for h264 is invalid.");
  expect(declare(config("h264", TEST_AVCC.with(4, 0xfd)))).toThrow("NAL unit lengths of 2 bytes are not supported");
  expect(declare(config("hevc", TEST_HVCC.with(21, 0)))).toThrow("NAL unit lengths of 1 bytes");
  expect(declare(config("hevc", TEST_HVCC.subarray(1)))).toThrow("hevc is invalid");
  expect(declare(config("av1", TEST_AVCC))).toThrow("av1 is invalid");
  expect(declare(config("opus", new Uint8Array(19)))).toThrow("opus is invalid");
  expect(declare(config("aac", new Uint8Array(2)))).toThrow("aac is invalid");
  expect(declare(config("h264", new Uint8Array(20_000).fill(1)))).toThrow("h264 is invalid");
  const tracks = new SessionTracks();
  for (let track = 0; track < 16; track++) tracks.readPackets("video", 0, [config("h264", TEST_AVCC, track)]);
  expect(() => tracks.readPackets("video", 0, [config("h264", TEST_AVCC, 16)])).toThrow("more than 16 video tracks");
});
