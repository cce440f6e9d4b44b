/** Rules 23, 26–28, 33: the media compared with its playlist. */
import { type Observation, type RuleVerdict, ruleNotApplicable, ruleNotChecked, verdictFromFaults } from "../model.ts";
import {
  type ConformanceRule,
  fetchedMedia,
  mediaSnapshots,
  type ObservedSegment,
  observedParts,
  observedSegments,
} from "./observation.ts";

/** A fetched segment's fragments with its tags, in seconds of its own timescale. */
interface ReadSegment {
  readonly tag: ObservedSegment;
  readonly startS: number;
  readonly durationS: number;
  readonly frameS: number;
  readonly startsWithSync: boolean;
  readonly syncSamples: number;
  readonly continuous: boolean;
}

function readSegments(seen: Observation): ReadSegment[] {
  if (seen.tracks.every(({ media }) => media.size === 0)) return [];
  return observedSegments(seen).flatMap((tag) => {
    const fragment = tag.track.media.get(tag.url)?.fragment;
    const map = tag.map === null ? "" : new URL(tag.map, tag.track.url).href;
    const timescale = tag.track.inits.get(map)?.timescale;
    if (fragment == null || timescale === undefined) return [];
    return [
      {
        tag,
        startS: fragment.baseTicks / timescale,
        durationS: fragment.durationTicks / timescale,
        frameS: fragment.frameTicks / timescale,
        startsWithSync: fragment.startsWithSync,
        syncSamples: fragment.syncSamples,
        continuous: fragment.continuous,
      },
    ];
  });
}

/** Consecutive segments of a track that were both parsed. */
function consecutiveSegments(read: readonly ReadSegment[]): [ReadSegment, ReadSegment][] {
  return read.flatMap((one, i): [ReadSegment, ReadSegment][] => {
    const before = read[i - 1];
    const adjacent = before?.tag.track === one.tag.track && before.tag.msn + 1 === one.tag.msn;
    return before !== undefined && adjacent ? [[before, one]] : [];
  });
}

const decodeJumpS = ([a, b]: [ReadSegment, ReadSegment]): number => b.startS - a.startS - a.durationS;

/** Tracks, or moments, with another offset between program time and media time (part of rule 22). */
export function mappingFaults(seen: Observation): string[] {
  const offsets = new Map<number, { ms: number; url: string }>();
  return readSegments(seen).flatMap(({ tag, startS }) => {
    if (tag.pdtMs === null) return [];
    const ms = tag.pdtMs - 1000 * startS;
    const first = offsets.get(tag.discontinuitySequence);
    if (first === undefined) offsets.set(tag.discontinuitySequence, { ms, url: tag.url });
    if (first === undefined || Math.abs(first.ms - ms) <= 50) return [];
    return [`${tag.url}: program time is ${(ms - first.ms).toFixed(0)} ms off that of ${first.url}`];
  });
}

function checkMaps(seen: Observation): RuleVerdict {
  const heads = fetchedMedia(seen, "segment", "part").filter((one) => one.exchange.status === 200);
  if (heads.length === 0) return ruleNotChecked("no media fetched");
  if (!heads.some((one) => /styp|moof|sidx|prft|emsg/.test(String.fromCharCode(...one.exchange.body.subarray(4, 8))))) {
    return ruleNotApplicable("the media is not fMP4");
  }
  const segments = observedSegments(seen);
  const faults = segments.flatMap(({ url, map }) => (map === null ? [`${url}: no EXT-X-MAP applies`] : []));
  for (const { exchange } of fetchedMedia(seen, "init"))
    if (exchange.status !== 200) faults.push(`${exchange.url}: ${exchange.status}`);
  return verdictFromFaults(faults, segments.length, "segments with a map");
}

function checkGaps(seen: Observation): RuleVerdict {
  const gaps = new Set(
    observedParts(seen)
      .filter((part) => part.gap)
      .map((part) => part.url),
  );
  const listed = new Set([
    ...observedParts(seen).map((part) => part.url),
    ...observedSegments(seen).map((segment) => segment.url),
  ]);
  const got = seen.tracks.flatMap((track) => [...track.media.values()]).filter((one) => listed.has(one.uri));
  const faults = got.flatMap(({ uri, exchange }) => {
    if (exchange.failure === "unfinished" || gaps.has(uri)) return [];
    return exchange.status === 200
      ? []
      : [`${uri}: listed as if it were there, answered ${exchange.failure ?? exchange.status}`];
  });
  return verdictFromFaults(faults, got.length, `listed parts and segments fetched, ${gaps.size} gaps said`);
}

