import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import type { IngestEvent, IngestFrame } from "../media-event.ts";
import { joinWithLengths } from "../nal/annex-b.ts";
import { TransportDemuxer } from "./demuxer.ts";
import {
  joinAnnexB,
  makeAdtsFrame,
  TEST_MAP_PID,
  type TestStream,
  TestTransportWriter,
  testAvcSets,
} from "./testing.ts";

const VIDEO: TestStream = { pid: 0x100, streamType: 0x1b };
const AUDIO: TestStream = { pid: 0x101, streamType: 0x0f };
const OPUS: TestStream = { pid: 0x102, streamType: 6, descriptors: [5, 4, 0x4f, 0x70, 0x75, 0x73, 0x7f, 2, 0x80, 2] };
const DELIMITER = Uint8Array.of(9, 0xf0);
const [SPS, PPS] = testAvcSets();

/** A coded slice: an IDR or another picture, with bytes that may look like anything but a start code. */
const slice = (isIdr: boolean, number: number, byteLength = 300): Uint8Array =>
  Uint8Array.from({ length: byteLength }, (_, at) => (at === 0 ? (isIdr ? 0x65 : 0x41) : 128 + ((number + at) & 127)));

const keyUnit = (number: number, sets: readonly Uint8Array[] = [SPS, PPS], byteLength = 300): Uint8Array =>
  joinAnnexB([DELIMITER, ...sets, slice(true, number, byteLength)]);
const unit = (number: number): Uint8Array => joinAnnexB([DELIMITER, slice(false, number)]);

const isFrame = (event: IngestEvent): event is IngestFrame => event.kind === "frame";
const framesOf = (events: readonly IngestEvent[]): IngestFrame[] => events.filter(isFrame);

function demux(...pieces: readonly Uint8Array[]): { events: IngestEvent[]; demuxer: TransportDemuxer } {
  const demuxer = new TransportDemuxer();
  const events = pieces.flatMap((piece) => demuxer.push(piece));
  return { events: [...events, ...demuxer.end()], demuxer };
}

test("access units of H.264 come with their configuration, in decode order, without delimiters and parameter sets", () => {
  const writer = new TestTransportWriter();
  const { events } = demux(
    writer.writeTables([VIDEO]),
    writer.writePes(VIDEO.pid, keyUnit(1), { pts: 9_000, dts: 3_600 }),
    writer.writePes(VIDEO.pid, unit(2), { pts: 16_200, dts: 7_200 }),
    writer.writePes(VIDEO.pid, unit(3), { pts: 10_800 }),
  );
  const video = { track: 0, media: "video" } as const;
  const record = concatBytes([
    Uint8Array.of(1, 100, 0, 30, 0xff, 0xe1, 0, SPS.byteLength),
    SPS,
    Uint8Array.of(1, 0, PPS.byteLength),
    PPS,
    Uint8Array.of(0xfd, 0xf8, 0xf8, 0),
  ]);
  expect(events).toEqual([
    { kind: "config", ...video, codec: "h264", timescale: 90_000, record },
    { kind: "frame", ...video, dts: 3_600, ctsOffset: 5_400, sync: true, data: joinWithLengths([slice(true, 1)]) },
    { kind: "frame", ...video, dts: 7_200, ctsOffset: 9_000, sync: false, data: joinWithLengths([slice(false, 2)]) },
    { kind: "frame", ...video, dts: 10_800, ctsOffset: 0, sync: false, data: joinWithLengths([slice(false, 3)]) },
  ]);
});

test("a track is configured again when its parameter sets change, and not when they repeat", () => {
  const writer = new TestTransportWriter();
  const { events } = demux(
    writer.writeTables([VIDEO]),
    writer.writePes(VIDEO.pid, unit(0), { pts: 0 }),
    writer.writePes(VIDEO.pid, keyUnit(1), { pts: 3_600 }),
    writer.writePes(VIDEO.pid, keyUnit(2), { pts: 7_200 }),
    writer.writePes(VIDEO.pid, keyUnit(3, testAvcSets(31)), { pts: 10_800 }),
  );
  expect(events.map((event) => (event.kind === "config" ? event.record[3] : "frame"))).toEqual([
    30,
    "frame",
    "frame",
    31,
    "frame",
  ]);
});

