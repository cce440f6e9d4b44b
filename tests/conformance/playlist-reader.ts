/** Parses playlists, also invalid ones: everything that a rule may check is kept, nothing is repaired. */

/** `EXT-X-PART`. */
export interface PartTag {
  readonly uri: string;
  readonly durationS: number;
  readonly independent: boolean;
  readonly gap: boolean;
  readonly byterange?: string;
}

/** A segment with its tags; without `uri` it is open. */
export interface SegmentTag {
  readonly msn: number;
  readonly uri: string | null;
  readonly durationS: number | null;
  readonly parts: readonly PartTag[];
  readonly gap: boolean;
  readonly discontinuity: boolean;
  readonly discontinuitySequence: number;
  /** URI of the map that applies; null where none is known (as in delta updates). */
  readonly map: string | null;
  readonly pdtMs: number | null;
  readonly key: string | null;
  readonly byterange: { readonly length: number; readonly offset: number } | null;
  /** Tags of the segment that came after its first part. */
  readonly misplaced: readonly string[];
}

/** A media playlist. */
export interface MediaPlaylist {
  readonly text: string;
  readonly versions: readonly number[];
  readonly targetDuration: number;
  readonly mediaSequence: number;
  /** Whether the tag is present, and before the first segment. */
  readonly mediaSequencePlaced: boolean;
  readonly discontinuitySequence: number | null;
  readonly partTarget: number | null;
  readonly serverControl: ReadonlyMap<string, string> | null;
  readonly skips: readonly ReadonlyMap<string, string>[];
  readonly skipped: number;
  readonly segments: readonly SegmentTag[];
  readonly hints: readonly ReadonlyMap<string, string>[];
  readonly reports: readonly ReadonlyMap<string, string>[];
  readonly dateRanges: readonly ReadonlyMap<string, string>[];
  readonly endList: boolean;
  readonly playlistType: string | null;
  readonly iframesOnly: boolean;
}

/** A multivariant playlist: attributes with addresses made absolute under `@URL`. */
export interface MultivariantPlaylist {
  readonly text: string;
  readonly versions: readonly number[];
  readonly variants: readonly ReadonlyMap<string, string>[];
  readonly renditions: readonly ReadonlyMap<string, string>[];
  readonly iframes: readonly ReadonlyMap<string, string>[];
}

/** An attribute list without quotes. */
function parseAttributeList(text: string): Map<string, string> {
  const list = new Map<string, string>();
  for (const match of text.matchAll(/([A-Z0-9-]+)=("[^"]*"|[^",]*)/g)) {
    list.set(match[1] ?? "", (match[2] ?? "").replace(/^"|"$/g, ""));
  }
  return list;
}

const SEGMENT_TAGS = /^#(EXT-X-(DISCONTINUITY|MAP|KEY|PROGRAM-DATE-TIME))(?![A-Z-])/;

/** Parses a media playlist; null for other text. */
export function readMediaPlaylist(text: string): MediaPlaylist | null {
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  if (!/^#EXT-X-TARGETDURATION:/m.test(text)) return null;
  const value = (tag: string): string | null => {
    const line = lines.find((one) => one.startsWith(`#${tag}:`));
    return line === undefined ? null : line.slice(tag.length + 2);
  };
  const lists = (tag: string) =>
    lines.filter((line) => line.startsWith(`#${tag}:`)).map((line) => parseAttributeList(line.slice(tag.length + 2)));
  const skips = lists("EXT-X-SKIP");
  const skipped = Number(skips[0]?.get("SKIPPED-SEGMENTS") ?? 0);
  const control = lists("EXT-X-SERVER-CONTROL")[0] ?? null;
  const partInf = lists("EXT-X-PART-INF")[0];
  const firstSegment = lines.findIndex((line) => line.startsWith("#EXTINF:") || line.startsWith("#EXT-X-PART:"));
  const sequenceAt = lines.findIndex((line) => line.startsWith("#EXT-X-MEDIA-SEQUENCE:"));
  const mediaSequence = Number(value("EXT-X-MEDIA-SEQUENCE") ?? 0);
  const discontinuitySequence = value("EXT-X-DISCONTINUITY-SEQUENCE");
  return {
    text,
    versions: lines.filter((line) => line.startsWith("#EXT-X-VERSION:")).map((line) => Number(line.slice(15))),
    targetDuration: Number(value("EXT-X-TARGETDURATION")),
    mediaSequence,
    mediaSequencePlaced: sequenceAt !== -1 && (firstSegment === -1 || sequenceAt < firstSegment),
    discontinuitySequence: discontinuitySequence === null ? null : Number(discontinuitySequence),
    partTarget: partInf === undefined ? null : Number(partInf.get("PART-TARGET")),
    serverControl: control,
    skips,
    skipped,
    segments: readSegments(lines, mediaSequence + skipped, Number(discontinuitySequence ?? 0)),
    hints: lists("EXT-X-PRELOAD-HINT"),
    reports: lists("EXT-X-RENDITION-REPORT"),
    dateRanges: lists("EXT-X-DATERANGE"),
    endList: lines.includes("#EXT-X-ENDLIST"),
    playlistType: value("EXT-X-PLAYLIST-TYPE"),
    iframesOnly: lines.includes("#EXT-X-I-FRAMES-ONLY"),
  };
}

function readSegments(lines: readonly string[], firstMsn: number, firstDiscontinuity: number): SegmentTag[] {
  const segments: SegmentTag[] = [];
  let discontinuitySequence = firstDiscontinuity;
  let map: string | null = null;
  let key: string | null = null;
  let nextOffset = 0;
  const fresh = () => ({
    parts: [] as PartTag[],
    misplaced: [] as string[],
    gap: false,
    discontinuity: false,
    durationS: null as number | null,
    pdtMs: null as number | null,
    byterange: null as SegmentTag["byterange"],
    seen: false,
  });
  let now = fresh();
  const finish = (uri: string | null) => {
    const { seen: _, ...rest } = now;
    segments.push({ msn: firstMsn + segments.length, uri, discontinuitySequence, map, key, ...rest });
    now = fresh();
  };
  for (const line of lines) {
    const tag = SEGMENT_TAGS.exec(line)?.[1];
    if (tag !== undefined && now.parts.length > 0) now.misplaced.push(tag);
    if (!line.startsWith("#")) finish(line);
    else if (line.startsWith("#EXTINF:")) now.durationS = Number.parseFloat(line.slice(8));
    else if (line.startsWith("#EXT-X-PART:")) now.parts.push(readPart(parseAttributeList(line.slice(12))));
    else if (line === "#EXT-X-GAP") now.gap = true;
    else if (line === "#EXT-X-DISCONTINUITY") {
      now.discontinuity = true;
      discontinuitySequence += 1;
    } else if (line.startsWith("#EXT-X-MAP:")) map = parseAttributeList(line.slice(11)).get("URI") ?? null;
    else if (line.startsWith("#EXT-X-KEY:")) key = line.slice(11);
    else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) {
      now.pdtMs = Date.parse(line.slice(25));
      now.seen = true;
    } else if (line.startsWith("#EXT-X-BYTERANGE:")) {
      const [length = "0", offset] = line.slice(17).split("@");
      now.byterange = { length: Number(length), offset: offset === undefined ? nextOffset : Number(offset) };
      nextOffset = now.byterange.offset + now.byterange.length;
    }
  }
  if (now.parts.length > 0 || now.seen) finish(null);
  return segments;
}

