/** Test oracle: properties of a packager's output for any input. Returns the first violation. */
import type { TrackName } from "../../kit/ids.ts";
import { type PartReadBack, readPartsBack, testInit } from "./fixtures.ts";
import type { PackagerConfig, PackagerOutput } from "./packager.ts";

/** Track id of the audio in a muxed video track: the video's is 1. */
export const MUXED_AUDIO_TRACK_ID = 2;

/** The first rule that `outputs` violates, or null. `frameS` is the longest frame: the allowed difference between tracks. */
export function findOutputFault(
  config: PackagerConfig,
  outputs: readonly PackagerOutput[],
  frameS: number,
): string | null {
  const sound = config.muxed ? config.tracks.find(({ kind }) => kind === "audio") : undefined;
  const tracks = config.tracks
    .filter((track) => track !== sound)
    .map((track) => ({
      track,
      parts: readPartsBack(outputs, track.name, testInit(track.kind, track.timescale)),
      heard:
        sound === undefined
          ? []
          : readPartsBack(outputs, track.name, testInit("audio", sound.timescale), MUXED_AUDIO_TRACK_ID),
    }));
  for (const { track, parts, heard } of tracks) {
    const fault =
      trackFault(config, track, parts, heard) ??
      (sound === undefined ? null : muxedAudioFault(track.timescale, sound.timescale, parts, heard));
    if (fault !== null) return `${track.name}: ${fault}`;
  }
  const [first, ...others] = tracks;
  if (first === undefined) return null;
  const model = segmentsOf(first.parts, first.track.timescale);
  for (const { track, parts } of others) {
    const segments = segmentsOf(parts, track.timescale);
    if (segments.length !== model.length)
      return `${track.name}: ${segments.length} segments, ${first.track.name} has ${model.length}`;
    for (const [i, segment] of segments.entries()) {
      const other = model[i];
      if (other === undefined) break;
      const at = `${track.name} segment ${i}`;
      if (segment.discontinuity !== other.discontinuity) return `${at}: rule 27, a discontinuity in one track only`;
      if (Math.abs(segment.endS - other.endS) > frameS)
        return `${at}: rule 33, ends ${segment.endS}, not ${other.endS}`;
      if (Math.abs(segment.programTimeMs - other.programTimeMs) > frameS * 1000 + 1)
        return `${at}: rule 22, program times differ`;
    }
  }
  return null;
}

interface OutputSegment {
  readonly endS: number;
  readonly programTimeMs: number;
  readonly discontinuity: boolean;
}

function segmentsOf(parts: readonly PartReadBack[], timescale: number): OutputSegment[] {
  const segments: OutputSegment[] = [];
  let ticks = 0;
  let start: PartReadBack["meta"]["start"];
  for (const { meta } of parts) {
    start = meta.start ?? start;
    ticks += meta.durationTicks;
    if (meta.close !== undefined && start !== undefined) segments.push({ ...start, endS: ticks / timescale });
  }
  return segments;
}

