/** Looks at a video track's first groups of pictures, and decides whether they can be passed through. */
import type { VideoTrackDescription } from "../codecs/track-description.ts";
import type { IngestFrame } from "../media-event.ts";
import { hasDecodableLeading } from "../nal/leading-pictures.ts";
import { type KeyframeSettings, readKeyframeSettings } from "./encoder-settings.ts";
import { PASSTHROUGH_LIMITS } from "./limits.ts";

/** Why a track must be transcoded; stable, for programs. */
export type TranscodeReason = "keyframe-interval" | "open-gop" | "pixel-format";

/** What becomes of a sender's pictures. */
export type PassthroughDecision =
  | { readonly kind: "undecided" }
  | {
      readonly kind: "passthrough";
      /** The longest distance between keyframes so far, seconds. */
      readonly keyframeS: number;
      /** Whether pictures are shown in another order than they are decoded. */
      readonly hasReordering: boolean;
    }
  | {
      readonly kind: "transcode";
      readonly reason: TranscodeReason;
      /** What the operator should know and do. */
      readonly sentence: string;
    };

const KEYFRAME_ADVICE = "set the keyframe interval to 2 s in the encoder's output settings";
const CHROMA_NAMES: readonly string[] = ["grey", "4:2:0", "4:2:2", "4:4:4"];
/** Distances are rounded by the sender, seconds. */
const ROUNDING_S = 0.05;

/** The inspector of one video track. */
export class GopInspector {
  #track: VideoTrackDescription;
  #timescale = 1;
  #decision: PassthroughDecision = { kind: "undecided" };
  #keyframes = 0;
  /** Presentation and decode time of the last keyframe, seconds. */
  #keyPtsS = 0;
  #keyDtsS = 0;
  #keyIsClosed = true;
  #longestS = 0;
  #lastPtsS = Number.NEGATIVE_INFINITY;
  #hasReordering = false;
  /** What the encoder tells with the first keyframe. */
  #settings: KeyframeSettings | null = null;

  constructor(track: VideoTrackDescription, timescale: number) {
    this.#track = track;
    this.#timescale = timescale;
    this.#decision = judgePixels(track) ?? this.#decision;
  }

  /** The decision so far; it changes once, from `undecided`. */
  get decision(): PassthroughDecision {
    return this.#decision;
  }

  /**
   * Whether the encoder's own settings, at `frameMs` a picture, make groups likely that cannot be passed through. They alone decide
   * nothing, because a program may ask its encoder for further keyframes.
   */
  isDoubtful(frameMs: number): boolean {
    if (this.#settings === null) return false;
    const { longestFrames, isOpen } = this.#settings;
    return isOpen || (longestFrames * frameMs) / 1000 > PASSTHROUGH_LIMITS.keyframeS + ROUNDING_S;
  }

  /** The next frame of the track, in decode order. */
  push(frame: IngestFrame): PassthroughDecision {
    if (this.#decision.kind !== "undecided") return this.#decision;
    const dtsS = frame.dts / this.#timescale;
    const ptsS = dtsS + frame.ctsOffset / this.#timescale;
    if (frame.sync) this.#decision = this.#beginGroup(frame, dtsS, ptsS) ?? this.#decision;
    else if (this.#keyframes > 0) this.#decision = this.#judgeFrame(dtsS, ptsS) ?? this.#decision;
    if (ptsS < this.#lastPtsS) this.#hasReordering = true;
    this.#lastPtsS = Math.max(this.#lastPtsS, ptsS);
    return this.#decision;
  }

  #beginGroup(frame: IngestFrame, dtsS: number, ptsS: number): PassthroughDecision | null {
    if (this.#keyframes > 0) {
      const distanceS = ptsS - this.#keyPtsS;
      this.#longestS = Math.max(this.#longestS, distanceS);
      if (distanceS > PASSTHROUGH_LIMITS.keyframeS + ROUNDING_S) {
        return transcode("keyframe-interval", `A keyframe comes every ${distanceS.toFixed(1)} s; ${KEYFRAME_ADVICE}.`);
      }
    }
    if (this.#keyframes === 0) this.#settings = readKeyframeSettings(this.#track.codec, frame.data);
    this.#keyframes += 1;
    this.#keyPtsS = ptsS;
    this.#keyDtsS = dtsS;
    this.#keyIsClosed = hasDecodableLeading(this.#track.codec, frame.data);
    if (this.#keyframes <= PASSTHROUGH_LIMITS.groups) return null;
    return { kind: "passthrough", keyframeS: this.#longestS, hasReordering: this.#hasReordering };
  }

  #judgeFrame(dtsS: number, ptsS: number): PassthroughDecision | null {
    // Pictures that are decoded after a keyframe and shown before it refer to pictures before it.
    if (ptsS < this.#keyPtsS - 1e-9 && !this.#keyIsClosed) {
      const what = "Pictures before a keyframe are decoded after it (open GOP), so a viewer cannot begin there";
      return transcode("open-gop", `${what}; switch open GOP off in the encoder (x264: open-gop=0).`);
    }
    if (dtsS - this.#keyDtsS <= PASSTHROUGH_LIMITS.keyframeS + ROUNDING_S) return null;
    const what = `No keyframe has come for ${PASSTHROUGH_LIMITS.keyframeS} s`;
    return transcode("keyframe-interval", `${what}; ${KEYFRAME_ADVICE}.`);
  }
}

function transcode(reason: TranscodeReason, sentence: string): PassthroughDecision {
  return { kind: "transcode", reason, sentence };
}

/** Browsers decode H.264 of 8 bits with 4:2:0 only. */
function judgePixels({ codec, chromaFormat, bitDepth }: VideoTrackDescription): PassthroughDecision | null {
  const isPlayable = chromaFormat === 1 && (codec === "h264" ? bitDepth === 8 : bitDepth <= 10);
  if (isPlayable) return null;
  const what = `The picture is ${CHROMA_NAMES[chromaFormat] ?? "of unknown format"} with ${bitDepth} bits, which browsers do not play`;
  return transcode("pixel-format", `${what}; set the colour format to NV12 (4:2:0, 8 bits).`);
}