function checkDiscontinuities(seen: Observation): RuleVerdict {
  const read = readSegments(seen);
  const pairs = consecutiveSegments(read);
  const faults = pairs.flatMap((pair) => {
    const [a, b] = pair;
    if (b.tag.discontinuity || a.tag.gap) return [];
    if (Math.abs(decodeJumpS(pair)) > Math.max(a.frameS, b.frameS)) {
      return [`${b.tag.url}: timestamps jump by ${decodeJumpS(pair).toFixed(3)} s without a discontinuity`];
    }
    return a.tag.map === b.tag.map ? [] : [`${b.tag.url}: another init section without a discontinuity`];
  });
  // At the same instants in all variants: the numbers of segments that begin at one program time are the same.
  const numbers = new Map<number, { number: number; url: string }>();
  for (const { pdtMs, discontinuitySequence, url, discontinuity } of observedSegments(seen)) {
    if (pdtMs === null || !discontinuity) continue;
    const at = Math.round(pdtMs / 100);
    const other = numbers.get(at) ?? numbers.get(at - 1) ?? numbers.get(at + 1);
    if (other !== undefined && other.number !== discontinuitySequence) {
      faults.push(`${url} is in discontinuity ${discontinuitySequence}, ${other.url} in ${other.number}`);
    }
    numbers.set(at, { number: discontinuitySequence, url });
  }
  return verdictFromFaults(faults, pairs.length, `segment boundaries, ${numbers.size} discontinuities`);
}

function checkIndependentSegments(seen: Observation): RuleVerdict {
  const video = readSegments(seen).filter(({ tag }) => tag.track.kind === "video");
  if (video.length === 0 && !seen.tracks.some((track) => track.kind === "video")) return ruleNotApplicable("no video");
  const faults = video.flatMap(({ tag, startsWithSync, syncSamples }) =>
    startsWithSync ? [] : [`${tag.url}: ${syncSamples === 0 ? "no independent frame" : "doesn't begin with one"}`],
  );
  return verdictFromFaults(faults, video.length, "video segments begin with an independent frame");
}

function checkDurations(seen: Observation): RuleVerdict {
  const read = readSegments(seen);
  const faults = read.flatMap(({ tag, durationS, frameS, continuous }) => {
    if (!continuous) return [`${tag.url}: decode times jump within the segment`];
    const off = Math.abs((tag.durationS ?? 0) - durationS);
    return off > frameS ? [`${tag.url}: ${tag.durationS} s said, ${durationS.toFixed(4)} s of samples`] : [];
  });
  for (const pair of consecutiveSegments(read)) {
    const [, b] = pair;
    // Decode times are whole ticks: half a millisecond covers any timescale's rounding.
    if (!b.tag.discontinuity && !pair[0].tag.gap && Math.abs(decodeJumpS(pair)) > 0.0005) {
      faults.push(`${b.tag.url}: decode time ${decodeJumpS(pair).toFixed(4)} s off the end of the segment before`);
    }
  }
  for (const { name, playlist } of mediaSnapshots(seen)) {
    for (const segment of playlist.segments) {
      if (segment.durationS === null || segment.parts.length === 0) continue;
      const parts = segment.parts.reduce((sum, part) => sum + part.durationS, 0);
      const off = Math.abs(parts - segment.durationS);
      if (off > 0.02)
        faults.push(`${name}: segment ${segment.msn} lasts ${segment.durationS} s, its parts ${parts.toFixed(4)} s`);
    }
  }
  return verdictFromFaults(faults, read.length, "segments read");
}

/** These rules. */
export const MEDIA_RULES: readonly ConformanceRule[] = [
  { rule: 23, title: "fMP4 segments have their init section", check: checkMaps },
  { rule: 26, title: "missing media is marked as a gap", check: checkGaps },
  { rule: 27, title: "a discontinuity stands where format or timestamps change", check: checkDiscontinuities },
  { rule: 28, title: "each segment begins with an independent frame", check: checkIndependentSegments },
  { rule: 33, title: "declared and real durations agree, and decode times are continuous", check: checkDurations },
];
