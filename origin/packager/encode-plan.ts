/** What is encoded, and how: renditions, their encoders on this machine, keyframes and part targets. Pure. */
import type { TrackName } from "../../core/kit/ids.ts";
import { KeyframeSchedule } from "../../core/media/cmaf/keyframes.ts";
import { partTargetFor } from "../../core/media/cmaf/packager.ts";
import type { EncodeJob } from "./encoder.ts";
import { frameMs, type Rendition, type VideoRendition } from "./ladder.ts";

/** The encode plan: the largest rendition is the canvas from which the others are scaled. */
export function createEncodeJob(
  renditions: readonly Rendition[],
  preset: EncodeJob["preset"],
  encoders: EncodeJob["encoders"],
): EncodeJob {
  const videos = renditions.filter((each): each is VideoRendition => each.kind === "video");
  const area = ({ width, height }: VideoRendition): number => width * height;
  const canvas = videos.toSorted((a, b) => area(b) - area(a))[0] ?? null;
  const schedule = canvas === null ? null : new KeyframeSchedule(canvas.frameRate, preset.segmentMs);
  return { renditions, canvas, schedule, preset, encoders };
}

/**
 * The part target of each track. Audio has the video's, so that its own frames do not raise the hold-back, which is a
 * multiple of the longest part target.
 */
export function partTargetsOf(renditions: readonly Rendition[], wishMs: number): Map<TrackName, number> {
  const leader = renditions.find(({ kind }) => kind === "video");
  return new Map(renditions.map((each) => [each.name, partTargetFor(wishMs, frameMs(leader ?? each))]));
}

/** The target duration of a broadcast, whole seconds. */
export function targetDurationOf({ schedule, preset }: EncodeJob): number {
  return schedule?.targetDurationS ?? Math.ceil(preset.segmentMs / 1000);
}

/** A rendition in one line for the log. */
export function describeRendition(rendition: Rendition): string {
  const rate = `${Math.round(rendition.bitsPerSecond / 1000)}k`;
  if (rendition.kind === "audio") return `AAC ${rate}`;
  const { name, width, height, frameRate } = rendition;
  return `${name} ${width}×${height} ${+(frameRate.num / frameRate.den).toFixed(2)} fps ${rate}`;
}
