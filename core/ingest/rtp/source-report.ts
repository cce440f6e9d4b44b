/** What is reported of one received source: loss, jitter (RFC 3550 §6.4.1), and the sender's clock. */
import type { ReceptionReport, RtcpReport } from "./rtcp.ts";
import { type RtpPacket, sequenceDistance16, TimestampUnwrapper32 } from "./rtp-packet.ts";

/** A point at which the RTP clock and the sender's wall clock are known: 32-bit ticks, and seconds. */
export interface ClockPoint {
  readonly timestamp: number;
  readonly ntpS: number;
}

/** One source. Retransmissions do not count: the sender is told what its link loses. */
export class SourceReport {
  readonly ssrc: number;
  readonly #clockRate: number;
  readonly #timestamps = new TimestampUnwrapper32();
  #first: number | null = null;
  #highest = 0;
  #received = 0;
  /** Expected and received packets at the last report. */
  #told = { expected: 0, received: 0 };
  #jitter = 0;
  #lastTransit: number | null = null;
  #clockPoint: ClockPoint | null = null;
  #report: { readonly ntpMiddle: number; readonly atMs: number } | null = null;

  constructor(ssrc: number, clockRate: number) {
    this.ssrc = ssrc;
    this.#clockRate = clockRate;
  }

  /** The last sender report; null before the first. */
  get clockPoint(): ClockPoint | null {
    return this.#clockPoint;
  }

  observe({ sequence, timestamp }: RtpPacket, nowMs: number): void {
    this.#first ??= sequence;
    if (this.#received === 0) this.#highest = sequence;
    this.#received += 1;
    const unwrapped = this.#highest + sequenceDistance16(this.#highest & 0xffff, sequence);
    const ticks = this.#timestamps.unwrap(timestamp);
    if (unwrapped < this.#highest) return;
    this.#highest = unwrapped;
    const transit = (nowMs * this.#clockRate) / 1_000 - ticks;
    // "J(i) = J(i-1) + (|D(i-1,i)| - J(i-1))/16".
    if (this.#lastTransit !== null) this.#jitter += (Math.abs(transit - this.#lastTransit) - this.#jitter) / 16;
    this.#lastTransit = transit;
  }

  observeReport(report: Extract<RtcpReport, { kind: "sender-report" }>, nowMs: number): void {
    this.#clockPoint = { timestamp: report.timestamp, ntpS: report.ntpS };
    this.#report = { ntpMiddle: report.ntpMiddle, atMs: nowMs };
  }

  /** The report since the last one. */
  take(nowMs: number): ReceptionReport {
    const expected = this.#first === null ? 0 : this.#highest - this.#first + 1;
    const due = expected - this.#told.expected;
    const lost = due - (this.#received - this.#told.received);
    this.#told = { expected, received: this.#received };
    return {
      ssrc: this.ssrc,
      fractionLost: due <= 0 || lost <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / due)),
      lost: Math.max(0, expected - this.#received),
      highest: this.#highest,
      jitter: Math.min(0xffff_ffff, Math.round(this.#jitter)),
      lastReport: this.#report?.ntpMiddle ?? 0,
      sinceReport: this.#report === null ? 0 : Math.round(((nowMs - this.#report.atMs) * 65_536) / 1_000),
    };
  }
}
