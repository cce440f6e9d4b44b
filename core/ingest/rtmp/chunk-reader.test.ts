import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { ChunkReader, MESSAGE_TYPES, type RtmpMessage } from "./chunk-reader.ts";
import { ChunkWriter, controlMessage } from "./chunk-writer.ts";
import { RTMP_LIMITS } from "./limits.ts";
import { bigEndian, mediaMessage, TestChunkEncoder, testBytes } from "./testing.ts";

const audio = (length: number, timestamp = 0): RtmpMessage =>
  mediaMessage("audio", timestamp, new Uint8Array(length).fill(7));

test("an abort message discards the message under way on its chunk stream alone", () => {
  const encoder = new TestChunkEncoder();
  const [begin = testBytes()] = encoder.chunks(4, audio(300));
  const [other = testBytes(), otherEnd = testBytes()] = encoder.chunks(6, audio(200));
  const abort = { type: MESSAGE_TYPES.abort, streamId: 0, timestamp: 0, payload: new Uint8Array(bigEndian(4, 4)) };
  const whole = encoder.write(4, audio(10, 5));
  const messages = [...new ChunkReader().read(concatBytes([begin, other, encoder.write(2, abort), whole, otherEnd]))];
  expect(messages).toEqual([audio(10, 5), audio(200)]);
});

test("continuations without the extended timestamp that the protocol demands are read", () => {
  const message = audio(300, 0x1234567);
  const [first = testBytes(), ...others] = new TestChunkEncoder().chunks(4, message);
  const lax = others.map((chunk) => testBytes(chunk.subarray(0, 1), chunk.subarray(5)));
  const bytes = concatBytes([first, ...lax, ...new TestChunkEncoder().chunks(6, audio(3))]);
  expect([...new ChunkReader().read(bytes)]).toEqual([message, audio(3)]);
  const reader = new ChunkReader();
  expect(Array.from(bytes).flatMap((byte) => [...reader.read(new Uint8Array([byte]))])).toEqual([message, audio(3)]);
});

test("a chunk stream may begin with type 1, as librtmp's pings do, and timestamps of deltas wrap around", () => {
  const bytes = testBytes(...[0x42, 0xff, 0xff, 0xff, 0, 0, 1, 8, 0xff, 0xff, 0xff, 0xff, 1], ...[0x82, 0, 0, 2, 9]);
  expect([...new ChunkReader().read(bytes)].map(({ timestamp, payload }) => [timestamp, ...payload])).toEqual([
    [2 ** 32 - 1, 1],
    [1, 9],
  ]);
});

test.each([
  ["type 2 on a new chunk stream", [0x84, 0, 0, 1], /without a message header/],
  ["type 3 on a new chunk stream", [0xc4], /without a message header/],
  ["a length above the limit", [4, 0, 0, 0, 0x80, 0, 1, 9, 1, 0, 0, 0], /8388609 bytes exceeds the limit of 8388608/],
  ["a header within a message", [4, 0, 0, 0, 0, 1, 0, 9, 1, 0, 0, 0, ...Array(128), 4, ...Array(11)], /within another/],
  ["a chunk size of zero", [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0], /chunk size of 0 bytes/],
  ["a chunk size of 127", [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 127], /chunk size of 127 bytes/],
  ["a chunk size of 2^31", [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 128, 0, 0, 0], /chunk size of 2147483648 bytes/],
  ["a control message of 3 bytes", [2, 0, 0, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0, 0, 0], /fewer than 4 bytes/],
])("%s is refused", (_what, bytes, message) => {
  const reader = new ChunkReader();
  reader.maxMessageBytes = RTMP_LIMITS.messageBytes;
  expect(() => [...reader.read(new Uint8Array(bytes))]).toThrow(message);
});

test("a chunk size of 2^31 - 1 means one chunk a message", () => {
  const encoder = new TestChunkEncoder();
  const size = encoder.write(2, controlMessage("setChunkSize", 2 ** 31 - 1));
  encoder.chunkBytes = 2 ** 31 - 1;
  expect([...new ChunkReader().read(concatBytes([size, encoder.write(4, audio(9_000))]))]).toEqual([audio(9_000)]);
});

test("too many chunk streams and too many incomplete bytes are refused", () => {
  const encoder = new TestChunkEncoder();
  const reader = new ChunkReader();
  reader.maxMessageBytes = RTMP_LIMITS.messageBytes;
  for (let id = 2; id < 2 + RTMP_LIMITS.chunkStreams; id++) for (const _ of reader.read(encoder.write(id, audio(1))));
  expect(() => [...reader.read(encoder.write(100, audio(1)))]).toThrow(/64 chunk streams/);

  const greedy = new ChunkReader();
  greedy.maxMessageBytes = RTMP_LIMITS.messageBytes;
  const large = new TestChunkEncoder();
  const setSize = large.write(2, controlMessage("setChunkSize", 6_000_000));
  large.chunkBytes = 6_000_000;
  const begin = (id: number): RtmpMessage[] => [
    ...greedy.read(large.chunks(id, audio(RTMP_LIMITS.messageBytes))[0] ?? setSize),
  ];
  expect([...greedy.read(setSize), ...begin(4), ...begin(5)]).toEqual([]);
  expect(() => begin(6)).toThrow(/Incomplete messages exceed the limit of 16777216 bytes/);
});

test("the writer's chunks are read back, extended timestamps and a new chunk size included", () => {
  const writer = new ChunkWriter();
  const messages = [audio(500, 0xffffff), audio(5_000, 2 ** 32 - 1), audio(0)];
  const [first = audio(0), ...others] = messages;
  const bytes = concatBytes([
    writer.write(3, first),
    writer.write(2, controlMessage("setChunkSize", 4_096)),
    ...others.map((message) => writer.write(3, message)),
  ]);
  expect([...new ChunkReader().read(bytes)]).toEqual(messages);
});
