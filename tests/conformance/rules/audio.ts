/** Rules 75 and 76: whether the audio's own timeline is playable. */
import type { AudioRun, AudioTrackFacts, FragmentFacts, FrameGroup } from "../media-facts.ts";
import { type Observation, type RuleVerdict, ruleNotApplicable, ruleNotChecked, verdictFromFaults } from "../model.ts";
import {
  type ConformanceRule,
  EPSILON_S,
  fetchedMedia,
  type ObservedSegment,
  observedParts,
  observedSegments,
  quantile,
} from "./observation.ts";

type FragmentAudio = NonNullable<FragmentFacts["audio"]>;

/** Program times are written in milliseconds. */
const CLOCK_S = 0.002;
/** Maximum difference between presentation and decode time, which muxed audio may have too. */
const REORDER_S = 0.25;
/** Maximum duration of a frame of unknown length: Opus allows 120 ms. */
const UNKNOWN_FRAME_S = 0.12;

/** Audio tracks in init sections, with the section's URL. */
const audioTracks = (seen: Observation): { url: string; sound: AudioTrackFacts }[] =>
  seen.tracks.flatMap((track) =>
    [...track.inits].flatMap(([url, { audio }]) => (audio === null ? [] : { url, sound: audio })),
  );

/** Why there is no audio to check; null if there is. */
function missingAudioVerdict(seen: Observation): RuleVerdict | null {
  if (audioTracks(seen).length > 0) return null;
  const unread = seen.tracks.some((track) => track.kind === "audio" && track.inits.size > 0);
  return unread ? ruleNotChecked("the sound's init section names no codec") : ruleNotApplicable("no sound in fMP4");
}

const keyOf = ({ track, msn }: { track: { url: string }; msn: number }): string => `${track.url} ${msn}`;

/** Where audio may stop, and its last frame last longer than others. */
interface Ending {
  /** Nothing follows, or nothing contiguous. */
  readonly isEnd: boolean;
  /** Gaps lie within. */
  readonly hasGaps: boolean;
}

/** The end of each listed part and segment, by URL, except gaps. */
function endings(seen: Observation): Map<string, Ending> {
  const parts = observedParts(seen).toSorted((a, b) => a.msn - b.msn || a.index - b.index);
  const gaps = parts.filter((part) => part.gap);
  const gapped = new Set(gaps.map(keyOf));
  const late = new Set(gaps.filter((part) => part.index === 0).map(keyOf));
  const segments = observedSegments(seen).filter((segment) => !segment.gap);
  const joined = new Set(segments.filter((one) => !one.discontinuity && !late.has(keyOf(one))).map(keyOf));
  const isLast = ({ track, msn }: { track: { url: string }; msn: number }) =>
    !joined.has(keyOf({ track, msn: msn + 1 }));
  const found = new Map<string, Ending>();
  for (const list of Map.groupBy(parts, (part) => part.track).values()) {
    for (const [i, part] of list.entries()) {
      const next = list[i + 1];
      const isEnd = next?.msn === part.msn ? next.gap : isLast(part);
      if (!part.gap) found.set(part.url, { isEnd, hasGaps: false });
    }
  }
  for (const one of segments) found.set(one.url, { isEnd: isLast(one), hasGaps: gapped.has(keyOf(one)) });
  return found;
}

/** The frames whose duration must be the codec's. */
function* judgedFrames({ runs }: FragmentAudio, { isEnd, hasGaps }: Ending): Generator<FrameGroup> {
  for (const [i, { frames }] of runs.entries()) {
    const isFree = hasGaps || (isEnd && i === runs.length - 1);
    for (const [j, run] of frames.entries()) {
      const count = isFree && j === frames.length - 1 ? run.count - 1 : run.count;
      if (count > 0) yield { ...run, count };
    }
  }
}

/** Whether frames last what the codec decodes, within the timescale's rounding; null if unknown. */
function lastsItsSamples(
  { durationTicks, samples }: FrameGroup,
  { timescale, format }: AudioTrackFacts,
): boolean | null {
  if (samples === null || format.sampleRate === 0) return null;
  return Math.abs(durationTicks - (samples * timescale) / format.sampleRate) <= 1;
}

/**
 * ISO/IEC 14496-3 §4.5.1.1: an AAC frame is 1,024 samples (960 where its configuration says so; with SBR at the core's
 * rate, which is twice as many at the output's). ISO/IEC 23000-19 §10: a CMAF audio track's samples are those frames,
 * one after the other, so each lasts what a decoder produces: players place frames by these durations, and one with a
 * shorter duration is played too early, over the one before, or not at all.
 */