function readPart(list: Map<string, string>): PartTag {
  const byterange = list.get("BYTERANGE");
  return {
    uri: list.get("URI") ?? "",
    durationS: Number(list.get("DURATION")),
    independent: list.get("INDEPENDENT") === "YES",
    gap: list.get("GAP") === "YES",
    ...(byterange === undefined ? {} : { byterange }),
  };
}

/** Parses a multivariant playlist at `base`; null for other text. */
export function readMultivariantPlaylist(text: string, base: string): MultivariantPlaylist | null {
  if (!/^#EXT-X-STREAM-INF:/m.test(text)) return null;
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  const of = (tag: string, uriOf: (list: Map<string, string>, index: number) => string | undefined) =>
    lines.flatMap((line, index) => {
      if (!line.startsWith(`#${tag}:`)) return [];
      const list = parseAttributeList(line.slice(tag.length + 2));
      const uri = uriOf(list, index);
      if (uri !== undefined) list.set("@URL", new URL(uri, base).href);
      return [list];
    });
  return {
    text,
    versions: lines.filter((line) => line.startsWith("#EXT-X-VERSION:")).map((line) => Number(line.slice(15))),
    variants: of("EXT-X-STREAM-INF", (_, index) => lines.slice(index + 1).find((line) => !line.startsWith("#"))),
    renditions: of("EXT-X-MEDIA", (list) => list.get("URI")),
    iframes: of("EXT-X-I-FRAME-STREAM-INF", (list) => list.get("URI")),
  };
}

/** The part that a blocking reload requests after this playlist. */
export function nextReloadPosition(playlist: MediaPlaylist): { msn: number; part: number } {
  const last = playlist.segments.at(-1);
  if (last === undefined) return { msn: playlist.mediaSequence + playlist.skipped, part: 0 };
  return last.uri === null ? { msn: last.msn, part: last.parts.length } : { msn: last.msn + 1, part: 0 };
}

/** Its last complete segment's number; one before the first if there is none. */
export function lastClosedSegment(playlist: MediaPlaylist): number {
  return playlist.segments.findLast((segment) => segment.uri !== null)?.msn ?? playlist.mediaSequence - 1;
}

/** A segment's duration: declared, or of its parts while it is open. */
export function segmentSeconds(segment: SegmentTag): number {
  return segment.durationS ?? segment.parts.reduce((sum, part) => sum + part.durationS, 0);
}

/** Program time of the playlist's end, milliseconds; null without program times. */
export function playlistEndMs(playlist: MediaPlaylist): number | null {
  const index = playlist.segments.findLastIndex((segment) => segment.pdtMs !== null);
  const pdtMs = playlist.segments[index]?.pdtMs;
  if (pdtMs === undefined || pdtMs === null) return null;
  return playlist.segments.slice(index).reduce((ms, segment) => ms + 1000 * segmentSeconds(segment), pdtMs);
}
