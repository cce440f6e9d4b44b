/** Puts the packets of one source in order, and tells which are missing. */
import { RTP_LIMITS } from "./limits.ts";
import { type RtpPacket, sequenceDistance16 } from "./rtp-packet.ts";

/** What leaves the buffer, in order: a packet, or that some before it are lost for good. */
export type ReorderedItem = { readonly kind: "packet"; readonly packet: RtpPacket } | { readonly kind: "gap" };

/** Packets of a source since it began. */
export interface ReorderCounts {
  readonly received: number;
  /** Packets that were missing at some time. */
  readonly missing: number;
  readonly repaired: number;
  readonly lost: number;
}

interface MissingPacket {
  readonly sinceMs: number;
  askedMs: number;
  requests: number;
}

/** See the file's first line. Times are milliseconds that never go back. Without loss nothing waits. */
export class ReorderBuffer {
  readonly #repairMs: number;
  /** Unwrapped number of the packet that leaves next; null before the first. */
  #next: number | null = null;
  #highest = 0;
  readonly #packets = new Map<number, RtpPacket>();
  readonly #missing = new Map<number, MissingPacket>();
  #strays = 0;
  #hasGap = false;
  readonly #counts = { received: 0, missing: 0, repaired: 0, lost: 0 };

  /** `repairMs`: time that a missing packet has to come. */
  constructor(repairMs: number) {
    this.#repairMs = repairMs;
  }

  get counts(): ReorderCounts {
    return this.#counts;
  }

  /** The highest received number, with its wraps in the upper bits. */
  get highest(): number {
    return this.#highest;
  }

  /** Packets that wait, for a limit's test. */
  get size(): number {
    return this.#packets.size + this.#missing.size;
  }

  /** A packet has come. Those that left, or were given up, are dropped. */
  push(packet: RtpPacket, nowMs: number): void {
    if (this.#next === null) {
      this.#begin(packet.sequence);
      this.#next = packet.sequence;
    }
    const sequence = this.#highest + sequenceDistance16(this.#highest & 0xffff, packet.sequence);
    if (sequence < (this.#next ?? 0)) {
      this.#pushStray(packet, sequence);
      return;
    }
    this.#strays = 0;
    if (sequence - (this.#next ?? 0) >= RTP_LIMITS.bufferPackets) this.#skipTo(sequence);
    if (this.#packets.has(sequence)) return;
    this.#counts.received += 1;
    if (this.#missing.delete(sequence)) this.#counts.repaired += 1;
    for (let missing = Math.max(this.#highest + 1, this.#next ?? 0); missing < sequence; missing += 1) {
      this.#counts.missing += 1;
      this.#missing.set(missing, { sinceMs: nowMs, askedMs: Number.NEGATIVE_INFINITY, requests: 0 });
    }
    this.#highest = Math.max(this.#highest, sequence);
    this.#packets.set(sequence, packet);
  }

  /** What can leave now. */
  release(nowMs: number): ReorderedItem[] {
    const items: ReorderedItem[] = [];
    for (let next = this.#next; next !== null && next <= this.#highest; next = this.#next) {
      const packet = this.#packets.get(next);
      if (packet === undefined) {
        const missing = this.#missing.get(next);
        if (missing !== undefined && nowMs - missing.sinceMs < this.#repairMs) break;
        this.#missing.delete(next);
        this.#counts.lost += 1;
        this.#hasGap = true;
      } else {
        this.#packets.delete(next);
        if (this.#hasGap) items.push({ kind: "gap" });
        this.#hasGap = false;
        items.push({ kind: "packet", packet });
      }
      this.#next = next + 1;
    }
    return items;
  }

  /** How long the packet that leaves next has been missing, milliseconds; 0 if it is not. */
  waitingMs(nowMs: number): number {
    const missing = this.#missing.get(this.#next ?? Number.NaN);
    return missing === undefined ? 0 : nowMs - missing.sinceMs;
  }

  /** Unwrapped numbers to ask for now, ascending; `roundTripMs` null: unknown. */
  takeRequests(nowMs: number, roundTripMs: number | null): number[] {
    const stepMs = Math.max(RTP_LIMITS.repairStepMs, 1.2 * (roundTripMs ?? RTP_LIMITS.unknownRoundTripMs));
    const due: number[] = [];
    for (const [sequence, missing] of this.#missing) {
      if (due.length >= RTP_LIMITS.repairBatch) break;
      if (missing.requests >= RTP_LIMITS.repairRequests || nowMs - missing.askedMs < stepMs) continue;
      missing.askedMs = nowMs;
      missing.requests += 1;
      due.push(sequence);
    }
    return due;
  }

  #begin(sequence: number): void {
    this.#packets.clear();
    this.#missing.clear();
    this.#highest = sequence;
  }

  /** A late or repeated packet; many from far before are a sender that has begun anew. */
  #pushStray(packet: RtpPacket, sequence: number): void {
    if ((this.#next ?? 0) - sequence < RTP_LIMITS.bufferPackets) return;
    this.#strays += 1;
    if (this.#strays < RTP_LIMITS.strayPackets) return;
    this.#strays = 0;
    this.#hasGap = true;
    this.#begin(packet.sequence);
    this.#next = packet.sequence;
    this.#packets.set(packet.sequence, packet);
    this.#counts.received += 1;
  }

  /** The sender has jumped ahead: what waits is given up. */
  #skipTo(sequence: number): void {
    const from = this.#next ?? sequence;
    this.#counts.lost += sequence - from - this.#packets.size;
    this.#hasGap = true;
    this.#packets.clear();
    this.#missing.clear();
    this.#next = sequence;
    this.#highest = sequence - 1;
  }
}
