/** The frames of a slate by time: short pre-encoded groups, repeated for as long as a sender is away. Pure. */
import type { TrackName } from "../../kit/ids.ts";
import { toNumber } from "../../kit/rational.ts";
import type { CodedFrame, InitInfo } from "../../media/cmaf/frame.ts";
import type { SlateFormat, VideoSlateFormat } from "./slate-format.ts";

/** A slate as an encoder has made it. */
export interface EncodedSlate {
  readonly format: SlateFormat;
  readonly init: { readonly info: InitInfo; readonly bytes: Uint8Array };
  /** Of video one closed group of pictures that are shown as they are decoded; of audio one frame of silence. */
  readonly frames: readonly Uint8Array[];
}

/** A frame of the schedule. */
export interface SlateFrame {
  readonly track: TrackName;
  readonly frame: CodedFrame;
}

/** Which pictures are keyframes, counted from the first; the groups must be at least that long. */
export type SlateKeyframes = (frame: number) => boolean;

/** Longest distance of a slate's keyframes, seconds: a viewer who comes waits for one. */
const SLATE_GROUP_S = 2;

/** Samples of a frame of silence. */
const SILENCE_SAMPLES: Readonly<Record<"aac" | "opus", number>> = { aac: 1024, opus: 960 };

/** Pictures of one group. */
export function slateGroupFrames({ frameRate }: Pick<VideoSlateFormat, "frameRate">): number {
  return Math.max(1, Math.round(SLATE_GROUP_S * toNumber(frameRate)));
}

/** One track's part of the schedule: frame `n` begins at `n` times the period. */
class SlateTrackSchedule {
  readonly name: TrackName;
  readonly #slate: EncodedSlate;
  readonly #isKeyframe: SlateKeyframes | null;
  /** Seconds of a frame. */
  readonly #periodS: number;
  #next = 0;
  #sinceKeyframe = 0;

  constructor(name: TrackName, slate: EncodedSlate, isKeyframe: SlateKeyframes | null) {
    const { format } = slate;
    this.name = name;
    this.#slate = slate;
    this.#isKeyframe = isKeyframe;
    this.#periodS =
      format.media === "video" ? 1 / toNumber(format.frameRate) : SILENCE_SAMPLES[format.codec] / format.sampleRate;
  }

  /** End of the frames so far, seconds. */
  get endS(): number {
    return this.#next * this.#periodS;
  }

  /** Whether `share` of the next frame is before `untilS`. */
  isDue(untilS: number, share: number): boolean {
    return this.endS + share * this.#periodS <= untilS + 1e-9;
  }

  /** The next frame. */
  take(): CodedFrame {
    const { format, frames } = this.#slate;
    const n = this.#next++;
    const dts = Math.round(n * this.#periodS * format.timescale);
    const durationTicks = Math.max(1, Math.round((n + 1) * this.#periodS * format.timescale) - dts);
    if (format.media === "audio") return codedFrame(dts, durationTicks, true, frames[0]);
    const isDue = this.#isKeyframe === null ? this.#sinceKeyframe >= frames.length : this.#isKeyframe(n);
    const sync = n === 0 || isDue || this.#sinceKeyframe >= frames.length;
    this.#sinceKeyframe = sync ? 1 : this.#sinceKeyframe + 1;
    return codedFrame(dts, durationTicks, sync, frames[this.#sinceKeyframe - 1]);
  }
}

function codedFrame(dts: number, durationTicks: number, sync: boolean, data?: Uint8Array): CodedFrame {
  return { dts, durationTicks, ctsOffset: 0, sync, data: data ?? new Uint8Array(0) };
}

/** See the file's first line. Media time begins at 0 in all tracks; the first track leads. */
export class SlateSchedule {
  readonly #tracks: readonly SlateTrackSchedule[];

  /** Without `isKeyframe` every group is used up to its end. */
  constructor(slates: ReadonlyMap<TrackName, EncodedSlate>, isKeyframe: SlateKeyframes | null = null) {
    this.#tracks = [...slates].map(([name, slate]) => new SlateTrackSchedule(name, slate, isKeyframe));
  }

  /** Frames that are over by `untilS`, seconds of media time, in order; each is given once. */
  framesUntil(untilS: number): SlateFrame[] {
    return this.#take(untilS, 1);
  }

  /** The last frames if other media begins at `untilS`: those that begin before it, so that no time is without a picture. */
  finish(untilS: number): SlateFrame[] {
    return this.#take(untilS, 0);
  }

  #take(untilS: number, share: number): SlateFrame[] {
    const out: SlateFrame[] = [];
    for (;;) {
      let first: SlateTrackSchedule | null = null;
      for (const track of this.#tracks)
        if (track.isDue(untilS, share) && (first === null || track.endS < first.endS)) first = track;
      if (first === null) return out;
      out.push({ track: first.name, frame: first.take() });
    }
  }
}
