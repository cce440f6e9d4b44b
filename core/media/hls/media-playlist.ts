/**
 * Media playlists, rendered from a broadcast's state in one pass over the segments of the tail. Segments that
 * left the tail never change: their text is cached with their pack, and rendered once for any number of playlists.
 */
import type { BroadcastConfig, BroadcastState, TrackState } from "../../broadcast/broadcast-log.ts";
import { countPackSegments, type SegmentPack, unpackSegment, unpackSegments } from "../../broadcast/packed-segments.ts";
import { lastPartOf, nextPartOf, requireTrackState } from "../../broadcast/track-position.ts";
import type { TrackName } from "../../kit/ids.ts";
import { initPath, partPath } from "./paths.ts";
import { pushIframe, pushParts, pushSegmentEnd, pushSegmentStart } from "./segment-lines.ts";
import {
  canSkipUntilS,
  formatUnits,
  holdBackS,
  PART_WINDOW_TARGETS,
  partHoldBackS,
  partTargetUnits,
  SKIP_BOUNDARY_TARGETS,
  UNITS_PER_SECOND,
} from "./timing.ts";

/** §8: 9 for `EXT-X-SKIP`, 10 where it replaces date ranges; constant, so a reload never changes it. */
const LIVE_VERSION = 10;

/** Which delta update a playlist request asks for: none, segments, or segments and date ranges. */
export type SkipDirective = "none" | "YES" | "v2";

/** Inputs of a live playlist besides the state. */
export interface MediaPlaylistOptions {
  readonly skip: SkipDirective;
  /** The init section of coming segments, once it is known to change. */
  readonly nextInitVersion?: number;
}

/** Complete lines of a playlist. A pack's text is the same object while it is unchanged. */
export interface PlaylistChunk {
  readonly text: string;
}

/** The concatenated pieces of a playlist. */
export const joinChunks = (pieces: readonly PlaylistChunk[]): string => pieces.map(({ text }) => text).join("");

/** The live low-latency playlist of a track. Throws `RangeError` for an unknown track. */
export const renderMediaPlaylist = (state: BroadcastState, track: TrackName, opts: MediaPlaylistOptions): string =>
  joinChunks(mediaPlaylistChunks(state, track, opts));

/** Its pieces. */
export function mediaPlaylistChunks(
  state: BroadcastState,
  track: TrackName,
  opts: MediaPlaylistOptions,
): PlaylistChunk[] {
  const trackState = requireTrackState(state, track);
  const { timescale, partTargetMs } = trackState.track;
  const head = liveHeader(state.config, trackState);
  head.splice(3, 0, `#EXT-X-PART-INF:PART-TARGET=${formatUnits(partTargetUnits(partTargetMs))}`);
  const { pieces, lines, first } = renderHead(head, state, trackState, opts.skip, "media");
  let initVersion = initBefore(trackState, first);
  // §6.2.2: "EXT-X-PART tags SHOULD be removed from the Playlist after they are greater than three Target Durations from
  // the end of the Playlist." A segment keeps all of its parts or none, or their indexes would change.
  const partWindowTicks = PART_WINDOW_TARGETS * state.config.targetDurationS * timescale;
  let ticksToEnd = 0;
  for (let i = first; i < trackState.segments.length; i++) ticksToEnd += trackState.segments[i]?.durationTicks ?? 0;

  for (let i = first; i < trackState.segments.length; i++) {
    const segment = trackState.segments[i];
    if (segment === undefined) break;
    pushSegmentStart(lines, segment.start, initVersion);
    initVersion = segment.start.initVersion;
    ticksToEnd -= segment.durationTicks;
    if (ticksToEnd <= partWindowTicks || !segment.closed) pushParts(lines, segment, timescale);
    if (segment.closed) pushSegmentEnd(lines, segment, timescale);
  }

  if (!state.ended) {
    const next = nextPartOf(trackState);
    lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${partPath(next.msn, next.part)}"`);
    if (opts.nextInitVersion !== undefined) {
      lines.push(`#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="${initPath(opts.nextInitVersion)}"`);
    }
  }
  pushRenditionReports(lines, state, track);
  // §4.4.5.3: "A Playlist containing an EXT-X-ENDLIST tag MUST NOT contain an EXT-X-PRELOAD-HINT tag."
  if (state.ended) lines.push("#EXT-X-ENDLIST");
  return [...pieces, toChunk(lines)];
}

