/** The receive buffer: puts packets into order, knows which are missing, and gives up those that are too late. */
import type { LossRange } from "./control-fields.ts";
import { SRT_LIMITS } from "./limits.ts";
import { MissingPackets } from "./missing-packets.ts";
import { unwrapSequence } from "./sequence.ts";

interface BufferedPacket {
  readonly payload: Uint8Array;
  /** When it is delivered even if packets before it are missing. */
  readonly dueUs: number;
}

/** Takes the payload of one packet. */
export type DeliverPayload = (payload: Uint8Array) => void;

/** Packets by kind, since the connection opened. Received and lost ones are all that the sender sent, up to the last one. */
export interface PacketCounts {
  /** Packets that arrived for the first time and in time. */
  readonly received: number;
  /** Packets that were found missing when a later one arrived. */
  readonly missing: number;
  /** Missing packets that arrived in time after all. */
  readonly repaired: number;
  /** Packets that were given up. */
  readonly lost: number;
  /** Packets that arrived again, or after they were given up. */
  readonly duplicate: number;
}

/** Sequence numbers are unwrapped throughout. Each from `#next` to below `#end` is either buffered or missing. */
export class ReceiveBuffer {
  readonly #packets = new Map<number, BufferedPacket>();
  readonly #missing = new MissingPackets();
  readonly #counts = { received: 0, missing: 0, repaired: 0, lost: 0, duplicate: 0 };
  /** The next packet to deliver. */
  #next: number;
  /** One past the last packet that is known to be sent. */
  #end: number;

  constructor(initialSequence: number) {
    this.#next = initialSequence;
    this.#end = initialSequence;
  }

  get counts(): PacketCounts {
    return { ...this.#counts };
  }

  /** The first packet that neither arrived nor was given up: what acknowledgements carry. */
  get acknowledged(): number {
    return this.#missing.first?.first ?? this.#end;
  }

  /** Packets that fit into the buffer. */
  get freePackets(): number {
    return SRT_LIMITS.bufferPackets - (this.#end - this.#next);
  }

  /** The unwrapped number of a packet that arrives now. */
  unwrap(sequence: number): number {
    return unwrapSequence(sequence, this.#end);
  }

  /** Whether the packet is still wanted; one that is not counts as a duplicate. */
  admit(sequence: number): boolean {
    if (sequence >= this.#end || this.#missing.has(sequence)) return true;
    this.#counts.duplicate += 1;
    return false;
  }

  /**
   * Stores an admitted packet. Returns whether it shows others to be missing, which are given up at `gapDueUs`. `deliver` gets what a jump beyond the buffer
   * pushes out of it: the packets that were jumped over are lost.
   */
  insert(sequence: number, packet: BufferedPacket, gapDueUs: number, deliver: DeliverPayload): boolean {
    if (sequence - this.#next >= SRT_LIMITS.bufferPackets) {
      this.flush(deliver);
      this.#counts.lost += sequence - this.#end;
      this.#next = sequence;
      this.#end = sequence;
    }
    this.#counts.received += 1;
    this.#packets.set(sequence, packet);
    const skipped = sequence - this.#end;
    if (skipped < 0) {
      this.#missing.remove(sequence);
      this.#counts.repaired += 1;
      return false;
    }
    if (skipped > 0) this.#missing.append(this.#end, sequence - 1, gapDueUs);
    this.#counts.missing += skipped;
    this.#end = sequence + 1;
    return skipped > 0;
  }

  /** Gives up the missing packets of a range that the sender has dropped, also those at the end that never came. */
  drop(first: number, last: number): void {
    this.#missing.markDropped(first, last);
    const end = Math.min(last + 1, this.#next + SRT_LIMITS.bufferPackets);
    if (first > this.#end || end <= this.#end) return;
    this.#missing.append(this.#end, end - 1, Number.NEGATIVE_INFINITY, true);
    this.#end = end;
  }

  /**
   * Delivers what may be: packets in order, and packets behind a gap once they or the gap are due, which gives the gap up.
   * `onlyDue`: packets in order wait for their time too.
   */
  release(nowUs: number, onlyDue: boolean, deliver: DeliverPayload): void {
    while (this.#next < this.#end) {
      const gap = this.#missing.first;
      const isGap = gap?.first === this.#next;
      const isHeld = isGap ? !gap.isDropped : onlyDue;
      const gapDueUs = isGap ? gap.dueUs : Number.POSITIVE_INFINITY;
      const sequence = (isGap ? (isHeld ? this.#missing.firstEnd : gap.last + 1) : undefined) ?? this.#next;
      const packet = this.#packets.get(sequence);
      // A gap at the end has no packet behind it that could be due.
      if (isHeld && (packet === undefined || Math.min(packet.dueUs, gapDueUs) > nowUs)) return;
      if (isGap) {
        this.#counts.lost += this.#missing.removeBefore(sequence);
        this.#next = sequence;
        continue;
      }
      this.#packets.delete(sequence);
      this.#next = sequence + 1;
      if (packet !== undefined) deliver(packet.payload);
    }
  }

  /** Gives the packets that are missing now more time. */
  postpone(pauseUs: number): void {
    this.#missing.postpone(pauseUs);
  }

  /** Delivers everything in order; what is missing is lost. */
  flush(deliver: DeliverPayload): void {
    this.drop(this.#next, this.#end - 1);
    this.release(Number.POSITIVE_INFINITY, false, deliver);
  }

  /** Gaps that were not reported after `beforeUs`; those that the caller takes count as reported now. */
  reportLosses(beforeUs: number, nowUs: number): Iterable<LossRange> {
    return this.#missing.report(beforeUs, nowUs);
  }
}
