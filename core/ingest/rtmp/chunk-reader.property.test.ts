import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { ChunkReader, type RtmpMessage } from "./chunk-reader.ts";
import { controlMessage } from "./chunk-writer.ts";
import { RTMP_LIMITS } from "./limits.ts";
import { TestChunkEncoder } from "./testing.ts";

const CHUNK_STREAMS = [2, 4, 63, 64, 319, 320, 5_000];

const timestamp = fc.oneof(
  fc.nat(200),
  fc.integer({ min: 0xfffffd, max: 0x1000002 }),
  fc.integer({ min: 2 ** 32 - 300, max: 2 ** 32 - 1 }),
);
const message = fc.record({
  id: fc.constantFrom(...CHUNK_STREAMS),
  type: fc.constantFrom(8, 9, 18, 20),
  streamId: fc.constantFrom(0, 1, 0x01020304),
  timestamp,
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.integer({ min: 100, max: 1_300 }).map((length) => new Uint8Array(length).map((_, at) => at)),
  ),
  isCompact: fc.boolean(),
});
/** Rounds of messages of different chunk streams, whose chunks are interleaved; each round may begin with a new chunk size. */
const rounds = fc.array(
  fc.record({
    chunkBytes: fc.option(fc.integer({ min: 128, max: 700 })),
    messages: fc.uniqueArray(message, { selector: ({ id }) => id, maxLength: 4 }),
    order: fc.infiniteStream(fc.nat(3)),
  }),
  { maxLength: 6 },
);

function read(pieces: readonly Uint8Array[]): RtmpMessage[] {
  const reader = new ChunkReader();
  const messages = pieces.flatMap((piece) => [...reader.read(piece)]);
  expect(reader.partialBytes).toBe(0);
  return messages;
}

test("interleaved messages with every kind of header are read as they were written, whatever the split of the bytes", () => {
  fc.assert(
    fc.property(rounds, fc.array(fc.nat()), (input, cuts) => {
      const encoder = new TestChunkEncoder();
      const sent: RtmpMessage[] = [];
      const chunks: Uint8Array[] = [];
      for (const { chunkBytes, messages, order } of input) {
        if (chunkBytes !== null) {
          chunks.push(encoder.write(2, controlMessage("setChunkSize", chunkBytes)));
          encoder.chunkBytes = chunkBytes;
        }
        const queues = messages.map(({ id, isCompact, ...rest }) => ({
          message: rest,
          chunks: encoder.chunks(id, rest, isCompact),
        }));
        while (queues.length > 0) {
          const at = (order.next().value ?? 0) % queues.length;
          const queue = queues[at];
          chunks.push(queue?.chunks.shift() ?? new Uint8Array());
          if (queue === undefined || queue.chunks.length > 0) continue;
          sent.push(queue.message);
          queues.splice(at, 1);
        }
      }
      const bytes = concatBytes(chunks);
      expect(read([bytes])).toEqual(sent);
      const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
      expect(read([...ends, bytes.length].map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end)))).toEqual(sent);
      expect(read(Array.from(bytes, (byte) => new Uint8Array([byte])))).toEqual(sent);
    }),
    { numRuns: 150 },
  );
});

test("any bytes give messages or an RtmpError, within the memory that arrived", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (pieces) => {
      const reader = new ChunkReader();
      reader.maxMessageBytes = RTMP_LIMITS.messageBytes;
      let received = 0;
      try {
        for (const piece of pieces) {
          received += piece.length;
          for (const { payload } of reader.read(piece)) expect(payload.length).toBeLessThanOrEqual(received);
          expect(reader.partialBytes).toBeLessThanOrEqual(1_024 * 64 + 2 * received);
        }
      } catch (error) {
        expect(error).toMatchObject({ name: "RtmpError" });
      }
    }),
    { numRuns: 2_000 },
  );
});
