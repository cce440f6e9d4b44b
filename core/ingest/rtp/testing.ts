/** Senders of RTP for tests: packets, pictures in packets, reports. */
import { concatBytes } from "../../kit/bytes.ts";
import { testAvcSets } from "../mpegts/testing.ts";

/** Fields of a packet; all others are zero. */
export interface TestRtpFields {
  readonly payloadType?: number;
  readonly marker?: boolean;
  readonly sequence?: number;
  readonly timestamp?: number;
  readonly ssrc?: number;
  readonly payload?: Uint8Array;
  /** Transport-wide number, in the extension with `id` 3. */
  readonly transportSequence?: number;
  /** Bytes of padding. */
  readonly padding?: number;
}

/** Id of the transport-wide extension of these packets. */
export const TEST_TRANSPORT_EXTENSION = 3;

/** A packet. */
export function writeTestRtp(fields: TestRtpFields): Uint8Array {
  const { payloadType = 0, marker = false, sequence = 0, timestamp = 0, ssrc = 0 } = fields;
  const { payload = new Uint8Array(0), transportSequence, padding = 0 } = fields;
  const head = new DataView(new ArrayBuffer(transportSequence === undefined ? 12 : 20));
  const hasExtension = transportSequence === undefined ? 0 : 0x10;
  head.setUint8(0, 0x80 | hasExtension | (padding === 0 ? 0 : 0x20));
  head.setUint8(1, (marker ? 0x80 : 0) | payloadType);
  head.setUint16(2, sequence & 0xffff);
  head.setUint32(4, timestamp >>> 0);
  head.setUint32(8, ssrc);
  if (transportSequence !== undefined) {
    head.setUint32(12, 0xbede_0001);
    head.setUint8(16, (TEST_TRANSPORT_EXTENSION << 4) | 1);
    head.setUint16(17, transportSequence & 0xffff);
  }
  const tail = new Uint8Array(padding);
  if (padding > 0) tail[padding - 1] = padding;
  return concatBytes([new Uint8Array(head.buffer), payload, tail]);
}

/** A packet that repeats another: `sequence` is its own, `original` that of the other. */
export function writeTestRetransmission(fields: TestRtpFields & { readonly original: number }): Uint8Array {
  const { original, payload = new Uint8Array(0), ...rest } = fields;
  const number = Uint8Array.of((original >> 8) & 255, original & 255);
  return writeTestRtp({ ...rest, payload: concatBytes([number, payload]) });
}

/** A NAL unit of `type` with `length` bytes. */
function makeTestUnit(type: number, length: number): Uint8Array {
  const unit = Uint8Array.from({ length }, (_, i) => (i * 7 + type) & 255);
  unit[0] = 0x60 | type;
  return unit;
}

/** The units of a picture in payloads: parameter sets together in a STAP-A, units above `size` in FU-A. */
export function packPicture(units: readonly Uint8Array[], size = 1_000): Uint8Array[] {
  const small = units.filter(({ byteLength }) => byteLength < 100);
  const aggregate = concatBytes([
    Uint8Array.of(0x78),
    ...small.flatMap((unit) => [Uint8Array.of(unit.byteLength >> 8, unit.byteLength & 255), unit]),
  ]);
  const rest = units.filter(({ byteLength }) => byteLength >= 100).flatMap((unit) => fragmentUnit(unit, size));
  return [...(small.length > 0 ? [aggregate] : []), ...rest];
}

function fragmentUnit(unit: Uint8Array, size: number): Uint8Array[] {
  if (unit.byteLength <= size) return [unit];
  const [head = 0] = unit;
  const pieces: Uint8Array[] = [];
  for (let at = 1; at < unit.byteLength; at += size) {
    const isEnd = at + size >= unit.byteLength;
    const flags = (at === 1 ? 0x80 : 0) | (isEnd ? 0x40 : 0);
    pieces.push(concatBytes([Uint8Array.of((head & 0xe0) | 28, flags | (head & 31)), unit.subarray(at, at + size)]));
  }
  return pieces;
}

/** A picture of H.264: with parameter sets if it is a keyframe. */
export function makeTestPicture(isKeyframe: boolean, length = 3_000): Uint8Array[] {
  return isKeyframe ? [...testAvcSets(), makeTestUnit(5, length)] : [makeTestUnit(1, length)];
}

/** A sender report: NTP time in seconds and the RTP timestamp at it. */
export function writeTestSenderReport(ssrc: number, ntpS: number, timestamp: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(28));
  view.setUint32(0, 0x80c8_0006);
  view.setUint32(4, ssrc);
  view.setUint32(8, Math.floor(ntpS));
  view.setUint32(12, Math.floor((ntpS % 1) * 2 ** 32));
  view.setUint32(16, timestamp >>> 0);
  return new Uint8Array(view.buffer);
}

/** Packets of a source, one after another. */
export class TestRtpSource {
  readonly #payloadType: number;
  readonly #ssrc: number;
  #sequence: number;

  constructor(payloadType: number, ssrc: number, firstSequence = 0) {
    this.#payloadType = payloadType;
    this.#ssrc = ssrc;
    this.#sequence = firstSequence;
  }

  /** The packets of one picture or frame; the last one has the marker. */
  write(payloads: readonly Uint8Array[], timestamp: number): Uint8Array[] {
    return payloads.map((payload, i) => {
      const sequence = this.#sequence;
      this.#sequence = (this.#sequence + 1) & 0xffff;
      const marker = i === payloads.length - 1;
      return writeTestRtp({
        ...{ payloadType: this.#payloadType, ssrc: this.#ssrc, sequence, timestamp, payload, marker },
        transportSequence: sequence,
      });
    });
  }
}