function checkFrameLengths(seen: Observation): RuleVerdict {
  const without = missingAudioVerdict(seen);
  if (without !== null) return without;
  const faults = audioTracks(seen).flatMap(({ url, sound: { format } }) =>
    format.rateFault === null ? [] : [`${url}: ${format.rateFault}`],
  );
  const ends = endings(seen);
  const unknown = new Set<string>();
  const names = new Set<string>();
  let judged = 0;
  for (const { uri, fragment } of fetchedMedia(seen, "part", "segment")) {
    const sound = fragment?.audio;
    const ending = ends.get(uri);
    if (sound == null || ending === undefined) continue;
    const { codec } = sound.track.format;
    const frames = [...judgedFrames(sound, ending)].map((run) => ({ run, lasts: lastsItsSamples(run, sound.track) }));
    if (frames.some(({ lasts }) => lasts === null)) unknown.add(codec);
    const known = frames.filter(({ lasts }) => lasts !== null);
    if (known.length > 0) names.add(codec);
    const count = countOf(known.map(({ run }) => run));
    judged += count;
    const wrong = known.filter(({ lasts }) => lasts === false).map(({ run }) => run);
    if (wrong[0] !== undefined) faults.push(`${uri}: ${frameFault(wrong, wrong[0], count, sound.track)}`);
  }
  if (faults.length === 0 && unknown.size > 0)
    return ruleNotChecked(`frames of unknown length: ${[...unknown].join(", ")}`);
  return verdictFromFaults(
    faults,
    judged,
    `frames of ${[...names].join(", ") || "sound"}, each as long as its samples`,
  );
}

const countOf = (runs: readonly FrameGroup[]): number => runs.reduce((sum, { count }) => sum + count, 0);

function frameFault(wrong: readonly FrameGroup[], first: FrameGroup, count: number, track: AudioTrackFacts): string {
  const { timescale, format } = track;
  const due = `${first.samples} samples at ${format.sampleRate} Hz`;
  const lasts = `${first.durationTicks} tick${first.durationTicks === 1 ? "" : "s"} of 1/${timescale} s`;
  return `${countOf(wrong)} of ${count} ${format.codec} frames don't last what they hold, the first ${lasts} for ${due}`;
}

/** A parsed segment's video or audio, in seconds. */
interface SegmentSpan {
  readonly tag: ObservedSegment;
  readonly video: { readonly endS: number; readonly durationS: number; readonly frameS: number } | null;
  readonly audio: FragmentAudio | null;
  /** It ends the stretch, or has gaps in it. */
  readonly isLoose: boolean;
}

function readSpans(seen: Observation): SegmentSpan[] {
  const ends = endings(seen);
  return observedSegments(seen).flatMap((tag) => {
    const fragment = tag.track.media.get(tag.url)?.fragment;
    const init = tag.track.inits.get(tag.map === null ? "" : new URL(tag.map, tag.track.url).href);
    if (fragment == null || init === undefined) return [];
    const { baseTicks, durationTicks, frameTicks, audio } = fragment;
    const [endS, durationS, frameS] = [baseTicks + durationTicks, durationTicks, frameTicks].map(
      (ticks) => ticks / init.timescale,
    ) as [number, number, number];
    const ending = ends.get(tag.url);
    const isLoose = ending === undefined || ending.isEnd || ending.hasGaps;
    return [{ tag, video: init.kind === "video" ? { endS, durationS, frameS } : null, audio: audio, isLoose }];
  });
}

const audioSeconds = ({ track, runs }: FragmentAudio): number =>
  runs.reduce((sum, run) => sum + run.durationTicks, 0) / track.timescale;

/** The longest frame by its codec, not by its container duration, which may be wrong. */
function audioFrameS({ track, runs }: FragmentAudio): number {
  const samples = runs.flatMap(({ frames }) => frames.map((frame) => frame.samples ?? Number.NaN));
  const longest = Math.max(0, ...samples) / track.format.sampleRate;
  return longest > 0 ? longest : UNKNOWN_FRAME_S;
}

const toleranceS = (pictures: { frameS: number }, sound: FragmentAudio): number =>
  pictures.frameS + audioFrameS(sound) + CLOCK_S;

/** A segment that carries both. */
interface MuxedSpan extends SegmentSpan {
  readonly video: NonNullable<SegmentSpan["video"]>;
  readonly audio: FragmentAudio;
}

/** Consecutive muxed segments without a break. */
function continuousSpans(spans: readonly MuxedSpan[]): MuxedSpan[][] {
  const list: MuxedSpan[][] = [];
  for (const span of spans) {
    const before = list.at(-1)?.at(-1);
    const follows = before?.tag.track === span.tag.track && before.tag.msn + 1 === span.tag.msn;
    if (before !== undefined && follows && !before.isLoose) list.at(-1)?.push(span);
    else list.push([span]);
  }
  return list;
}