test("times that wrap at 33 bits go on, for all tracks alike", () => {
  const writer = new TestTransportWriter();
  const wrap = 2 ** 33;
  const times = [wrap - 7_200, wrap - 3_600, wrap, wrap + 3_600];
  const { events } = demux(
    writer.writeTables([VIDEO, AUDIO]),
    ...times.flatMap((time, number) => [
      writer.writePes(VIDEO.pid, keyUnit(number), { pts: time + 3_600, dts: time }),
      writer.writePes(AUDIO.pid, makeAdtsFrame(Uint8Array.of(number)), {
        pts: time + 100,
        hasLength: true,
        streamId: 0xc0,
      }),
    ]),
  );
  const frames = framesOf(events);
  expect(frames.filter(({ media }) => media === "video").map(({ dts }) => dts)).toEqual(times);
  expect(frames.filter(({ media }) => media === "audio").map(({ dts }) => dts)).toEqual(
    times.map((time) => time + 100),
  );
  expect(new Set(frames.map(({ ctsOffset, media }) => `${media} ${ctsOffset}`))).toEqual(
    new Set(["video 3600", "audio 0"]),
  );
});

test("jumps of the times pass as they are, in both directions", () => {
  const writer = new TestTransportWriter();
  const times = [900_000, 903_600, 400_000_000, 400_003_600, 0, 3_600];
  const { events } = demux(
    writer.writeTables([VIDEO]),
    ...times.map((pts, number) => writer.writePes(VIDEO.pid, keyUnit(number), { pts })),
  );
  expect(framesOf(events).map(({ dts }) => dts)).toEqual(times);
});

test("several ADTS frames of a PES packet follow each other, and a frame may begin in one and end in the next", () => {
  const writer = new TestTransportWriter();
  const frames = [1, 2, 3, 4, 5].map((number) => makeAdtsFrame(new Uint8Array(20).fill(number)));
  const bytes = concatBytes(frames);
  const { events, demuxer } = demux(
    writer.writeTables([AUDIO]),
    writer.writePes(AUDIO.pid, bytes.subarray(0, 70), { pts: 1_000, hasLength: true, streamId: 0xc0 }),
    // The third frame begins in the first packet; the second packet's time is that of the fourth frame.
    writer.writePes(AUDIO.pid, bytes.subarray(70), { pts: 7_000, hasLength: true, streamId: 0xc0 }),
  );
  expect(events[0]).toMatchObject({ kind: "config", codec: "aac", record: Uint8Array.of(0x11, 0x90) });
  expect(framesOf(events).map(({ dts, data, sync }) => [dts, data[0], data.byteLength, sync])).toEqual([
    [1_000, 1, 20, true],
    [2_920, 2, 20, true],
    [4_840, 3, 20, true],
    [7_000, 4, 20, true],
    [8_920, 5, 20, true],
  ]);
  expect(demuxer.counts.droppedUnits).toBe(0);
});

test("Opus packets are read from behind their control headers", () => {
  const writer = new TestTransportWriter();
  // 20 ms of CELT in one frame; two frames of 20 ms; 300 bytes.
  const packets = [Uint8Array.of(0xf8, 1), Uint8Array.of(0xf9, 2, 3), new Uint8Array(300).fill(0xf8)];
  const headers = [
    [0x7f, 0xf4, 2, 0, 3, 1, 9],
    [0x7f, 0xe0, 3],
    [0x7f, 0xe8, 255, 45, 0, 7],
  ];
  const data = concatBytes(packets.flatMap((packet, at) => [Uint8Array.from(headers[at] ?? []), packet]));
  const { events } = demux(
    writer.writeTables([OPUS]),
    writer.writePes(OPUS.pid, data, { pts: 900, hasLength: true, streamId: 0xbd }),
  );
  const head = [...Buffer.from("OpusHead"), 1, 2, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0];
  expect(events[0]).toMatchObject({ kind: "config", codec: "opus", timescale: 90_000, record: Uint8Array.from(head) });
  expect(framesOf(events).map(({ dts, data: bytes }) => [dts, bytes])).toEqual([
    [900, packets[0]],
    [2_700, packets[1]],
    [6_300, packets[2]],
  ]);
});

