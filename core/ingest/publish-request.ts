/** Decoders of publish requests: values of the log's types, or a sentence with the error. The schemas are in `publish-schemas.ts`. */
import { PLAYBACK_POLICIES, type PlaybackPolicy } from "../access/access-policy.ts";
import { BROADCAST_LIMITS } from "../broadcast/broadcast-limits.ts";
import type { BroadcastConfig, PartMeta, Track } from "../broadcast/broadcast-log.ts";
import type { SegmentClose, SegmentStart } from "../broadcast/segment.ts";
import { parseBroadcastId, parseTrackName } from "../kit/ids.ts";
import { CODECS_PATTERN, LANGUAGE_PATTERN, MAX_MSN, PUBLISH_LIMITS } from "./publish-limits.ts";

/** A JSON object of unknown fields. */
export type JsonFields = Readonly<Record<string, unknown>>;

/** The parsed JSON object, or null. */
export function parseJsonFields(text: string): JsonFields | null {
  try {
    return asJsonFields(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The value if it is a JSON object, or null. */
export function asJsonFields(value: unknown): JsonFields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonFields) : null;
}

/** Whether it is a whole number in this range. */
export function isIntegerBetween(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
}

function isPositiveUpTo(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 && value <= max;
}

/** A `Corral-Part` header as `PartMeta`. */
export function parsePartMeta(text: string): PartMeta | string {
  const fields = text.length <= PUBLISH_LIMITS.partHeaderChars ? parseJsonFields(text) : null;
  if (fields === null) return "send the part's metadata as a JSON object";
  const { msn, part, durationTicks, independent, gap } = fields;
  if (!isIntegerBetween(msn, 0, MAX_MSN)) return "`msn` is a whole number from 0";
  if (!isIntegerBetween(part, 0, BROADCAST_LIMITS.partsPerSegment - 1))
    return `\`part\` is a whole number below ${BROADCAST_LIMITS.partsPerSegment}`;
  if (!isIntegerBetween(durationTicks, 1, Number.MAX_SAFE_INTEGER)) return "`durationTicks` is a whole number from 1";
  if (typeof independent !== "boolean" || typeof gap !== "boolean") return "`independent` and `gap` are true or false";
  const start = fields["start"] === undefined ? undefined : parseSegmentStart(fields["start"]);
  if (start === null) return "`start` has programTimeMs, initVersion and discontinuity";
  const close = fields["close"] === undefined ? undefined : parseSegmentClose(fields["close"]);
  if (close === null) return "`close` is an object; its iframeBytes is a whole number";
  return {
    msn,
    part,
    durationTicks,
    independent,
    gap,
    ...(start === undefined ? {} : { start }),
    ...(close === undefined ? {} : { close }),
  };
}

/** A segment's start, or null. */
export function parseSegmentStart(value: unknown): SegmentStart | null {
  const fields = asJsonFields(value);
  if (fields === null) return null;
  const { programTimeMs, initVersion, discontinuity } = fields;
  // Times that a Date can represent.
  if (!isPositiveUpTo(programTimeMs, PUBLISH_LIMITS.timeMs) || !isIntegerBetween(initVersion, 0, MAX_MSN)) return null;
  return typeof discontinuity === "boolean" ? { programTimeMs, initVersion, discontinuity } : null;
}

function parseSegmentClose(value: unknown): SegmentClose | null {
  const fields = asJsonFields(value);
  if (fields === null) return null;
  const { iframeBytes } = fields;
  if (iframeBytes === undefined) return {};
  return isIntegerBetween(iframeBytes, 1, BROADCAST_LIMITS.partBytes) ? { iframeBytes } : null;
}

/** An opening request: the broadcast, and the playback policy from now on; null leaves it unchanged. */
export interface BroadcastOpening {
  readonly config: BroadcastConfig;
  readonly playback: PlaybackPolicy | null;
}

/** An opening request's body. */
export function parseBroadcastOpening(text: string): BroadcastOpening | string {
  const fields = parseJsonFields(text);
  if (fields === null) return "Send the broadcast's configuration as a JSON object.";
  const config = parseConfig(fields);
  if (typeof config === "string") return config;
  const playback = PLAYBACK_POLICIES.find((each) => each === fields["playback"]) ?? null;
  if (playback === null && fields["playback"] !== undefined)
    return `\`playback\` is ${PLAYBACK_POLICIES.join(", ")}, or absent.`;
  return { config, playback };
}

function parseConfig(fields: JsonFields): BroadcastConfig | string {
  const { broadcast, startedAtMs, targetDurationS, windowS, tracks } = fields;
  const id = typeof broadcast === "string" ? parseBroadcastId(broadcast) : null;
  if (id === null) return "`broadcast` is 8–32 of a–z 0–9.";
  if (!isPositiveUpTo(startedAtMs, PUBLISH_LIMITS.timeMs)) return "`startedAtMs` is milliseconds since the epoch.";
  if (!isIntegerBetween(targetDurationS, 1, PUBLISH_LIMITS.targetDurationS))
    return "`targetDurationS` is a whole number from 1 to 60.";
  if (!isPositiveUpTo(windowS, BROADCAST_LIMITS.windowS))
    return `\`windowS\` is above 0 and at most ${BROADCAST_LIMITS.windowS}.`;
  if (!Array.isArray(tracks) || tracks.length === 0 || tracks.length > BROADCAST_LIMITS.tracks) {
    return `\`tracks\` has 1 to ${BROADCAST_LIMITS.tracks} tracks.`;
  }
  const parsed: Track[] = [];
  for (const each of tracks) {
    const track = parseTrack(each, targetDurationS);
    if (typeof track === "string") return track;
    if (parsed.some(({ name }) => name === track.name)) return `Two tracks are called ${track.name}.`;
    parsed.push(track);
  }
  return { broadcast: id, startedAtMs, targetDurationS, windowS, tracks: parsed };
}

function parseTrack(value: unknown, targetDurationS: number): Track | string {
  const fields = asJsonFields(value);
  const name = typeof fields?.["name"] === "string" ? parseTrackName(fields["name"]) : null;
  if (fields === null || name === null) return "A track's `name` is 1–32 of a–z 0–9 _ -.";
  const { kind, codecs, timescale, partTargetMs, bandwidth, averageBandwidth, language } = fields;
  if (kind !== "video" && kind !== "audio") return `${name}: \`kind\` is video or audio.`;
  if (typeof codecs !== "string" || !CODECS_PATTERN.test(codecs))
    return `${name}: \`codecs\` is an RFC 6381 string of one or two codecs.`;
  if (!isIntegerBetween(timescale, 1, 1e9)) return `${name}: \`timescale\` is ticks per second.`;
  if (!isPositiveUpTo(partTargetMs, targetDurationS * 1000))
    return `${name}: \`partTargetMs\` is at most the target duration.`;
  if (!isPositiveUpTo(bandwidth, 1e10) || !isPositiveUpTo(averageBandwidth, 1e10))
    return `${name}: bandwidths are bits per second.`;
  if (language !== undefined && (typeof language !== "string" || !LANGUAGE_PATTERN.test(language))) {
    return `${name}: \`language\` is an RFC 5646 tag.`;
  }
  const numbers: Record<string, number> = {};
  for (const key of ["width", "height", "frameRate", "channels", "sampleRate"]) {
    const number = fields[key];
    if (number === undefined) continue;
    if (!isPositiveUpTo(number, 1e6)) return `${name}: \`${key}\` is a number above 0.`;
    numbers[key] = number;
  }
  return {
    name,
    kind,
    codecs,
    timescale,
    partTargetMs,
    bandwidth,
    averageBandwidth,
    ...numbers,
    ...(language === undefined ? {} : { language }),
  };
}