/** Muxed audio continues without a hole, and ends with the video: at the latest with the next segment. */
function muxedFaults(stretch: readonly MuxedSpan[]): string[] {
  const faults: string[] = [];
  let endS: number | null = null;
  const leads = stretch.map(({ tag, video, audio }) => {
    for (const run of audio.runs) {
      const startS: number = run.baseTicks / audio.track.timescale;
      const hole = startS - (endS ?? startS);
      if (Math.abs(hole) > EPSILON_S + 1 / audio.track.timescale)
        faults.push(`${tag.url}: its sound ${hole > 0 ? "pauses" : "goes back"} for ${Math.abs(hole).toFixed(3)} s`);
      endS = endOf(run, audio.track);
    }
    return endS === null ? Number.NEGATIVE_INFINITY : endS - video.endS;
  });
  const usual = Math.max(-REORDER_S, Math.min(quantile(leads, 0.5), REORDER_S));
  const isOff = leads.map((lead, i) => {
    const span = stretch[i];
    return lead === usual || span === undefined ? false : Math.abs(lead - usual) > toleranceS(span.video, span.audio);
  });
  if (endS === null) return stretch.map(({ tag }) => `${tag.url}: no sound, which its init section names`);
  for (const [i, { tag }] of stretch.entries()) {
    if (isOff[i] !== true || isOff[i + 1] !== true) continue;
    const offS = (leads[i] ?? 0) - usual;
    const by = Number.isFinite(offS)
      ? `${Math.abs(offS).toFixed(3)} s ${offS < 0 ? "before" : "after"}`
      : "long before";
    faults.push(`${tag.url}: its sound ends ${by} its pictures`);
  }
  return faults;
}

const endOf = ({ baseTicks, durationTicks }: AudioRun, { timescale }: AudioTrackFacts): number =>
  (baseTicks + durationTicks) / timescale;

/** Separate audio segments next to the video segments at the same times. */
function pairAudioWithVideo(
  spans: readonly SegmentSpan[],
  segments: ReadonlyMap<string, ObservedSegment>,
): [SegmentSpan, SegmentSpan][] {
  const pictures = Map.groupBy(
    spans.filter((span) => span.video !== null),
    ({ tag }) => tag.msn,
  );
  return spans.flatMap((span): [SegmentSpan, SegmentSpan][] => {
    const { tag, audio } = span;
    if (span.video !== null || audio === null || span.isLoose) return [];
    const beside = pictures.get(tag.msn)?.find((one) => {
      if (one.video === null || one.isLoose || one.tag.discontinuitySequence !== tag.discontinuitySequence)
        return false;
      const [next, nextOne] = [tag, one.tag].map(({ track, msn }) => segments.get(keyOf({ track, msn: msn + 1 })));
      const nearMs = 500 * toleranceS(one.video, audio);
      return areNear(tag.pdtMs, one.tag.pdtMs, nearMs) && areNear(next?.pdtMs, nextOne?.pdtMs, nearMs);
    });
    return beside === undefined ? [] : [[span, beside]];
  });
}

const areNear = (a: number | null | undefined, b: number | null | undefined, withinMs: number): boolean =>
  a != null && b != null && Math.abs(a - b) <= withinMs;

/**
 * ISO/IEC 23000-19: all tracks of a presentation share one timeline, on which the samples of a track stand without holes.
 * So sound covers the time of the pictures that it belongs to, within a frame of each.
 */
function checkCover(seen: Observation): RuleVerdict {
  const without = missingAudioVerdict(seen);
  if (without !== null) return without;
  if (!seen.tracks.some((track) => track.kind === "video")) return ruleNotApplicable("no pictures");
  const spans = readSpans(seen);
  if (spans.length === 0) return ruleNotChecked("no segment read");
  const muxed = continuousSpans(
    spans.flatMap((span): MuxedSpan[] => {
      const { video, audio } = span;
      return video === null || audio === null ? [] : [{ ...span, video, audio }];
    }),
  );
  const segments = new Map(observedSegments(seen).map((segment) => [keyOf(segment), segment]));
  const apart = pairAudioWithVideo(spans, segments);
  const faults = muxed.flatMap(muxedFaults);
  for (const [{ tag, audio }, { video }] of apart) {
    if (audio === null || video === null) continue;
    const off = audioSeconds(audio) - video.durationS;
    if (Math.abs(off) <= toleranceS(video, audio)) continue;
    const less = off < 0 ? "less" : "more";
    faults.push(`${tag.url}: ${Math.abs(off).toFixed(3)} s of sound ${less} than pictures in the same segment`);
  }
  // The last one of a run may be completed by a segment that has not arrived yet.
  const count = apart.length + muxed.reduce((sum, stretch) => sum + stretch.length - 1, 0);
  if (count === 0 && faults.length === 0 && muxed.length === 0)
    return ruleNotApplicable("sound and pictures are cut at different times");
  return verdictFromFaults(faults, count, "segments with sound for all of their pictures");
}

/** These rules. */
export const AUDIO_RULES: readonly ConformanceRule[] = [
  { rule: 75, title: "audio frames last as long as the codec defines", check: checkFrameLengths },
  { rule: 76, title: "audio covers the time of its video", check: checkCover },
];
