/** Shared queries of the rules on an observation. */
import type {
  MediaFetch,
  Observation,
  PlaylistProbe,
  PlaylistReload,
  ProbeName,
  RuleCheck,
  TrackLog,
} from "../model.ts";
import type { MediaPlaylist, PartTag, SegmentTag } from "../playlist-reader.ts";

/** A rule with its check. */
export interface ConformanceRule {
  readonly rule: number;
  readonly title: string;
  readonly check: RuleCheck;
}

/** Rounding in playlists and clocks: times closer than this are the same. */
export const EPSILON_S = 0.00002;

const labels = new WeakMap<TrackLog, string>();

/** A followed playlist's short name. */
export function trackLabel(track: TrackLog): string {
  const known = labels.get(track);
  if (known !== undefined) return known;
  const made = new URL(track.url).pathname.split("/").slice(-2).join("/");
  labels.set(track, made);
  return made;
}

/** One full playlist that was received. */
export interface PlaylistSnapshot {
  readonly track: TrackLog;
  readonly name: string;
  readonly reload: PlaylistReload;
  readonly playlist: MediaPlaylist;
  readonly atMs: number;
}

/** A track's full playlists in order of arrival. */
export function trackSnapshots(track: TrackLog): PlaylistSnapshot[] {
  return track.reloads.flatMap((reload) =>
    reload.playlist === null || reload.playlist.skipped > 0
      ? []
      : [{ track, name: trackLabel(track), reload, playlist: reload.playlist, atMs: reload.exchange.doneMs }],
  );
}

/** All full playlists of video and audio, track by track. */
export const mediaSnapshots = (seen: Observation): PlaylistSnapshot[] => seen.tracks.flatMap(trackSnapshots);

/** The same with I-frame playlists. */
export const allSnapshots = (seen: Observation): PlaylistSnapshot[] =>
  [...seen.tracks, ...seen.iframes].flatMap(trackSnapshots);

/** Each pair of playlists of a track that followed each other. */
export const consecutiveSnapshots = (seen: Observation, withIframes = false): [PlaylistSnapshot, PlaylistSnapshot][] =>
  (withIframes ? [...seen.tracks, ...seen.iframes] : seen.tracks).flatMap((track) => {
    const list = trackSnapshots(track);
    return list.slice(1).flatMap((now, i): [PlaylistSnapshot, PlaylistSnapshot][] => {
      const was = list[i];
      return was === undefined ? [] : [[was, now]];
    });
  });

/** A listed part with its place. */
export interface ObservedPart extends PartTag {
  readonly track: TrackLog;
  readonly msn: number;
  readonly index: number;
  readonly lastOfSegment: boolean;
  readonly followedByGap: boolean;
  readonly partTarget: number;
  readonly url: string;
}

/** Every part that was ever listed, once. */
export function observedParts(seen: Observation): ObservedPart[] {
  const parts = new Map<string, ObservedPart>();
  for (const { track, playlist } of mediaSnapshots(seen)) {
    for (const segment of playlist.segments) {
      for (const [index, part] of segment.parts.entries()) {
        parts.set(`${track.url} ${part.uri} ${part.byterange ?? ""}`, {
          ...part,
          track,
          msn: segment.msn,
          index,
          lastOfSegment: index === segment.parts.length - 1,
          followedByGap: segment.parts[index + 1]?.gap === true,
          partTarget: playlist.partTarget ?? Number.NaN,
          get url() {
            return new URL(part.uri, track.url).href;
          },
        });
      }
    }
  }
  return [...parts.values()];
}

/** A closed segment that was listed. */
export interface ObservedSegment extends SegmentTag {
  readonly track: TrackLog;
  readonly url: string;
}

/** Every closed segment that was ever listed, once, in order within its track. */
export function observedSegments(seen: Observation): ObservedSegment[] {
  const segments = new Map<string, ObservedSegment>();
  for (const { track, playlist } of mediaSnapshots(seen)) {
    for (const segment of playlist.segments) {
      if (segment.uri === null) continue;
      segments.set(`${track.url} ${segment.msn}`, { ...segment, track, url: new URL(segment.uri, track.url).href });
    }
  }
  return [...segments.values()];
}

/** Whether low latency is offered: without it the rules of parts do not apply. */
export const hasParts = (seen: Observation): boolean =>
  mediaSnapshots(seen).some(({ playlist }) => playlist.partTarget !== null);

/** Whether the broadcast's end was seen. */
export const hasEnded = (seen: Observation): boolean => mediaSnapshots(seen).some(({ playlist }) => playlist.endList);

/** The largest part target, in seconds. */
export const largestPartTarget = (seen: Observation): number =>
  Math.max(0, ...mediaSnapshots(seen).map(({ playlist }) => playlist.partTarget ?? 0));

/** The largest target duration, in seconds. */
export const largestTargetDuration = (seen: Observation): number =>
  Math.max(0, ...mediaSnapshots(seen).map(({ playlist }) => playlist.targetDuration));

/** The probes of a name. */
export const probesNamed = (seen: Observation, ...names: ProbeName[]): PlaylistProbe[] =>
  seen.probes.filter((probe) => names.includes(probe.name));

/** Complete fetched media of the given kinds. */
export const fetchedMedia = (seen: Observation, ...kinds: MediaFetch["kind"][]): (MediaFetch & { track: TrackLog })[] =>
  seen.tracks.flatMap((track) =>
    [...track.media.values()]
      .filter((one) => kinds.includes(one.kind) && one.exchange.failure === undefined)
      .map((one) => ({ ...one, track })),
  );

/** A duration for people. */
export const formatMs = (value: number): string => `${Math.round(value)} ms`;

/** The outcome of an exchange, for people. */
export const describeExchange = (probe: { exchange: PlaylistProbe["exchange"] }): string =>
  probe.exchange.failure ?? `${probe.exchange.status} after ${formatMs(probe.exchange.doneMs - probe.exchange.sentMs)}`;

/** The value below which a share of `values` lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