/**
 * The live I-frame playlist of a track: the first picture of each closed segment, as a byte range of the segment.
 * A segment without a picture keeps its place as a gap. Throws `RangeError` as `renderMedia` does.
 */
export const renderIframePlaylist = (
  state: BroadcastState,
  track: TrackName,
  opts: { readonly skip: SkipDirective } = { skip: "none" },
): string => joinChunks(iframePlaylistChunks(state, track, opts));

/** Its pieces. */
export function iframePlaylistChunks(
  state: BroadcastState,
  track: TrackName,
  opts: { readonly skip: SkipDirective },
): PlaylistChunk[] {
  const trackState = requireTrackState(state, track);
  const head = [...liveHeader(state.config, trackState), "#EXT-X-I-FRAMES-ONLY"];
  const { pieces, lines, first } = renderHead(head, state, trackState, opts.skip, "iframes");
  let initVersion = initBefore(trackState, first);
  for (let i = first; i < trackState.segments.length; i++) {
    const segment = trackState.segments[i];
    if (segment === undefined || !segment.closed) break;
    pushSegmentStart(lines, segment.start, initVersion);
    initVersion = segment.start.initVersion;
    pushIframe(lines, segment, trackState.track.timescale);
  }
  if (state.ended) lines.push("#EXT-X-ENDLIST");
  return [...pieces, toChunk(lines)];
}

const toChunk = (lines: readonly string[]): PlaylistChunk => ({ text: `${lines.join("\n")}\n` });

/** A live playlist up to its tail: the complete pieces, the lines to continue with, and the tail's first segment. */
interface PlaylistHead {
  readonly pieces: readonly PlaylistChunk[];
  readonly lines: string[];
  readonly first: number;
}

/** The header, and the past: a skip tag in a delta update, else the text of its packs. */
function renderHead(
  head: string[],
  state: BroadcastState,
  trackState: TrackState,
  skip: SkipDirective,
  kind: PastPlaylistKind,
): PlaylistHead {
  const first = pushSkip(head, state, trackState, skip);
  if (first !== null || trackState.packed.length === 0) return { pieces: [], lines: head, first: first ?? 0 };
  return { pieces: [toChunk(head), ...pastChunks(trackState, kind)], lines: [], first: 0 };
}

/** The init version before the tail's segment `first`; undefined at the beginning of the playlist. */
function initBefore(trackState: TrackState, first: number): number | undefined {
  if (first > 0) return trackState.segments[first - 1]?.start.initVersion;
  const pack = trackState.packed.packs.at(-1);
  return pack === undefined ? undefined : unpackSegment(pack, countPackSegments(pack) - 1).start.initVersion;
}

type PastPlaylistKind = "media" | "iframes";

/** The last rendered text of a pack, and the init version before it. */
type PackChunks = Partial<
  Record<PastPlaylistKind, { readonly piece: PlaylistChunk; readonly after: number | undefined }>
>;

const packChunks = new WeakMap<SegmentPack, PackChunks>();

function pastChunks({ packed, track }: TrackState, kind: PastPlaylistKind): PlaylistChunk[] {
  let after: number | undefined;
  return packed.packs.map((pack) => {
    const texts = packChunks.get(pack) ?? {};
    let text = texts[kind];
    if (text === undefined || text.after !== after) {
      text = { piece: toChunk(packLines(pack, kind, track.timescale, after)), after };
      packChunks.set(pack, { ...texts, [kind]: text });
    }
    after = unpackSegment(pack, countPackSegments(pack) - 1).start.initVersion;
    return text.piece;
  });
}