test("a large picture may go on in PES packets without a time", () => {
  const writer = new TestTransportWriter();
  const bytes = keyUnit(1, [SPS, PPS], 150_000);
  const { events } = demux(
    writer.writeTables([VIDEO]),
    writer.writePes(VIDEO.pid, bytes.subarray(0, 65_000), { pts: 3_600, hasLength: true }),
    writer.writePes(VIDEO.pid, bytes.subarray(65_000, 130_000), { hasLength: true }),
    writer.writePes(VIDEO.pid, bytes.subarray(130_000), { hasLength: true }),
    writer.writePes(VIDEO.pid, unit(2), { pts: 7_200 }),
  );
  expect(framesOf(events).map(({ dts, data }) => [dts, data.byteLength])).toEqual([
    [3_600, 150_004],
    [7_200, 304],
  ]);
});

test("a missing transport packet costs the picture that it belongs to, and is counted", () => {
  const writer = new TestTransportWriter();
  const tables = writer.writeTables([VIDEO]);
  const [first, damaged, last] = [keyUnit(1), unit(2), unit(3)].map((data, number) =>
    writer.writePes(VIDEO.pid, data, { pts: 3_600 * number }),
  );
  if (first === undefined || damaged === undefined || last === undefined) throw new Error("no pictures");
  // A picture of which the beginning is missing is not known as one.
  for (const [part, droppedUnits] of [[damaged.subarray(0, 188), 1] as const, [damaged.subarray(188), 0] as const]) {
    const { events, demuxer } = demux(tables, first, part, last);
    expect(framesOf(events).map(({ dts }) => dts)).toEqual([0, 7_200]);
    expect(demuxer.counts).toMatchObject({ continuityErrors: 1, droppedUnits });
  }
});

test("a sound of which the end is missing is not continued by the next one", () => {
  const writer = new TestTransportWriter();
  const tables = writer.writeTables([AUDIO]);
  const frames = [1, 2, 3].map((number) => makeAdtsFrame(new Uint8Array(150).fill(number)));
  const bytes = concatBytes(frames);
  const options = { hasLength: true, streamId: 0xc0 };
  const begins = writer.writePes(AUDIO.pid, bytes.subarray(0, 160), { pts: 0, ...options });
  writer.writePes(AUDIO.pid, bytes.subarray(160), { pts: 1_920, ...options });
  const next = writer.writePes(AUDIO.pid, makeAdtsFrame(new Uint8Array(150).fill(4)), { pts: 90_000, ...options });
  const { events } = demux(tables, begins, next);
  expect(framesOf(events).map(({ dts, data }) => [dts, data[0]])).toEqual([
    [0, 1],
    [90_000, 4],
  ]);
});

test("the last picture is left out if its end is missing", () => {
  const writer = new TestTransportWriter();
  const pictures = [1, 2].map((number) => writer.writePes(VIDEO.pid, keyUnit(number), { pts: 3_600 * number }));
  const [first = new Uint8Array(0), second = new Uint8Array(0)] = pictures;
  const tables = writer.writeTables([VIDEO]);
  expect(framesOf(demux(tables, first, second).events)).toHaveLength(2);
  expect(framesOf(demux(tables, first, second.subarray(0, 188)).events)).toHaveLength(1);
});

test("a transport packet that is sent twice is read once", () => {
  const writer = new TestTransportWriter();
  const picture = writer.writePes(VIDEO.pid, keyUnit(1), { pts: 3_600 });
  const { events, demuxer } = demux(
    writer.writeTables([VIDEO]),
    picture.subarray(0, 188),
    picture.subarray(0, 188),
    picture.subarray(188),
  );
  expect(framesOf(events)).toHaveLength(1);
  expect(demuxer.counts.continuityErrors).toBe(0);
});

