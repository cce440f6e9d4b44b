/** RTCP: what is read of a sender (RFC 3550 §6, RFC 3611), and what is told to it (also RFC 4585). */
import { concatBytes } from "../../kit/bytes.ts";
import { RTP_LIMITS } from "./limits.ts";

/** One report of a sender. */
export type RtcpReport =
  /** Relates the RTP clock of `ssrc` to the sender's wall clock. */
  | {
      readonly kind: "sender-report";
      readonly ssrc: number;
      /** Seconds of NTP. */
      readonly ntpS: number;
      /** The middle 32 bits of the NTP time. */
      readonly ntpMiddle: number;
      readonly timestamp: number;
    }
  /** The answer to a reference time of this side. */
  | {
      readonly kind: "last-reference";
      /** The middle 32 bits of the reference time. */
      readonly reference: number;
      /** Time between its arrival and the answer, 1/65,536 s. */
      readonly delay: number;
    };

/** What is told of one received source (RFC 3550 §6.4.1). */
export interface ReceptionReport {
  readonly ssrc: number;
  /** Share of lost packets since the last report, 1/256. */
  readonly fractionLost: number;
  readonly lost: number;
  /** Highest sequence number, with its wraps in the upper 16 bits. */
  readonly highest: number;
  /** Variation of transit times, ticks of the RTP clock. */
  readonly jitter: number;
  /** The middle 32 bits of the last sender report, and the time since, 1/65,536 s; 0 without one. */
  readonly lastReport: number;
  readonly sinceReport: number;
}

const TYPE = {
  senderReport: 200,
  receiverReport: 201,
  transportFeedback: 205,
  payloadFeedback: 206,
  extended: 207,
};
/** RFC 3611 §4.4, §4.5. */
const REFERENCE_TIME = 4;
const LAST_REFERENCE = 5;
const FIXED = 2 ** 32;

/** The reports of a datagram, in order; what is malformed is left out. */
export function parseRtcp(bytes: Uint8Array): RtcpReport[] {
  const reports: RtcpReport[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 4 <= bytes.byteLength && reports.length < RTP_LIMITS.reports) {
    const end = at + 4 * (view.getUint16(at + 2) + 1);
    if ((bytes[at] ?? 0) >> 6 !== 2 || end > bytes.byteLength) break;
    const type = bytes[at + 1];
    if (type === TYPE.senderReport && end - at >= 28) reports.push(readSenderReport(view, at));
    else if (type === TYPE.extended) readExtended(view, at + 8, end, reports);
    at = end;
  }
  return reports;
}

function readSenderReport(view: DataView, at: number): RtcpReport {
  const [seconds, fraction] = [view.getUint32(at + 8), view.getUint32(at + 12)];
  return {
    kind: "sender-report",
    ssrc: view.getUint32(at + 4),
    ntpS: seconds + fraction / FIXED,
    ntpMiddle: ((seconds & 0xffff) * 65_536 + (fraction >>> 16)) >>> 0,
    timestamp: view.getUint32(at + 16),
  };
}

function readExtended(view: DataView, start: number, end: number, reports: RtcpReport[]): void {
  let at = start;
  while (at + 4 <= end) {
    const next = at + 4 * (view.getUint16(at + 2) + 1);
    if (next > end) return;
    // One sub-block: this side has one id.
    if (view.getUint8(at) === LAST_REFERENCE && next - at >= 16)
      reports.push({ kind: "last-reference", reference: view.getUint32(at + 8), delay: view.getUint32(at + 12) });
    at = next;
  }
}

/** A packet of `type` with `words` in its body; `count` is the first byte's lower five bits. */
function writePacket(type: number, count: number, words: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 + 4 * words.length));
  view.setUint8(0, 0x80 | count);
  view.setUint8(1, type);
  view.setUint16(2, words.length);
  for (const [i, word] of words.entries()) view.setUint32(4 + 4 * i, word);
  return new Uint8Array(view.buffer);
}

/** A receiver report; without reports it only begins a compound packet. */
export function writeReceiverReport(ssrc: number, reports: readonly ReceptionReport[]): Uint8Array {
  const words = reports.flatMap((report) => [
    report.ssrc,
    (Math.min(255, report.fractionLost) * 0x1_00_00_00 + Math.min(0x7f_ff_ff, report.lost)) >>> 0,
    report.highest >>> 0,
    report.jitter >>> 0,
    report.lastReport,
    report.sinceReport >>> 0,
  ]);
  return writePacket(TYPE.receiverReport, reports.length, [ssrc, ...words]);
}

/** The time of this side, which the sender answers with its delay: the round trip. `ntpMiddle`: middle 32 bits of NTP. */
export function writeReferenceTime(ssrc: number, ntpMiddle: number): Uint8Array {
  const words = [(REFERENCE_TIME << 24) | 2, ntpMiddle >>> 16, ((ntpMiddle & 0xffff) << 16) >>> 0];
  return writePacket(TYPE.extended, 0, [ssrc, ...words.map((word) => word >>> 0)]);
}

/** Asks for packets again (RFC 4585 §6.2.1). `sequences`: ascending, unwrapped or not; at most `repairBatch` of them. */
export function writeNack(ssrc: number, media: number, sequences: readonly number[]): Uint8Array {
  const words: number[] = [];
  let base: number | null = null;
  let mask = 0;
  const flush = (): void => {
    if (base !== null) words.push((((base & 0xffff) << 16) | mask) >>> 0);
  };
  for (const sequence of sequences.slice(0, RTP_LIMITS.repairBatch)) {
    if (base !== null && sequence > base && sequence - base <= 16) mask |= 1 << (sequence - base - 1);
    else {
      flush();
      base = sequence;
      mask = 0;
    }
  }
  flush();
  return writePacket(TYPE.transportFeedback, 1, [ssrc, media, ...words]);
}

/** Asks for a keyframe (RFC 4585 §6.3.1). */
export function writePictureLoss(ssrc: number, media: number): Uint8Array {
  return writePacket(TYPE.payloadFeedback, 1, [ssrc, media]);
}

/** Tells the times of arrival; `body` is that of `TransportFeedback`. */
export function writeTransportFeedback(ssrc: number, media: number, body: Uint8Array): Uint8Array {
  const padding = new Uint8Array(-body.byteLength & 3);
  const packet = concatBytes([writePacket(TYPE.transportFeedback, 15, [ssrc, media]), body, padding]);
  new DataView(packet.buffer).setUint16(2, packet.byteLength / 4 - 1);
  return packet;
}
