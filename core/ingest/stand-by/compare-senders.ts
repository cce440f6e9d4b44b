/** What differs between a sender that stands by and the one on the air, for the operator. */
import { toNumber } from "../../kit/rational.ts";
import type { PassthroughDecision } from "../passthrough/gop-inspector.ts";
import type { PassthroughTrack } from "../passthrough/timeline-plan.ts";

/** What is known of one sender. */
export interface SenderOutline {
  readonly tracks: readonly PassthroughTrack[];
  readonly decision: PassthroughDecision;
}

/** Frames per second and seconds between keyframes that count as equal. */
const RATE_TOLERANCE = 0.1;
const KEYFRAME_TOLERANCE_S = 0.1;

/** Both senders in words if they differ in what viewers' decoders notice: tracks, codecs, sizes, rates, keyframes; else null. */
export function compareSenders(
  one: SenderOutline,
  other: SenderOutline,
): { readonly one: string; readonly other: string } | null {
  if (one.tracks.length === 0 || other.tracks.length === 0) return null;
  const hasSameTracks =
    one.tracks.length === other.tracks.length && one.tracks.every((track, i) => isAlike(track, other.tracks[i]));
  const [oneS, otherS] = [keyframeS(one.decision), keyframeS(other.decision)];
  const hasSameGroups = oneS === null || otherS === null || Math.abs(oneS - otherS) <= KEYFRAME_TOLERANCE_S;
  const isFit = one.decision.kind !== "transcode" && other.decision.kind !== "transcode";
  if (hasSameTracks && hasSameGroups && isFit) return null;
  const describe = (sender: SenderOutline): string =>
    [
      sender.tracks.map(describeTrackInWords).join(" + "),
      ...(hasSameGroups && isFit ? [] : [describeGroups(sender.decision)]),
    ].join(", ");
  return { one: describe(one), other: describe(other) };
}

function isAlike(track: PassthroughTrack, other: PassthroughTrack | undefined): boolean {
  const [a, b] = [track.description, other?.description];
  if (b === undefined || a.codec !== b.codec) return false;
  if (a.media === "audio") return b.media === "audio" && a.channels === b.channels && a.outputRate === b.outputRate;
  if (b.media === "audio") return false;
  const [rate, otherRate] = [rateOf(track), other === undefined ? null : rateOf(other)];
  const hasSameRate = rate === null || otherRate === null || Math.abs(rate - otherRate) <= RATE_TOLERANCE;
  return a.width === b.width && a.height === b.height && hasSameRate;
}

function rateOf({ frameRate }: PassthroughTrack): number | null {
  return frameRate === null ? null : toNumber(frameRate);
}

function keyframeS(decision: PassthroughDecision): number | null {
  return decision.kind === "passthrough" ? decision.keyframeS : null;
}

function describeGroups(decision: PassthroughDecision): string {
  if (decision.kind === "transcode") return "not fit to be published as it is";
  return decision.kind === "undecided"
    ? "keyframes not known yet"
    : `a keyframe every ${decision.keyframeS.toFixed(1)} s`;
}

function describeTrackInWords(track: PassthroughTrack): string {
  const { description } = track;
  if (description.media === "audio") {
    return `${description.codec} ${(description.outputRate / 1000).toFixed(0)} kHz × ${description.channels}`;
  }
  const rate = rateOf(track);
  return `${description.codec} ${description.width}×${description.height}${rate === null ? "" : ` at ${Number(rate.toFixed(2))}/s`}`;
}
