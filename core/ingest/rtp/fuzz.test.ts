import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { RTP_LIMITS } from "./limits.ts";
import { RtpMediaReceiver } from "./media-receiver.ts";
import { parseRtcp } from "./rtcp.ts";
import {
  makeTestPicture,
  packPicture,
  TEST_TRANSPORT_EXTENSION,
  writeTestRetransmission,
  writeTestRtp,
  writeTestSenderReport,
} from "./testing.ts";

/** Inputs of a run, one datagram each; 1,000,000 for the heavy check. */
const INPUTS = Number(process.env["CORRAL_FUZZ_INPUTS"] ?? 8_000);
/** Inputs of one receiver. */
const SESSION_INPUTS = 5_000;
/** Bytes that a run may add to the heap: a receiver holds 8 MiB of one picture and 3 MB of packets. */
const HEAP_GROWTH_BYTES = 2 ** 27;

const generator = xoroshiro128plus(9_725);
const pick = (below: number): number => (generator.next() >>> 0) % below;
const randomBytes = (byteLength: number): Uint8Array => Uint8Array.from({ length: byteLength }, () => pick(256));
const heapBytes = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;

const PLAN = {
  video: { payloadType: 102, rtxPayloadType: 103, canRepair: true },
  audio: { payloadType: 111, redPayloadType: 63, canRepair: true },
  transportExtension: TEST_TRANSPORT_EXTENSION,
} as const;

/** Where a sender's numbers are; most packets continue them. */
class Numbers {
  sequence = pick(65_536);
  timestamp = pick(2 ** 31) * 2;

  next(): { readonly sequence: number; readonly timestamp: number } {
    const jump = pick(200);
    if (jump === 0) this.sequence = pick(65_536);
    else this.sequence = (this.sequence + (jump < 20 ? pick(40) : 1) - (jump < 8 ? pick(30) : 0)) & 0xffff;
    if (pick(3) === 0) this.timestamp += pick(50) === 0 ? pick(2 ** 31) : 3_000;
    return { sequence: this.sequence, timestamp: this.timestamp };
  }
}

/** Payloads of H.264: of real pictures, and of any first bytes. */
function makePayload(): Uint8Array {
  const kind = pick(8);
  if (kind === 0) return concatBytes([Uint8Array.of(0x78), randomBytes(pick(80))]);
  if (kind === 1) return concatBytes([Uint8Array.of(0x7c, pick(256)), randomBytes(pick(300))]);
  if (kind === 2) return randomBytes(pick(200));
  const payloads = packPicture(makeTestPicture(pick(4) === 0, 1 + pick(2_500)));
  return payloads[pick(payloads.length)] ?? new Uint8Array(0);
}

function makeRtp(video: Numbers, audio: Numbers): Uint8Array {
  const common = {
    marker: pick(3) === 0,
    transportSequence: pick(65_536),
    padding: pick(20) === 0 ? 1 + pick(200) : 0,
  };
  const kind = pick(10);
  if (kind === 0) {
    const fields = {
      ...common,
      payloadType: 103,
      ssrc: 3,
      sequence: pick(65_536),
      original: video.sequence - pick(60),
    };
    return writeTestRetransmission({ ...fields, timestamp: video.timestamp, payload: makePayload() });
  }
  if (kind < 3) {
    const payload = concatBytes([Uint8Array.of(0xfc), randomBytes(pick(60))]);
    if (pick(2) === 0) return writeTestRtp({ ...common, ...audio.next(), payloadType: 111, ssrc: 2, payload });
    const length = pick(payload.byteLength + 4);
    const red = concatBytes([
      Uint8Array.of(0xef, pick(16), pick(4) * 4 + (length >> 8), length & 255, 111),
      payload,
      payload,
    ]);
    return writeTestRtp({ ...common, ...audio.next(), payloadType: 63, ssrc: 2, payload: red });
  }
  const ssrc = pick(500) === 0 ? pick(5) : 1;
  return writeTestRtp({ ...common, ...video.next(), payloadType: 102, ssrc, payload: makePayload() });
}

const makeRtcp = (): Uint8Array =>
  pick(2) === 0
    ? concatBytes([writeTestSenderReport(1 + pick(2), pick(2 ** 32), pick(2 ** 32)), randomBytes(4 * pick(20))])
    : concatBytes([Uint8Array.of(0x80 | pick(32), 200 + pick(8), 0, pick(12)), randomBytes(pick(80))]);

test("no datagrams make the receiver throw, and what it keeps and sends is bounded", {
  timeout: 30_000 + INPUTS,
}, () => {
  const before = heapBytes();
  let [frames, most, longest] = [0, 0, 0];
  for (let left = INPUTS; left > 0; left -= SESSION_INPUTS) {
    const receiver = new RtpMediaReceiver(PLAN, 9);
    const [video, audio] = [new Numbers(), new Numbers()];
    let nowMs = pick(1_000_000);
    for (let input = Math.min(left, SESSION_INPUTS); input > 0; input -= 1) {
      nowMs += pick(30) === 0 ? pick(700) : pick(5);
      const bytes = pick(12) === 0 ? makeRtcp() : makeRtp(video, audio);
      for (let change = pick(5) === 0 ? pick(6) : 0; change > 0; change -= 1) bytes[pick(bytes.byteLength)] = pick(256);
      receiver.receiveRtcp(bytes, nowMs);
      const { events, rtcp } = receiver.tick(nowMs);
      longest = Math.max(longest, rtcp?.byteLength ?? 0);
      for (const event of [...receiver.receiveRtp(bytes, nowMs), ...events]) {
        if (event.kind !== "frame") continue;
        frames += 1;
        if (!Number.isSafeInteger(event.dts)) throw new Error("a time is no integer");
      }
    }
    most = Math.max(most, heapBytes() - before);
  }
  expect(frames).toBeGreaterThan(INPUTS / 50);
  expect(longest).toBeLessThan(RTP_LIMITS.packetBytes);
  expect(most).toBeLessThan(HEAP_GROWTH_BYTES);
});

test("a datagram of RTCP has a bounded number of reports", () => {
  const report = writeTestSenderReport(1, 1, 1);
  expect(parseRtcp(concatBytes(Array.from({ length: 2_000 }, () => report)))).toHaveLength(RTP_LIMITS.reports);
});
