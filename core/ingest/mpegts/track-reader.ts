/** What readers of elementary streams have in common. */
import type { IngestEvent } from "../media-event.ts";

/** Ticks per second of transport streams. */
export const TRANSPORT_TIMESCALE = 90_000;

/** Unwrapped times of a unit, ticks of 90 kHz. */
export interface UnitTimes {
  readonly dts: number;
  readonly ctsOffset: number;
}

/** The content of a PES packet. */
export interface TrackUnit {
  readonly times: UnitTimes | null;
  readonly data: Uint8Array;
}

/** Makes events of one elementary stream. */
export interface TrackReader {
  /** Units or frames that could not be used. */
  readonly droppedUnits: number;
  /** The events of a unit. */
  read(unit: TrackUnit): IngestEvent[];
  /** Something is missing before the next unit. */
  reset(): void;
}

/** Times of the frames of a PES packet: its time is that of the first frame that begins in it, others follow by duration. */
export class FrameTimes {
  #anchor: number | null = null;
  #elapsed = 0;

  /** The next frame has this time. */
  setTime(dts: number): void {
    this.#anchor = dts;
    this.#elapsed = 0;
  }

  /** The time of the next frame, and goes on by its duration in ticks, which may be a fraction; null before the first time. */
  advance(durationTicks: number): number | null {
    if (this.#anchor === null) return null;
    const dts = this.#anchor + Math.round(this.#elapsed);
    this.#elapsed += durationTicks;
    return dts;
  }

  /** The next frame's time is unknown. */
  reset(): void {
    this.#anchor = null;
  }
}
