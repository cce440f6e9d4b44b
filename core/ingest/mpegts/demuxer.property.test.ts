import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import type { IngestEvent } from "../media-event.ts";
import { TransportDemuxer } from "./demuxer.ts";
import { joinAnnexB, makeAdtsFrame, TestTransportWriter, testAvcSets } from "./testing.ts";

/** A second of video and audio, interleaved. */
function makeStream(): Uint8Array {
  const writer = new TestTransportWriter();
  const pieces = [
    writer.writeTables([
      { pid: 0x100, streamType: 0x1b },
      { pid: 0x101, streamType: 0x0f },
    ]),
  ];
  for (let number = 0; number < 25; number += 1) {
    const slice = Uint8Array.from({ length: 200 + 37 * number }, (_, at) => (at === 0 ? 0x65 : (number * at) % 251));
    const sound = makeAdtsFrame(new Uint8Array(90 + number).fill(number));
    pieces.push(writer.writePes(0x100, joinAnnexB([...testAvcSets(), slice]), { pts: 3_600 * number }));
    pieces.push(
      writer.writePes(0x101, concatBytes([sound, sound]), { pts: 3_600 * number, hasLength: true, streamId: 0xc0 }),
    );
  }
  return concatBytes(pieces);
}

const STREAM = makeStream();

/** The events and counts of a stream in pieces that end at `cuts`. */
function demuxInPieces(stream: Uint8Array, cuts: readonly number[]) {
  const demuxer = new TransportDemuxer();
  const events: IngestEvent[] = [];
  let at = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), stream.byteLength]) {
    events.push(...demuxer.push(stream.subarray(at, cut)));
    at = cut;
  }
  return { events: [...events, ...demuxer.end()], counts: demuxer.counts };
}

test("a stream has the same events however it is split", () => {
  const whole = demuxInPieces(STREAM, []);
  expect(whole.events).toHaveLength(25 + 50 + 2);
  fc.assert(
    fc.property(fc.array(fc.nat(STREAM.byteLength), { maxLength: 60 }), (cuts) => {
      expect(demuxInPieces(STREAM, cuts)).toEqual(whole);
    }),
    { numRuns: 60 },
  );
});

test("a damaged stream has the same events however it is split", () => {
  const damage = fc.record({
    at: fc.nat(STREAM.byteLength - 1),
    remove: fc.nat(400),
    insert: fc.uint8Array({ maxLength: 300 }),
  });
  fc.assert(
    fc.property(damage, fc.array(fc.nat(STREAM.byteLength), { maxLength: 30 }), ({ at, remove, insert }, cuts) => {
      const stream = concatBytes([STREAM.subarray(0, at), insert, STREAM.subarray(at + remove)]);
      const within = cuts.map((cut) => Math.min(cut, stream.byteLength));
      expect(demuxInPieces(stream, within)).toEqual(demuxInPieces(stream, []));
    }),
    { numRuns: 60 },
  );
});

test("a stream split into single bytes has the same events", () => {
  const cuts = Array.from({ length: STREAM.byteLength }, (_, at) => at);
  expect(demuxInPieces(STREAM, cuts)).toEqual(demuxInPieces(STREAM, []));
});
