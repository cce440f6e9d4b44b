import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { TransportDemuxer } from "./demuxer.ts";
import { joinAnnexB, makeAdtsFrame, type TestStream, TestTransportWriter, testAvcSets } from "./testing.ts";

/** Inputs of a run, one PES packet or table each; 1,000,000 for the heavy check. */
const INPUTS = Number(process.env["CORRAL_FUZZ_INPUTS"] ?? 4_000);
/** Inputs of one demuxer. */
const SESSION_INPUTS = 5_000;
/** Bytes that a run may add to the heap: 16 streams hold 8 MiB each, the rest is garbage that is not collected yet. */
const HEAP_GROWTH_BYTES = 2 ** 28;

const generator = xoroshiro128plus(20_262);
const pick = (below: number): number => (generator.next() >>> 0) % below;
const randomBytes = (byteLength: number): Uint8Array => Uint8Array.from({ length: byteLength }, () => pick(256));
const heapBytes = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;

const STREAMS: readonly TestStream[] = [
  { pid: 0x100, streamType: 0x1b },
  { pid: 0x101, streamType: 0x24 },
  { pid: 0x102, streamType: 0x0f },
  { pid: 0x103, streamType: 6, descriptors: [5, 4, 0x4f, 0x70, 0x75, 0x73, 0x7f, 2, 0x80, 2] },
];

/** Parameter sets and slices of H.264 and HEVC with random contents. */
function makeUnits(): Uint8Array {
  const headers = [0x67, 0x68, 0x65, 0x41, 0x09, 0x40, 0x42, 0x44, 0x26, 0x02];
  const units = Array.from({ length: 1 + pick(5) }, () => {
    const unit = randomBytes(1 + pick(60));
    unit[0] = headers[pick(headers.length)] ?? 0;
    return unit;
  });
  return joinAnnexB(pick(3) === 0 ? [...testAvcSets(pick(60)), ...units] : units);
}

/** A piece of a stream: tables, PES packets of any content, noise. */
function makePiece(writer: TestTransportWriter): Uint8Array {
  const kind = pick(12);
  if (kind === 0) return writer.writeTables(STREAMS.slice(0, 1 + pick(STREAMS.length)));
  if (kind === 1 && pick(10) === 0) {
    const streams = Array.from({ length: pick(40) }, () => ({
      pid: pick(0x2000),
      streamType: [0x1b, 0x24, 0x0f, 6][pick(4)] ?? 0,
    }));
    return writer.writeMap(streams);
  }
  if (kind === 2) return randomBytes(pick(400));
  const times = {
    pts: pick(4) === 0 ? null : pick(2 ** 32) * 2,
    dts: pick(2) === 0 ? null : pick(2 ** 32),
    hasLength: pick(2) === 0,
  };
  if (kind === 3) {
    const header = Uint8Array.of(0x7f, 0xe0 | pick(32), pick(256), pick(256));
    return writer.writePes(0x103, concatBytes([header, randomBytes(pick(300))]), times);
  }
  if (kind < 6) {
    const frame = makeAdtsFrame(randomBytes(pick(300)));
    if (pick(3) === 0) frame[pick(7)] = pick(256);
    return writer.writePes(0x102, concatBytes([frame, frame.subarray(0, pick(frame.byteLength + 1))]), times);
  }
  return writer.writePes(0x100 + pick(2), makeUnits(), times);
}

test("no bytes make the demuxer throw, and what it keeps of them is bounded", { timeout: 30_000 + INPUTS }, () => {
  const before = heapBytes();
  let most = 0;
  let [events, frames] = [0, 0];
  for (let left = INPUTS; left > 0; left -= SESSION_INPUTS) {
    const writer = new TestTransportWriter();
    const demuxer = new TransportDemuxer();
    demuxer.push(writer.writeTables(STREAMS));
    for (let input = Math.min(left, SESSION_INPUTS); input > 0; input -= 1) {
      const piece = makePiece(writer);
      for (let change = pick(4) === 0 ? pick(8) : 0; change > 0 && piece.byteLength > 0; change -= 1) {
        piece[pick(piece.byteLength)] = pick(256);
      }
      for (const event of demuxer.push(piece)) {
        events += 1;
        if (event.kind !== "frame") continue;
        frames += 1;
        if (!Number.isSafeInteger(event.dts) || !Number.isSafeInteger(event.ctsOffset))
          throw new Error("a time is no integer");
      }
    }
    demuxer.end();
    most = Math.max(most, heapBytes() - before);
  }
  expect(frames).toBeGreaterThan(INPUTS / 10);
  expect(events).toBeGreaterThan(frames);
  expect(most).toBeLessThan(HEAP_GROWTH_BYTES);
});
