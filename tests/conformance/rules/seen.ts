/** What rules ask of an observation again and again. */
import type { Check, MediaFetch, Observation, Probe, ProbeName, Reload, TrackLog } from "../model.ts";
import type { MediaPlaylist, PartTag, SegmentTag } from "../playlist-reader.ts";

/** A rule with its check. */
export interface Rule {
  readonly rule: number;
  readonly title: string;
  readonly check: Check;
}

/** Rounding in playlists and clocks: times closer than this are the same. */
export const EPSILON_S = 0.00002;

/** A followed playlist's short name. */
export const nameOf = (track: TrackLog): string => new URL(track.url).pathname.split("/").slice(-2).join("/");

/** One full playlist that was received. */
export interface Snapshot {
  readonly track: TrackLog;
  readonly name: string;
  readonly reload: Reload;
  readonly playlist: MediaPlaylist;
  readonly atMs: number;
}

/** A track's full playlists in order of arrival. */
export function snapshotsOf(track: TrackLog): Snapshot[] {
  return track.reloads.flatMap((reload) =>
    reload.playlist === null || reload.playlist.skipped > 0
      ? []
      : [{ track, name: nameOf(track), reload, playlist: reload.playlist, atMs: reload.exchange.doneMs }],
  );
}

/** All full playlists of video and audio, track by track. */
export const snapshots = (seen: Observation): Snapshot[] => seen.tracks.flatMap(snapshotsOf);

/** The same with I-frame playlists. */
export const allSnapshots = (seen: Observation): Snapshot[] => [...seen.tracks, ...seen.iframes].flatMap(snapshotsOf);

/** Each pair of playlists of a track that followed each other. */
export const steps = (seen: Observation, withIframes = false): [Snapshot, Snapshot][] =>
  (withIframes ? [...seen.tracks, ...seen.iframes] : seen.tracks).flatMap((track) => {
    const list = snapshotsOf(track);
    return list.slice(1).flatMap((now, i): [Snapshot, Snapshot][] => {
      const was = list[i];
      return was === undefined ? [] : [[was, now]];
    });
  });

/** A listed part with its place. */
export interface ListedPart extends PartTag {
  readonly track: TrackLog;
  readonly msn: number;
  readonly index: number;
  readonly lastOfSegment: boolean;
  readonly followedByGap: boolean;
  readonly partTarget: number;
  readonly url: string;
}

/** Every part that was ever listed, once. */
export function listedParts(seen: Observation): ListedPart[] {
  const parts = new Map<string, ListedPart>();
  for (const { track, playlist } of snapshots(seen)) {
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
          url: new URL(part.uri, track.url).href,
        });
      }
    }
  }
  return [...parts.values()];
}

/** A closed segment that was listed. */
export interface ListedSegment extends SegmentTag {
  readonly track: TrackLog;
  readonly url: string;
}

/** Every closed segment that was ever listed, once, in order within its track. */
export function listedSegments(seen: Observation): ListedSegment[] {
  const segments = new Map<string, ListedSegment>();
  for (const { track, playlist } of snapshots(seen)) {
    for (const segment of playlist.segments) {
      if (segment.uri === null) continue;
      segments.set(`${track.url} ${segment.msn}`, { ...segment, track, url: new URL(segment.uri, track.url).href });
    }
  }
  return [...segments.values()];
}

/** Whether low latency is offered: without it the rules of parts have nothing to judge. */
export const hasParts = (seen: Observation): boolean =>
  snapshots(seen).some(({ playlist }) => playlist.partTarget !== null);

/** Whether the broadcast's end was seen. */
export const ended = (seen: Observation): boolean => snapshots(seen).some(({ playlist }) => playlist.endList);

/** The largest part target, in seconds. */
export const largestPartTarget = (seen: Observation): number =>
  Math.max(0, ...snapshots(seen).map(({ playlist }) => playlist.partTarget ?? 0));

/** The largest target duration, in seconds. */
export const targetDuration = (seen: Observation): number =>
  Math.max(0, ...snapshots(seen).map(({ playlist }) => playlist.targetDuration));

/** The probes of a name. */
export const probes = (seen: Observation, ...names: ProbeName[]): Probe[] =>
  seen.probes.filter((probe) => names.includes(probe.name));

/** Fetched media of the given kinds that came whole. */
export const fetched = (seen: Observation, ...kinds: MediaFetch["kind"][]): (MediaFetch & { track: TrackLog })[] =>
  seen.tracks.flatMap((track) =>
    [...track.media.values()]
      .filter((one) => kinds.includes(one.kind) && one.exchange.failure === undefined)
      .map((one) => ({ ...one, track })),
  );

/** A duration for people. */
export const ms = (value: number): string => `${Math.round(value)} ms`;

/** How an exchange went, for people. */
export const outcome = (probe: { exchange: Probe["exchange"] }): string =>
  probe.exchange.failure ?? `${probe.exchange.status} after ${ms(probe.exchange.doneMs - probe.exchange.sentMs)}`;

/** The value below which a share of `values` lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
