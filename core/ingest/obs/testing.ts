/** Broadcast Performance Metrics as OBS writes them into a keyframe, for tests. */
import { concatBytes } from "../../kit/bytes.ts";
import { joinWithLengths } from "../nal/annex-b.ts";

/** Bytes of hexadecimal digits. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const uint32 = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
const timeText = (tag: number, timeMs: number): Uint8Array =>
  concatBytes([Uint8Array.of(1, tag), new TextEncoder().encode(new Date(timeMs).toISOString()), Uint8Array.of(0)]);
const counters = (values: readonly number[]): Uint8Array =>
  Uint8Array.of(values.length - 1, ...values.flatMap((value, i) => [i + 1, ...uint32(value)]));

/** Composition, request to encode, end of that request, queueing; then frames of the session and of the rendition. */
export interface WrittenMetrics {
  readonly times: readonly [number, number, number, number];
  readonly session: readonly [number, number, number, number];
  readonly rendition: readonly [number, number, number];
}

/** The three messages, each from its UUID on. */
export function metricsMessages({ times, session, rendition }: WrittenMetrics): Uint8Array[] {
  const [, , , queuedMs] = times;
  const stamp = concatBytes([Uint8Array.of(0), timeText(4, queuedMs)]);
  return [
    concatBytes([
      fromHex("0aecffe752724e2fa62fd19cd61a93b5"),
      Uint8Array.of(3),
      ...times.map((timeMs, i) => timeText(i + 1, timeMs)),
    ]),
    concatBytes([fromHex("ca60e71c6a8b4388a377151df7bf8ac2"), stamp, counters(session)]),
    concatBytes([fromHex("f1fbc1d5101e4fb5a61eb8ce3c07b8c0"), stamp, counters(rendition)]),
  ];
}

/** ITU-T H.264 §7.4.1: a 3 between two zeros and a byte below 4. */
function escapeNal(bytes: Uint8Array): number[] {
  const escaped: number[] = [];
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte < 4) {
      escaped.push(3);
      zeros = 0;
    }
    escaped.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return escaped;
}

/** A picture of H.264 or HEVC with a unit for each message after its slice, as OBS writes it. */
export function pictureWithMessages(codec: "h264" | "hevc", messages: readonly Uint8Array[]): Uint8Array {
  const header = codec === "h264" ? [6] : [39 << 1, 1];
  const slice = Uint8Array.of(...(codec === "h264" ? [0x65] : [19 << 1, 1]), 1, 2, 3);
  const units = messages.map((message) => {
    const size = [...Array.from({ length: Math.floor(message.length / 255) }, () => 255), message.length % 255];
    return Uint8Array.of(...header, ...escapeNal(Uint8Array.of(5, ...size, ...message)), 0x80);
  });
  return joinWithLengths([slice, ...units]);
}

/** A temporal unit of AV1 with a metadata unit for each message after its frame. */
export function av1UnitWithMessages(messages: readonly Uint8Array[]): Uint8Array {
  const withSize = (type: number, body: Uint8Array): Uint8Array =>
    concatBytes([Uint8Array.of((type << 3) | 2, 128 | (body.length & 127), body.length >> 7), body]);
  const frame = withSize(6, new Uint8Array(200).fill(7));
  const metadata = messages.map((message) => withSize(5, concatBytes([Uint8Array.of(6), message, Uint8Array.of(128)])));
  return concatBytes([Uint8Array.of(0x12, 0), frame, ...metadata]);
}