function packLines(pack: SegmentPack, kind: PastPlaylistKind, timescale: number, after: number | undefined): string[] {
  const lines: string[] = [];
  let initVersion = after;
  for (const segment of unpackSegments(pack)) {
    pushSegmentStart(lines, segment.start, initVersion);
    initVersion = segment.start.initVersion;
    if (kind === "iframes") pushIframe(lines, segment, timescale);
    else pushSegmentEnd(lines, segment, timescale);
  }
  return lines;
}

function liveHeader(config: BroadcastConfig, trackState: TrackState): string[] {
  // §6.2.4: "If any Media Playlist ... contains an EXT-X-SERVER-CONTROL tag, then all Media Playlists in that
  // Multivariant Playlist MUST contain that tag, with the same attributes and values": I-frame playlists too.
  const control = [
    "CAN-BLOCK-RELOAD=YES",
    `CAN-SKIP-UNTIL=${formatSeconds(canSkipUntilS(config))}`,
    `HOLD-BACK=${formatSeconds(holdBackS(config))}`,
    `PART-HOLD-BACK=${formatSeconds(partHoldBackS(config))}`,
  ];
  return [
    "#EXTM3U",
    `#EXT-X-VERSION:${LIVE_VERSION}`,
    `#EXT-X-TARGETDURATION:${config.targetDurationS}`,
    `#EXT-X-SERVER-CONTROL:${control.join(",")}`,
    `#EXT-X-MEDIA-SEQUENCE:${trackState.mediaSequence}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${trackState.discontinuitySequence}`,
  ];
}

/** Pushes the skip tag of a delta update; returns the index of the tail's first listed segment, null if all are listed. */
function pushSkip(lines: string[], state: BroadcastState, trackState: TrackState, skip: SkipDirective): number | null {
  // §6.2.5.1: "A Server MUST ignore the _HLS_skip directive if ... it contains an EXT-X-ENDLIST tag."
  if (skip === "none" || state.ended) return null;
  // §6.2.5.1: "Media Segments that are further from the end of the last (Parent) Media Segment in the Playlist than the
  // Skip Boundary, as well as their associated tags, are replaced by an EXT-X-SKIP tag."
  const boundaryTicks = SKIP_BOUNDARY_TARGETS * state.config.targetDurationS * trackState.track.timescale;
  let fromEnd = 0;
  let first = trackState.segments.length;
  while (first > 0) {
    const segment = trackState.segments[first - 1];
    if (segment === undefined || fromEnd > boundaryTicks) break;
    if (segment.closed) fromEnd += segment.durationTicks;
    first -= 1;
  }
  // The tail reaches back further than the boundary if there is a past.
  const skipped = trackState.packed.length + first;
  if (skipped === 0) return null;
  // §4.4.5.2: RECENTLY-REMOVED-DATERANGES is "REQUIRED if the Client requested an update that skips EXT-X-DATERANGE
  // tags"; it may be empty, and is: no date ranges are published.
  const removed = skip === "v2" ? ',RECENTLY-REMOVED-DATERANGES=""' : "";
  lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}${removed}`);
  return first;
}

function pushRenditionReports(lines: string[], state: BroadcastState, self: TrackName): void {
  for (const [name, other] of state.tracks) {
    if (name === self) continue;
    const last = lastPartOf(other);
    // A rendition without media has no last part to report.
    if (last === null) continue;
    // §4.4.5.4: "[URI] MUST be relative to the URI of the Media Playlist containing the ... tag."
    lines.push(`#EXT-X-RENDITION-REPORT:URI="../${name}/media.m3u8",LAST-MSN=${last.msn},LAST-PART=${last.part}`);
  }
}

function formatSeconds(seconds: number): string {
  return formatUnits(Math.round(seconds * UNITS_PER_SECOND));
}
