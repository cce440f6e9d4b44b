/** Puts the sound of a broadcast into the parts of one picture track: each part carries what begins within it. */
import { CmafError } from "./errors.ts";
import type { Sample, TrackRun } from "./fragment.ts";
import type { TimedFrame } from "./frame.ts";
import type { Intake } from "./intake.ts";
import { LIMITS } from "./limits.ts";
import type { PartCut, PartOutput, PartWriter } from "./part.ts";

/**
 * Parts wait, in order, until their sound is complete. Sound that comes after its part has left goes with the next one,
 * at its own time; none is left out or given twice. Times are ticks of the sound, on the output timeline.
 */
export class Muxer {
  readonly #parts: PartWriter;
  readonly #source: Intake;
  /** Ticks of sound in a tick of the pictures. */
  readonly #scale: number;
  /** What a frame of sound lasts at most: one that says more has a pause after it. */
  readonly #longestTicks: number;
  #trackId = 2;
  #cuts: PartCut[] = [];
  #sound: TimedFrame[] = [];
  /** No sound comes any more that begins before this. */
  #passed: number = Number.NEGATIVE_INFINITY;
  /** Decode time after the sound that was written. */
  #end = 0;
  /** How much later than decoded the segment's first picture is shown, ticks of the pictures. */
  #keyOffset = 0;

  /** `source` is where the sound comes from; `timescale` is the pictures'. */
  constructor(parts: PartWriter, source: Intake, timescale: number, partTargetMs: number) {
    this.#parts = parts;
    this.#source = source;
    this.#scale = source.timescale / timescale;
    this.#longestTicks = Math.max(1, Math.floor((partTargetMs * source.timescale) / 1000));
  }

  /** Track id that the init section in force gives to the sound. */
  useTrackId(trackId: number): void {
    this.#trackId = trackId;
  }

  /** A run of the source begins: parts wait for sound again. */
  begin(): void {
    this.#passed = Number.NEGATIVE_INFINITY;
  }

  /** The next frame of sound. Throws `CmafError` when too many wait for pictures. */
  hear(frame: TimedFrame): void {
    if (this.#sound.length >= LIMITS.heldFrames) {
      const what = `${this.#sound.length} frames wait for the pictures that they belong to`;
      throw new CmafError("limit", what, { input: this.#source.name });
    }
    this.#sound.push({ ...frame, end: Math.min(frame.end, frame.dts + this.#longestTicks) });
  }

  /** The next part of the pictures. */
  add(cut: PartCut, out: PartOutput[]): void {
    this.#cuts.push(cut);
    this.#release(out);
  }

  /** No sound comes any more that begins before `ticks`, or none that is worth a wait. */
  pass(ticks: number, out: PartOutput[]): void {
    this.#passed = Math.max(this.#passed, ticks);
    this.#release(out);
  }

  /** The run is over: nothing waits, and until the next one begins nothing will. */
  flush(out: PartOutput[]): void {
    this.pass(Number.POSITIVE_INFINITY, out);
    this.#sound = [];
  }

  #release(out: PartOutput[]): void {
    for (let cut = this.#cuts[0]; cut !== undefined; cut = this.#cuts[0]) {
      const { meta, run } = cut;
      const key = run?.samples[0];
      if (meta.part === 0) this.#keyOffset = key?.sync === true ? key.ctsOffset : 0;
      const end = (cut.endTicks + this.#keyOffset) * this.#scale;
      if (end > this.#passed) return;
      this.#cuts.shift();
      // Rule 10 forbids short parts but for gaps, so sound within a short gap goes with the part after it.
      const sound = run !== null || cut.isWhole ? this.#take(end) : null;
      out.push(this.#parts.write(cut, sound));
    }
  }

  /** The sound that begins before `end`, as samples that follow each other; each is heard exactly when it was. */
  #take(end: number): TrackRun | null {
    const samples: Sample[] = [];
    const decodeTicks = Math.max(this.#sound[0]?.dts ?? 0, this.#end);
    let dts = decodeTicks;
    let count = 0;
    for (const frame of this.#sound) {
      if (frame.dts >= end) break;
      const last = samples.at(-1);
      if (last !== undefined) {
        last.durationTicks = Math.max(1, frame.dts - dts);
        dts += last.durationTicks;
      }
      const durationTicks = Math.max(1, frame.end - dts);
      samples.push({ durationTicks, ctsOffset: frame.pts - dts, sync: true, data: frame.data });
      this.#end = dts + durationTicks;
      count++;
    }
    this.#sound.splice(0, count);
    return count === 0 ? null : { trackId: this.#trackId, decodeTicks, samples };
  }
}
