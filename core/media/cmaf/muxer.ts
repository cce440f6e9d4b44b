/** Puts the sound of a broadcast into the parts of one picture track: each part carries what begins within it. */
import { CmafError } from "./errors.ts";
import type { FragmentSample, TrackRun } from "./fragment.ts";
import type { TimedFrame } from "./frame.ts";
import type { FrameQueue } from "./frame-queue.ts";
import { CMAF_LIMITS } from "./limits.ts";
import type { PartDraft, PartOutput, PartWriter } from "./part-writer.ts";

/**
 * Parts wait, in order, until their sound is complete. Sound that comes after its part has left goes with the next one,
 * at its own time; none is left out or given twice. Times are ticks of the sound, on the output timeline.
 */
export class Muxer {
  readonly #parts: PartWriter;
  readonly #audioQueue: FrameQueue;
  /** Ticks of sound in a tick of the pictures. */
  readonly #audioTicksPerTick: number;
  /** What a frame of sound lasts at most: one that says more has a pause after it. */
  readonly #maxFrameTicks: number;
  #trackId = 2;
  #pendingParts: PartDraft[] = [];
  #audioFrames: TimedFrame[] = [];
  /** No sound comes any more that begins before this. */
  #audioCompleteTicks: number = Number.NEGATIVE_INFINITY;
  /** Decode time after the sound that was written. */
  #audioEndTicks = 0;
  /** How much later than decoded the segment's first picture is shown, ticks of the pictures. */
  #keyframeCtsOffset = 0;

  /** `source` is where the sound comes from; `timescale` is the pictures'. */
  constructor(parts: PartWriter, source: FrameQueue, timescale: number, partTargetMs: number) {
    this.#parts = parts;
    this.#audioQueue = source;
    this.#audioTicksPerTick = source.timescale / timescale;
    this.#maxFrameTicks = Math.max(1, Math.floor((partTargetMs * source.timescale) / 1000));
  }

  /** Track id that the init section in force gives to the sound. */
  useTrackId(trackId: number): void {
    this.#trackId = trackId;
  }

  /** A run of the source begins: parts wait for sound again. */
  awaitAudio(): void {
    this.#audioCompleteTicks = Number.NEGATIVE_INFINITY;
  }

  /** The next frame of sound. Throws `CmafError` when too many wait for pictures. */
  addAudioFrame(frame: TimedFrame): void {
    if (this.#audioFrames.length >= CMAF_LIMITS.queuedFrames) {
      const what = `${this.#audioFrames.length} frames wait for the pictures that they belong to`;
      throw new CmafError("limit", what, { input: this.#audioQueue.name });
    }
    this.#audioFrames.push({ ...frame, end: Math.min(frame.end, frame.dts + this.#maxFrameTicks) });
  }

  /** The next part of the pictures. */
  addPart(cut: PartDraft, out: PartOutput[]): void {
    this.#pendingParts.push(cut);
    this.#writeCompleteParts(out);
  }

  /** No sound comes any more that begins before `ticks`, or none that is worth a wait. */
  completeAudioUntil(ticks: number, out: PartOutput[]): void {
    this.#audioCompleteTicks = Math.max(this.#audioCompleteTicks, ticks);
    this.#writeCompleteParts(out);
  }

  /** The run is over: nothing waits, and until the next one begins nothing will. */
  flush(out: PartOutput[]): void {
    this.completeAudioUntil(Number.POSITIVE_INFINITY, out);
    this.#audioFrames = [];
  }

  #writeCompleteParts(out: PartOutput[]): void {
    for (let cut = this.#pendingParts[0]; cut !== undefined; cut = this.#pendingParts[0]) {
      const { meta, trackRun } = cut;
      const key = trackRun?.samples[0];
      if (meta.part === 0) this.#keyframeCtsOffset = key?.sync === true ? key.ctsOffset : 0;
      const end = (cut.endTicks + this.#keyframeCtsOffset) * this.#audioTicksPerTick;
      if (end > this.#audioCompleteTicks) return;
      this.#pendingParts.shift();
      // Rule 10 forbids short parts but for gaps, so sound within a short gap goes with the part after it.
      const sound = trackRun !== null || cut.isWhole ? this.#audioRunBefore(end) : null;
      out.push(this.#parts.write(cut, sound));
    }
  }

  /** The sound that begins before `end`, as samples that follow each other; each is heard exactly when it was. */
  #audioRunBefore(end: number): TrackRun | null {
    const samples: FragmentSample[] = [];
    const decodeTicks = Math.max(this.#audioFrames[0]?.dts ?? 0, this.#audioEndTicks);
    let dts = decodeTicks;
    let count = 0;
    for (const frame of this.#audioFrames) {
      if (frame.dts >= end) break;
      const last = samples.at(-1);
      if (last !== undefined) {
        last.durationTicks = Math.max(1, frame.dts - dts);
        dts += last.durationTicks;
      }
      const durationTicks = Math.max(1, frame.end - dts);
      samples.push({ durationTicks, ctsOffset: frame.pts - dts, sync: true, data: frame.data });
      this.#audioEndTicks = dts + durationTicks;
      count++;
    }
    this.#audioFrames.splice(0, count);
    return count === 0 ? null : { trackId: this.#trackId, decodeTicks, samples };
  }
}