test("garbage before and between packets is skipped", () => {
  const writer = new TestTransportWriter();
  const garbage = Uint8Array.from({ length: 500 }, (_, at) => (at % 50 === 0 ? 0x47 : at & 255));
  const { events, demuxer } = demux(
    garbage,
    writer.writeTables([VIDEO]),
    writer.writePes(VIDEO.pid, keyUnit(1), { pts: 3_600 }),
    garbage,
    writer.writePes(VIDEO.pid, keyUnit(2), { pts: 7_200 }),
    writer.writePes(VIDEO.pid, keyUnit(3), { pts: 10_800 }),
  );
  expect(framesOf(events).map(({ dts }) => dts)).toContain(10_800);
  expect(demuxer.counts.skippedBytes).toBeGreaterThan(700);
});

test("streams that leave the program map end, new ones begin, and numbers of tracks stay", () => {
  const writer = new TestTransportWriter();
  const second: TestStream = { pid: 0x110, streamType: 0x1b };
  const third: TestStream = { pid: 0x111, streamType: 0x1b };
  const { events } = demux(
    writer.writeTables([VIDEO, second]),
    writer.writePes(VIDEO.pid, keyUnit(1), { pts: 0 }),
    writer.writePes(second.pid, keyUnit(2), { pts: 0 }),
    writer.writeMap([third, second]),
    writer.writePes(second.pid, keyUnit(3), { pts: 3_600 }),
    writer.writePes(third.pid, keyUnit(4), { pts: 3_600 }),
    writer.writePes(VIDEO.pid, keyUnit(5), { pts: 3_600 }),
  );
  expect(framesOf(events).map(({ track, dts }) => [track, dts])).toEqual([
    [0, 0],
    [1, 0],
    [1, 3_600],
    [0, 3_600],
  ]);
});

test("8,000 PIDs and programs cost nothing: those of the first program are read, up to the limit", () => {
  const writer = new TestTransportWriter();
  const many = Array.from({ length: 120 }, (_, at) => ({ pid: 0x200 + at, streamType: 0x1b }));
  const noise = Array.from({ length: 8_000 }, (_, at) => writer.writePayload(0x20 + at, new Uint8Array(184).fill(at)));
  const { events, demuxer } = demux(
    writer.writeAssociation([
      [0, 0x10],
      [7, TEST_MAP_PID],
      ...Array.from({ length: 200 }, (_, at) => [8 + at, 0x1100 + at] as const),
    ]),
    writer.writeMap(many),
    ...noise,
    ...many.map(({ pid }) => writer.writePes(pid, keyUnit(1), { pts: 0 })),
  );
  expect(framesOf(events)).toHaveLength(16);
  expect(demuxer.counts.unreadStreams).toBe(104);
});

test("a PES packet over the limit is dropped, and nothing of it is kept", () => {
  const writer = new TestTransportWriter();
  const chunk = new Uint8Array(1_000_000).fill(1);
  const demuxer = new TransportDemuxer();
  demuxer.push(writer.writeTables([VIDEO]));
  const start = writer.writePes(VIDEO.pid, chunk, { pts: 0 });
  demuxer.push(start);
  const rest = new TestTransportWriter();
  const continued = rest.writePayload(VIDEO.pid, chunk.subarray(0, 184 * 16));
  // Packets that start nothing, with counters in order.
  const base = (start[start.byteLength - 188 + 3] ?? 0) & 15;
  for (let round = 0; round < 3_000; round += 1) {
    for (let at = 0; at < 16; at += 1) {
      const packet = continued.slice(at * 188, (at + 1) * 188);
      packet[1] = (packet[1] ?? 0) & 0x1f;
      packet[3] = ((packet[3] ?? 0) & 0xf0) | ((base + 1 + at) & 15);
      demuxer.push(packet);
    }
  }
  expect(demuxer.counts).toMatchObject({ droppedUnits: 1, continuityErrors: 0 });
});

test("tables with a wrong checksum are not believed", () => {
  const writer = new TestTransportWriter();
  const tables = writer.writeTables([VIDEO]);
  tables[tables.byteLength - 1] = (tables[tables.byteLength - 1] ?? 0) ^ 1;
  expect(demux(tables, writer.writePes(VIDEO.pid, keyUnit(1), { pts: 0 })).events).toEqual([]);
});
