import { describe, expect, test } from "vitest";
import { decodeAudioMessage } from "./flv-audio.ts";
import { decodeVideoMessage } from "./flv-video.ts";
import { bigEndian, testBytes } from "./testing.ts";

const video = (...parts: (number | string | Uint8Array)[]) => decodeVideoMessage(testBytes(...parts));
const audio = (...parts: (number | string | Uint8Array)[]) => decodeAudioMessage(testBytes(...parts));
const data = new Uint8Array([9, 8, 7]);
const number = (value: number, length: number): Uint8Array => new Uint8Array(bigEndian(value, length));
/** The first byte of an extended video header. */
const ex = (frameType: number, packetType: number): number => 0x80 | (frameType << 4) | packetType;

describe("legacy video", () => {
  test.each([
    [7, "h264"],
    [12, "hevc"],
    [8, "hevc"],
  ] as const)("codec id %i is %s, with composition times of both signs", (id, codec) => {
    expect(video(0x10 | id, 0, 0, 0, 0, data)).toEqual([{ kind: "config", track: 0, codec, record: data }]);
    expect(video(0x10 | id, 1, 0, 0, 80, data)).toEqual([
      { kind: "frame", track: 0, codec, ctsOffset: 80, sync: true, data },
    ]);
    expect(video(0x20 | id, 1, 255, 255, 216, data)).toEqual([
      { kind: "frame", track: 0, codec, ctsOffset: -40, sync: false, data },
    ]);
  });

  test("ends of sequences, command frames, and messages without data give nothing", () => {
    for (const bytes of [[], [0x17], [0x17, 2, 0, 0, 0], [0x57, 0], [0x17, 1, 0, 0, 0]])
      expect(video(...bytes)).toEqual([]);
  });

  test("a codec that is not supported is named with what to do", () => {
    expect(() => video(0x14, data)).toThrow("Video codec 4 is not supported. Set the encoder to H.264.");
  });
});

describe("extended video", () => {
  test("a single track: sequence start, coded frames with and without a composition time, sequence end", () => {
    expect(video(ex(1, 0), "hvc1", data)).toEqual([{ kind: "config", track: 0, codec: "hevc", record: data }]);
    const frame = { kind: "frame", track: 0, data };
    expect(video(ex(1, 1), "hvc1", 0, 0, 40, data)).toEqual([{ ...frame, codec: "hevc", ctsOffset: 40, sync: true }]);
    expect(video(ex(2, 1), "avc1", 255, 255, 255, data)).toEqual([
      { ...frame, codec: "h264", ctsOffset: -1, sync: false },
    ]);
    expect(video(ex(2, 3), "hvc1", data)).toEqual([{ ...frame, codec: "hevc", ctsOffset: 0, sync: false }]);
    // AV1 has no composition time.
    expect(video(ex(1, 1), "av01", data)).toEqual([{ ...frame, codec: "av1", ctsOffset: 0, sync: true }]);
    expect(video(ex(1, 2), "hvc1")).toEqual([]);
  });

  test("metadata and command frames give nothing", () => {
    expect(video(ex(1, 4), "hvc1", data)).toEqual([]);
    expect(video(ex(5, 4), "hvc1", data)).toEqual([]);
    expect(video(ex(5, 1), 0)).toEqual([]);
  });

  test("ModEx packets of every size precede the packet; nanoseconds are rounded into the presentation time", () => {
    const modEx = (size: Uint8Array, bytes: Uint8Array, next: number) => testBytes(size, bytes, next);
    const nanos = modEx(number(2, 1), number(600_000, 3), 1);
    expect(video(ex(1, 7), nanos, "hvc1", 0, 0, 40, data)).toMatchObject([{ ctsOffset: 41, data }]);
    const unknown = modEx(testBytes(255, number(299, 2)), new Uint8Array(300), 0x17);
    expect(video(ex(1, 7), unknown, nanos, "av01", data)).toMatchObject([{ codec: "av1", ctsOffset: 1, data }]);
    expect(() => video(ex(1, 7), 255, 255, 255, data)).toThrow("A video message ends before its fields.");
  });

  test("multitrack: one track", () => {
    expect(video(ex(1, 6), 0x00, "avc1", 2, data)).toEqual([{ kind: "config", track: 2, codec: "h264", record: data }]);
    expect(video(ex(2, 6), 0x01, "avc1", 2, 0, 0, 7, data)).toEqual([
      { kind: "frame", track: 2, codec: "h264", ctsOffset: 7, sync: false, data },
    ]);
  });

  test("multitrack: many tracks of one codec, and of several", () => {
    const sized = (track: number, body: Uint8Array) => testBytes(track, number(body.length, 3), body);
    expect(
      video(ex(1, 6), 0x11, "hvc1", sized(0, testBytes(0, 0, 1, data)), sized(3, testBytes(0, 0, 2, "x"))),
    ).toMatchObject([
      { track: 0, codec: "hevc", ctsOffset: 1, data },
      { track: 3, codec: "hevc", ctsOffset: 2, data: testBytes("x") },
    ]);
    expect(video(ex(1, 6), 0x23, "avc1", sized(1, data), "av01", sized(2, testBytes("y")))).toMatchObject([
      { track: 1, codec: "h264", ctsOffset: 0, data },
      { track: 2, codec: "av1", data: testBytes("y") },
    ]);
  });

  test.each([
    ["unknown codecs", [ex(1, 1), "vp\n9", data], 'Video codec "vp?9" is not supported'],
    ["tracks beyond the message", [ex(1, 6), 0x11, "hvc1", 0, 0, 1, 0, data], "ends before its fields"],
    ["multitrack within multitrack", [ex(1, 6), 0x06, "hvc1", 0, data], "contains another header"],
    ["unknown kinds of multitrack", [ex(1, 6), 0x31, "hvc1", 0, data], "Multitrack type 3"],
    ["17 tracks", [ex(1, 6), 0x13, "hvc1", ...Array(17).fill(testBytes(1, 0, 0, 1, 7))], "more than 16 tracks"],
  ] as const)("%s are refused", (_what, parts, message) => {
    expect(() => video(...parts)).toThrow(message);
  });
});

