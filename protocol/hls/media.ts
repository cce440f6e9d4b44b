/**
 * Media playlists, rendered from a broadcast's state: values in, text out, one pass over the segments of the tail. What has
 * left the tail never changes: its text is kept with the pack that it is of, and rendered once however often it is listed.
 */
import type { BroadcastConfig, BroadcastState, TrackState } from "../broadcast/log.ts";
import { type Pack, packLength, packSegments, unpackSegment } from "../broadcast/past.ts";
import type { TrackName } from "../ids.ts";
import { initPath, partPath } from "./paths.ts";
import { lastPartOf, nextPartOf, trackOf } from "./position.ts";
import { pushIframe, pushParts, pushSegmentEnd, pushSegmentStart } from "./segment-lines.ts";
import {
  canSkipUntil,
  holdBack,
  PART_WINDOW_TARGETS,
  partHoldBack,
  partTargetUnits,
  SKIP_BOUNDARY_TARGETS,
  UNITS_PER_SECOND,
  unitsToText,
} from "./timing.ts";

/** §8: 9 for `EXT-X-SKIP`, 10 where it replaces date ranges; constant, so a reload never changes it. */
const LIVE_VERSION = 10;

/** Which delta update a playlist request asks for: none, segments, or segments and date ranges. */
export type Skip = "none" | "YES" | "v2";

/** What a live playlist depends on beside the state. */
export interface MediaOptions {
  readonly skip: Skip;
  /** The init section that coming segments will need, once it is known to change. */
  readonly nextInitVersion?: number;
}

/** Some lines of a playlist, each with its end. Of a pack it is the same object as long as it says the same. */
export interface Piece {
  readonly text: string;
}

/** The text of a playlist's pieces. */
export const textOf = (pieces: readonly Piece[]): string => pieces.map(({ text }) => text).join("");

/** The live low-latency playlist of a track. Throws `RangeError` for a track that the broadcast doesn't have. */
export const renderMedia = (state: BroadcastState, track: TrackName, opts: MediaOptions): string =>
  textOf(mediaPieces(state, track, opts));

/** Its pieces. */
export function mediaPieces(state: BroadcastState, track: TrackName, opts: MediaOptions): Piece[] {
  const of = trackOf(state, track);
  const { timescale, partTargetMs } = of.track;
  const head = liveHeader(state.config, of);
  head.splice(3, 0, `#EXT-X-PART-INF:PART-TARGET=${unitsToText(partTargetUnits(partTargetMs))}`);
  const { pieces, lines, first } = begin(head, state, of, opts.skip, "media");
  let initVersion = initBefore(of, first);
  // §6.2.2: "EXT-X-PART tags SHOULD be removed from the Playlist after they are greater than three Target Durations from
  // the end of the Playlist." A segment keeps all of its parts or none, or their indexes would change.
  const partWindowTicks = PART_WINDOW_TARGETS * state.config.targetDurationS * timescale;
  let ticksToEnd = 0;
  for (let i = first; i < of.segments.length; i++) ticksToEnd += of.segments[i]?.durationTicks ?? 0;

  for (let i = first; i < of.segments.length; i++) {
    const segment = of.segments[i];
    if (segment === undefined) break;
    pushSegmentStart(lines, segment.start, initVersion);
    initVersion = segment.start.initVersion;
    ticksToEnd -= segment.durationTicks;
    if (ticksToEnd <= partWindowTicks || !segment.closed) pushParts(lines, segment, timescale);
    if (segment.closed) pushSegmentEnd(lines, segment, timescale);
  }

  if (!state.ended) {
    const next = nextPartOf(of);
    lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${partPath(next.msn, next.part)}"`);
    if (opts.nextInitVersion !== undefined) {
      lines.push(`#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="${initPath(opts.nextInitVersion)}"`);
    }
  }
  pushRenditionReports(lines, state, track);
  // §4.4.5.3: "A Playlist containing an EXT-X-ENDLIST tag MUST NOT contain an EXT-X-PRELOAD-HINT tag."
  if (state.ended) lines.push("#EXT-X-ENDLIST");
  return [...pieces, pieceOf(lines)];
}

/**
 * The live I-frame playlist of a track: the first picture of each closed segment, as a byte range of the segment.
 * A segment without a picture keeps its place as a gap. Throws `RangeError` as `renderMedia` does.
 */
export const renderIframes = (
  state: BroadcastState,
  track: TrackName,
  opts: { readonly skip: Skip } = { skip: "none" },
): string => textOf(iframePieces(state, track, opts));

/** Its pieces. */
export function iframePieces(state: BroadcastState, track: TrackName, opts: { readonly skip: Skip }): Piece[] {
  const of = trackOf(state, track);
  const head = [...liveHeader(state.config, of), "#EXT-X-I-FRAMES-ONLY"];
  const { pieces, lines, first } = begin(head, state, of, opts.skip, "iframes");
  let initVersion = initBefore(of, first);
  for (let i = first; i < of.segments.length; i++) {
    const segment = of.segments[i];
    if (segment === undefined || !segment.closed) break;
    pushSegmentStart(lines, segment.start, initVersion);
    initVersion = segment.start.initVersion;
    pushIframe(lines, segment, of.track.timescale);
  }
  if (state.ended) lines.push("#EXT-X-ENDLIST");
  return [...pieces, pieceOf(lines)];
}