function trackFault(
  config: PackagerConfig,
  track: PackagerConfig["tracks"][number],
  parts: readonly PartReadBack[],
  heard: readonly PartReadBack[],
): string | null {
  const partTicks = Math.floor((track.partTargetMs * track.timescale) / 1000 + 1e-6);
  let expected = { msn: 0, part: 0 };
  let segmentTicks = 0;
  let decode: number | null = null;
  let prefix = 0;
  let iframeBytes: number | undefined;
  for (const [i, { meta, frames, bytes }] of parts.entries()) {
    const at = `${meta.msn}.${meta.part}`;
    if (meta.msn !== expected.msn || meta.part !== expected.part)
      return `${at} where ${expected.msn}.${expected.part} is due`;
    if ((meta.start !== undefined) !== (meta.part === 0)) return `${at}: start belongs to part 0`;
    if (meta.part === 0) [segmentTicks, prefix, iframeBytes] = [0, 0, undefined];
    segmentTicks += meta.durationTicks;
    if (meta.durationTicks > partTicks) return `${at}: rule 9, ${meta.durationTicks} of ${partTicks} ticks`;
    const exempt = meta.independent || meta.gap || meta.close !== undefined || parts[i + 1]?.meta.gap === true;
    if (!exempt && meta.durationTicks < 0.85 * partTicks)
      return `${at}: rule 10, ${meta.durationTicks} of ${partTicks} ticks`;
    if (Math.round(segmentTicks / track.timescale) > config.targetDurationS)
      return `${at}: rule 3, ${segmentTicks} ticks`;
    const sound = heard[i]?.frames ?? [];
    if (meta.gap !== (frames.length + sound.length === 0) || meta.gap !== (bytes.length === 0))
      return `${at}: a gap with bytes or the reverse`;
    const [first] = frames;
    if (first !== undefined) {
      if (decode !== null && first.dts !== decode) return `${at}: rule 33, decode time ${first.dts}, not ${decode}`;
      decode ??= first.dts;
      if (meta.independent !== first.sync) return `${at}: rule 11, independent is ${meta.independent}`;
      if (track.kind === "video" && meta.part === 0 && !first.sync) return `${at}: rule 28`;
      if (meta.part === 0 && track.kind === "video")
        iframeBytes = bytes.length - [...frames.slice(1), ...sound].reduce((sum, f) => sum + f.data.length, 0);
    }
    let ticks = 0;
    for (const frame of frames) {
      if (decode !== null && frame.dts !== decode + ticks) return `${at}: decode times within it`;
      ticks += frame.durationTicks;
    }
    if (frames.length === 0 && meta.independent) return `${at}: independent without a picture`;
    if (frames.length > 0 && ticks !== meta.durationTicks)
      return `${at}: samples last ${ticks}, the part ${meta.durationTicks} ticks`;
    if (decode !== null) decode += meta.durationTicks;
    prefix += bytes.length;
    expected = { msn: meta.msn, part: meta.part + 1 };
    if (meta.close !== undefined) {
      if (meta.close.iframeBytes !== iframeBytes)
        return `${at}: iframeBytes ${meta.close.iframeBytes}, not ${iframeBytes} of ${prefix}`;
      expected = { msn: meta.msn + 1, part: 0 };
    }
  }
  return expected.part === 0 ? null : `segment ${expected.msn} stays open`;
}

/** Audio within a video track: decode times never go back, and no sample is before its time. */
function muxedAudioFault(
  timescale: number,
  soundTimescale: number,
  parts: readonly PartReadBack[],
  heard: readonly PartReadBack[],
): string | null {
  let end = 0;
  let pictureEndS = 0;
  let keyOffsetS = 0;
  for (const [i, { meta, frames }] of heard.entries()) {
    const at = `${meta.msn}.${meta.part}`;
    const [first] = parts[i]?.frames ?? [];
    if (first !== undefined) pictureEndS = first.dts / timescale;
    if (meta.part === 0) keyOffsetS = (first?.ctsOffset ?? 0) / timescale;
    pictureEndS += meta.durationTicks / timescale;
    for (const { dts, durationTicks, ctsOffset } of frames) {
      if (dts < end) return `${at}: audio at ${dts}, the frame before it ends at ${end}`;
      if (first !== undefined && (dts + ctsOffset) / soundTimescale > pictureEndS + keyOffsetS)
        return `${at}: audio at ${(dts + ctsOffset) / soundTimescale} s, before its part`;
      end = dts + durationTicks;
    }
  }
  return null;
}

/** The frames of one track, identified by `idOf`, with presentation times in ticks. */
export function outputFrames(
  outputs: readonly PackagerOutput[],
  track: TrackName,
  kind: "video" | "audio",
  timescale: number,
  trackId = 1,
): { data: Uint8Array; pts: number }[] {
  return readPartsBack(outputs, track, testInit(kind, timescale), trackId).flatMap(({ frames }) =>
    frames.map(({ data, dts, ctsOffset }) => ({ data, pts: dts + ctsOffset })),
  );
}
