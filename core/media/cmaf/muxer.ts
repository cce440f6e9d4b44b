/** Muxes the broadcast's audio into the parts of one video track: each part carries the audio that begins within it. */
import { CmafError } from "./errors.ts";
import type { FragmentSample, TrackRun } from "./fragment.ts";
import type { TimedFrame } from "./frame.ts";
import type { FrameQueue } from "./frame-queue.ts";
import { CMAF_LIMITS } from "./limits.ts";
import type { PartDraft, PartOutput, PartWriter } from "./part-writer.ts";

/**
 * Parts wait, in order, until their audio is complete. Audio that arrives after its part was emitted goes into the next one,
 * at its own time; none is dropped or repeated. Times are audio ticks on the output timeline.
 */
export class Muxer {
  readonly #parts: PartWriter;
  readonly #audioQueue: FrameQueue;
  /** Audio ticks per video tick. */
  readonly #audioTicksPerTick: number;
  /** Maximum duration of an audio frame: a longer one is followed by a pause. */
  readonly #maxFrameTicks: number;
  #trackId = 2;
  #pendingParts: PartDraft[] = [];
  #audioFrames: TimedFrame[] = [];
  /** No audio that begins before this will arrive. */
  #audioCompleteTicks: number = Number.NEGATIVE_INFINITY;
  /** Decode time after the written audio. */
  #audioEndTicks = 0;
  /** Presentation time minus decode time of the segment's first picture, video ticks. */
  #keyframeCtsOffset = 0;

  /** `source` is the audio's track; `timescale` is the video's. */
  constructor(parts: PartWriter, source: FrameQueue, timescale: number, partTargetMs: number) {
    this.#parts = parts;
    this.#audioQueue = source;
    this.#audioTicksPerTick = source.timescale / timescale;
    this.#maxFrameTicks = Math.max(1, Math.floor((partTargetMs * source.timescale) / 1000));
  }

  /** Audio track id in the current init section. */
  useTrackId(trackId: number): void {
    this.#trackId = trackId;
  }

  /** A timeline of the source begins: parts wait for audio again. */
  awaitAudio(): void {
    this.#audioCompleteTicks = Number.NEGATIVE_INFINITY;
  }

  /** Adds an audio frame. Throws `CmafError` if too many wait for video. */
  addAudioFrame(frame: TimedFrame): void {
    if (this.#audioFrames.length >= CMAF_LIMITS.queuedFrames) {
      const what = `${this.#audioFrames.length} frames wait for the pictures that they belong to`;
      throw new CmafError("limit", what, { input: this.#audioQueue.name });
    }
    this.#audioFrames.push({ ...frame, end: Math.min(frame.end, frame.dts + this.#maxFrameTicks) });
  }

  /** Adds a part of the video. */
  addPart(cut: PartDraft, out: PartOutput[]): void {
    this.#pendingParts.push(cut);
    this.#writeCompleteParts(out);
  }

  /** No audio that begins before `ticks` will arrive, or none worth waiting for. */
  completeAudioUntil(ticks: number, out: PartOutput[]): void {
    this.#audioCompleteTicks = Math.max(this.#audioCompleteTicks, ticks);
    this.#writeCompleteParts(out);
  }

  /** The timeline is over: nothing waits until the next one begins. */
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
      // Rule 10 forbids short parts except gaps, so audio within a short gap goes into the part after it.
      const sound = trackRun !== null || cut.isWhole ? this.#audioRunBefore(end) : null;
      out.push(this.#parts.write(cut, sound));
    }
  }

  /** The audio that begins before `end`, as consecutive samples; each keeps its presentation time. */
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