describe("audio", () => {
  test("legacy AAC: configuration and frames", () => {
    expect(audio(0xaf, 0, 0x11, 0x90)).toEqual([
      { kind: "config", track: 0, codec: "aac", record: new Uint8Array([0x11, 0x90]) },
    ]);
    expect(audio(0xaf, 1, data)).toEqual([{ kind: "frame", track: 0, codec: "aac", ctsOffset: 0, sync: true, data }]);
    expect([...audio(), ...audio(0xaf), ...audio(0xaf, 1)]).toEqual([]);
  });

  test("extended Opus and AAC, one track and many", () => {
    expect(audio(0x90, "Opus", data)).toEqual([{ kind: "config", track: 0, codec: "opus", record: data }]);
    expect(audio(0x91, "Opus", data)).toMatchObject([{ kind: "frame", track: 0, codec: "opus", sync: true, data }]);
    expect(audio(0x95, 0x01, "mp4a", 1, data)).toMatchObject([{ kind: "frame", track: 1, codec: "aac", data }]);
    expect(audio(0x95, 0x21, "mp4a", 1, 0, 0, 3, data, "Opus", 2, 0, 0, 1, 5)).toMatchObject([
      { track: 1, codec: "aac", data },
      { track: 2, codec: "opus", data: new Uint8Array([5]) },
    ]);
    // Multichannel configuration and sequence end.
    expect([...audio(0x94, "Opus", 1, 2, 0, 0, 0, 3), ...audio(0x92, "Opus")]).toEqual([]);
    const modEx = testBytes(2, number(999_999, 3), 1);
    expect(audio(0x97, modEx, "Opus", data)).toMatchObject([{ ctsOffset: 1, data }]);
  });

  test("codecs that are not supported are named with what to do", () => {
    expect(() => audio(0x2f, data)).toThrow("Audio codec MP3 is not supported. Set the encoder to AAC.");
    expect(() => audio(0x91, "fLaC", data)).toThrow('Audio codec "fLaC" is not supported.');
  });
});
