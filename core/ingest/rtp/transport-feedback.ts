/** Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). */
import { RTP_LIMITS } from "./limits.ts";
import { sequenceDistance16 } from "./rtp-packet.ts";

/** Milliseconds of the reference time's unit, and deltas a millisecond. */
const REFERENCE_MS = 64;
const TICKS_PER_MS = 4;
const NOT_RECEIVED = 0;
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;
/** Symbols of two bits in one chunk. */
const CHUNK_SYMBOLS = 7;

/** Collects arrivals and writes feedback, which a browser estimates its rate from. */
export class TransportFeedback {
  /** Times of arrival by unwrapped number, from `#base` on. */
  readonly #arrivals = new Map<number, number>();
  /** First number that no feedback has told; null before the first packet. */
  #base: number | null = null;
  #highest = 0;
  #count = 0;

  /** A packet has come. Numbers before those already told are ignored. */
  observe(transportSequence: number, nowMs: number): void {
    if (this.#base === null) {
      this.#base = transportSequence;
      this.#highest = transportSequence;
    }
    const sequence = this.#highest + sequenceDistance16(this.#highest & 0xffff, transportSequence);
    if (sequence < this.#base) return;
    if (sequence - this.#base >= RTP_LIMITS.feedbackPackets) {
      // The sender has jumped, or nothing was sent for long: what is before is not told.
      this.#arrivals.clear();
      this.#base = sequence;
    }
    this.#highest = Math.max(this.#highest, sequence);
    this.#arrivals.set(sequence, nowMs);
  }

  /** The body of a feedback message for all packets since the last one; null if none has come. */
  take(): Uint8Array | null {
    const base = this.#base;
    if (base === null || this.#arrivals.size === 0) return null;
    const [firstMs] = this.#arrivals.values();
    const referenceUnits = Math.floor((firstMs ?? 0) / REFERENCE_MS);
    let lastTicks = referenceUnits * REFERENCE_MS * TICKS_PER_MS;
    const symbols: number[] = [];
    const deltas: number[] = [];
    for (let sequence = base; sequence <= this.#highest; sequence += 1) {
      const arrivalMs = this.#arrivals.get(sequence);
      if (arrivalMs === undefined) {
        symbols.push(NOT_RECEIVED);
        continue;
      }
      const ticks = Math.round(arrivalMs * TICKS_PER_MS);
      const delta = Math.max(-32_768, Math.min(32_767, ticks - lastTicks));
      lastTicks += delta;
      const isSmall = delta >= 0 && delta <= 255;
      symbols.push(isSmall ? SMALL_DELTA : LARGE_DELTA);
      if (isSmall) deltas.push(delta);
      else deltas.push((delta >> 8) & 255, delta & 255);
    }
    this.#arrivals.clear();
    this.#base = this.#highest + 1;
    return this.#write(base, referenceUnits, symbols, deltas);
  }

  #write(base: number, referenceUnits: number, symbols: readonly number[], deltas: readonly number[]): Uint8Array {
    const chunks = Math.ceil(symbols.length / CHUNK_SYMBOLS);
    const view = new DataView(new ArrayBuffer(8 + 2 * chunks + deltas.length));
    view.setUint16(0, base & 0xffff);
    view.setUint16(2, symbols.length);
    view.setUint32(4, (((referenceUnits & 0xff_ff_ff) << 8) | this.#count) >>> 0);
    this.#count = (this.#count + 1) & 255;
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      // A status vector: "T" 1, symbol size 1 (two bits), then seven symbols.
      let bits = 0xc000;
      for (let i = 0; i < CHUNK_SYMBOLS; i += 1)
        bits |= (symbols[chunk * CHUNK_SYMBOLS + i] ?? NOT_RECEIVED) << (12 - 2 * i);
      view.setUint16(8 + 2 * chunk, bits);
    }
    new Uint8Array(view.buffer).set(deltas, 8 + 2 * chunks);
    return new Uint8Array(view.buffer);
  }
}