const pieceOf = (lines: readonly string[]): Piece => ({ text: `${lines.join("\n")}\n` });

/** A live playlist up to its tail: the pieces that are whole, the lines to go on with, and the tail's first segment. */
interface Beginning {
  readonly pieces: readonly Piece[];
  readonly lines: string[];
  readonly first: number;
}

/** The header, and what stands for the past: a skip tag where one is due, else the text of its packs. */
function begin(head: string[], state: BroadcastState, of: TrackState, skip: Skip, kind: PastKind): Beginning {
  const first = pushSkip(head, state, of, skip);
  if (first !== null || of.past.length === 0) return { pieces: [], lines: head, first: first ?? 0 };
  return { pieces: [pieceOf(head), ...pastPieces(of, kind)], lines: [], first: 0 };
}

/** The init version that applies before the tail's segment `first`; undefined where it begins the playlist. */
function initBefore(of: TrackState, first: number): number | undefined {
  if (first > 0) return of.segments[first - 1]?.start.initVersion;
  const pack = of.past.packs.at(-1);
  return pack === undefined ? undefined : unpackSegment(pack, packLength(pack) - 1).start.initVersion;
}

type PastKind = "media" | "iframes";

/** What a pack was last rendered as, and after which init version. */
type PackText = Partial<Record<PastKind, { readonly piece: Piece; readonly after: number | undefined }>>;

const packTexts = new WeakMap<Pack, PackText>();

function pastPieces({ past, track }: TrackState, kind: PastKind): Piece[] {
  let after: number | undefined;
  return past.packs.map((pack) => {
    const texts = packTexts.get(pack) ?? {};
    let text = texts[kind];
    if (text === undefined || text.after !== after) {
      text = { piece: pieceOf(packLines(pack, kind, track.timescale, after)), after };
      packTexts.set(pack, { ...texts, [kind]: text });
    }
    after = unpackSegment(pack, packLength(pack) - 1).start.initVersion;
    return text.piece;
  });
}

function packLines(pack: Pack, kind: PastKind, timescale: number, after: number | undefined): string[] {
  const lines: string[] = [];
  let initVersion = after;
  for (const segment of packSegments(pack)) {
    pushSegmentStart(lines, segment.start, initVersion);
    initVersion = segment.start.initVersion;
    if (kind === "iframes") pushIframe(lines, segment, timescale);
    else pushSegmentEnd(lines, segment, timescale);
  }
  return lines;
}

function liveHeader(config: BroadcastConfig, of: TrackState): string[] {
  // §6.2.4: "If any Media Playlist ... contains an EXT-X-SERVER-CONTROL tag, then all Media Playlists in that
  // Multivariant Playlist MUST contain that tag, with the same attributes and values": I-frame playlists too.
  const control = [
    "CAN-BLOCK-RELOAD=YES",
    `CAN-SKIP-UNTIL=${decimal(canSkipUntil(config))}`,
    `HOLD-BACK=${decimal(holdBack(config))}`,
    `PART-HOLD-BACK=${decimal(partHoldBack(config))}`,
  ];
  return [
    "#EXTM3U",
    `#EXT-X-VERSION:${LIVE_VERSION}`,
    `#EXT-X-TARGETDURATION:${config.targetDurationS}`,
    `#EXT-X-SERVER-CONTROL:${control.join(",")}`,
    `#EXT-X-MEDIA-SEQUENCE:${of.mediaSequence}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${of.discontinuitySequence}`,
  ];
}

/** Pushes the skip tag where one is due; returns the index of the tail's first segment that stays, null where all stay. */
function pushSkip(lines: string[], state: BroadcastState, of: TrackState, skip: Skip): number | null {
  // §6.2.5.1: "A Server MUST ignore the _HLS_skip directive if ... it contains an EXT-X-ENDLIST tag."
  if (skip === "none" || state.ended) return null;
  // §6.2.5.1: "Media Segments that are further from the end of the last (Parent) Media Segment in the Playlist than the
  // Skip Boundary, as well as their associated tags, are replaced by an EXT-X-SKIP tag."
  const boundaryTicks = SKIP_BOUNDARY_TARGETS * state.config.targetDurationS * of.track.timescale;
  let fromEnd = 0;
  let first = of.segments.length;
  while (first > 0) {
    const segment = of.segments[first - 1];
    if (segment === undefined || fromEnd > boundaryTicks) break;
    if (segment.closed) fromEnd += segment.durationTicks;
    first -= 1;
  }
  // The tail reaches back further than the boundary wherever there is a past.
  const skipped = of.past.length + first;
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

function decimal(seconds: number): string {
  return unitsToText(Math.round(seconds * UNITS_PER_SECOND));
}
