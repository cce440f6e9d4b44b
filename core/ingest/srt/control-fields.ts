/** Bodies of acknowledgements, loss reports and drop requests. */
import { SRT_LIMITS } from "./limits.ts";
import { viewOf } from "./packet.ts";
import { wrapSequence } from "./sequence.ts";

/** Words of one loss report. */
const REPORT_WORDS = Math.floor((SRT_LIMITS.packetBytes - SRT_LIMITS.headerBytes) / 4);

/** Consecutive lost packets: unwrapped sequence numbers, the last one included. */
export interface LossRange {
  readonly first: number;
  readonly last: number;
}

/** What a full acknowledgement tells the sender. */
export interface AcknowledgementFields {
  /** Unwrapped number of the first packet that is not acknowledged. */
  readonly sequence: number;
  readonly roundTripUs: number;
  readonly roundTripVarianceUs: number;
  /** Packets that the buffer still takes. */
  readonly freePackets: number;
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** The body of a full acknowledgement. */
export function encodeAcknowledgement(fields: AcknowledgementFields): Uint8Array<ArrayBuffer> {
  return encodeWords([
    wrapSequence(fields.sequence),
    fields.roundTripUs,
    fields.roundTripVarianceUs,
    fields.freePackets,
    fields.packetsPerSecond,
    // Link capacity: live senders do not pace by it.
    fields.packetsPerSecond,
    fields.bytesPerSecond,
  ]);
}

/** The body of a light acknowledgement. */
export function encodeLightAcknowledgement(sequence: number): Uint8Array<ArrayBuffer> {
  return encodeWords([wrapSequence(sequence)]);
}

/** The bodies of loss reports of ascending ranges: at most `maxPackets`, later ranges are left out. */
export function encodeLossReports(ranges: Iterable<LossRange>, maxPackets: number): Uint8Array<ArrayBuffer>[] {
  const reports: number[][] = [];
  for (const { first, last } of ranges) {
    // "For any consecutive packet sequence numbers that the difference between the last and first is more than 1":
    // a range takes two words, with the first bit of the first one set.
    const words = first === last ? [wrapSequence(first)] : [wrapSequence(first) + 2 ** 31, wrapSequence(last)];
    const report = reports.at(-1);
    if (report !== undefined && report.length + words.length <= REPORT_WORDS) report.push(...words);
    else if (reports.length < maxPackets) reports.push(words);
    else break;
  }
  return reports.map(encodeWords);
}

/** First and last wrapped sequence number of a drop request's body, or null if it is malformed. */
export function parseDropRequest(body: Uint8Array): { readonly first: number; readonly last: number } | null {
  if (body.byteLength < 8) return null;
  const view = viewOf(body);
  const [first, last] = [view.getUint32(0), view.getUint32(4)];
  return first >>> 31 === 0 && last >>> 31 === 0 ? { first, last } : null;
}

function encodeWords(words: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * words.length);
  const view = viewOf(bytes);
  words.forEach((word, index) => {
    view.setUint32(4 * index, word);
  });
  return bytes;
}
