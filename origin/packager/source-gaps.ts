/** The time between a source's sessions: a slate where there is one, else gaps. */
import { type EncodedSlate, SlateSchedule } from "../../core/ingest/slate/slate-schedule.ts";
import { type Clock, startInterval } from "../../core/kit/clock.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import type { KeyframeSchedule } from "../../core/media/cmaf/keyframes.ts";
import type { Packager, PackagerOutput } from "../../core/media/cmaf/packager.ts";
import { errorMessage } from "../kit/errors.ts";

/** What fills the time. */
export interface SourceGapsOptions {
  readonly packager: Packager;
  /** The encoders' keyframes, which the slate has too. */
  readonly keyframes: KeyframeSchedule | null;
  /** The slates of all tracks, once they are ready. */
  readonly slates?: () => ReadonlyMap<TrackName, EncodedSlate> | null;
  readonly stepMs: number;
  /** How far gaps stay behind the clock; a slate stays as far behind it as the media before it, but no less. */
  readonly marginMs: number;
  readonly emit: (outputs: readonly PackagerOutput[]) => void;
  readonly clock: Clock;
  readonly epochNowMs: () => number;
  readonly log: { error(text: string): void };
}

/** A slate stays at most this far behind the clock: encoders that were slower were not keeping up. */
const MAX_LAG_MS = 2_000;
/** Share of the newest frame in the mean delay. */
const LAG_SHARE = 0.05;
/** A slate's timeline begins this much within the written media, and is therefore placed exactly after it. */
const WITHIN_MS = 1;

/** See the file's first line. */
export class SourceGaps {
  readonly #options: SourceGapsOptions;
  #stop: (() => void) | null = null;
  #slate: { readonly schedule: SlateSchedule; readonly sinceMs: number } | null = null;
  #lagMs: number | null = null;

  constructor(options: SourceGapsOptions) {
    this.#options = options;
  }

  /** A frame was packaged: how far the media is behind the clock. */
  observe(): void {
    const { packager, epochNowMs } = this.#options;
    const lagMs = epochNowMs() - (packager.writtenUntilMs ?? epochNowMs());
    this.#lagMs = this.#lagMs === null ? lagMs : this.#lagMs + LAG_SHARE * (lagMs - this.#lagMs);
  }

  /** No session runs: time is filled as it passes. */
  start(): void {
    if (this.#stop !== null) return;
    this.#stop = startInterval(this.#options.clock, this.#options.stepMs, () => this.#step());
  }

  /** A session's media begins at `untilMs`, or nothing follows (null). */
  end(untilMs: number | null): void {
    this.#stop?.();
    this.#stop = null;
    const slate = this.#slate;
    if (slate === null) return;
    this.#slate = null;
    const { packager, emit } = this.#options;
    if (untilMs !== null) this.#push(slate.schedule.finish((untilMs - slate.sinceMs) / 1000));
    emit(packager.endTimeline());
  }

  #step(): void {
    const { packager, epochNowMs, marginMs, emit, log, slates } = this.#options;
    try {
      const ready = this.#slate === null ? (slates?.() ?? null) : null;
      if (ready !== null) this.#begin(ready);
      const slate = this.#slate;
      if (slate === null) {
        emit(packager.fillGapUntil(epochNowMs() - marginMs));
        return;
      }
      const lagMs = Math.min(Math.max(this.#lagMs ?? 0, marginMs), MAX_LAG_MS);
      this.#push(slate.schedule.framesUntil((epochNowMs() - lagMs - slate.sinceMs) / 1000));
    } catch (error) {
      this.end(null);
      log.error(`The gap cannot be continued: ${errorMessage(error)}.`);
    }
  }

  #begin(slates: ReadonlyMap<TrackName, EncodedSlate>): void {
    const { packager, keyframes, emit } = this.#options;
    const sinceMs = packager.writtenUntilMs;
    if (sinceMs === null) return;
    const inits = new Map([...slates].map(([name, { init }]) => [name, init]));
    emit(packager.beginTimeline({ inits, programOffsetMs: sinceMs - WITHIN_MS }));
    const isKeyframe = keyframes === null ? null : (n: number): boolean => keyframes.isKeyframe(n);
    this.#slate = { schedule: new SlateSchedule(slates, isKeyframe), sinceMs };
  }

  #push(frames: ReturnType<SlateSchedule["framesUntil"]>): void {
    const { packager, emit } = this.#options;
    for (const { track, frame } of frames) emit(packager.push(track, frame));
  }
}
