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
  for (const [, name = "", value = ""] of text.matchAll(/([A-Z0-9-]+)=("[^"]*"|[^",]*)/g))
    list.set(name, value.startsWith('"') ? value.slice(1, -1) : value);
  return list;
}

/** Tags that belong to a segment. */
const SEGMENT_TAGS: ReadonlySet<string> = new Set([
  "#EXTINF",
  "#EXT-X-PART",
  "#EXT-X-GAP",
  "#EXT-X-DISCONTINUITY",
  "#EXT-X-MAP",
  "#EXT-X-KEY",
  "#EXT-X-PROGRAM-DATE-TIME",
  "#EXT-X-BYTERANGE",
]);
const MISPLACED_TAGS = /^#(EXT-X-(DISCONTINUITY|MAP|KEY|PROGRAM-DATE-TIME))(?![A-Z-])/;

/** The lines of some of a playlist: those of a segment, and the others by their tag. */
interface SplitLines {
  readonly segment: readonly string[];
  readonly others: readonly { readonly tag: string; readonly line: string; readonly isAfterMedia: boolean }[];
  readonly hasMedia: boolean;
}

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const HASH = 35;

function splitLines(text: string): SplitLines {
  const segment: string[] = [];
  const others: SplitLines["others"][number][] = [];
  let hasMedia = false;
  for (const line of text.split(/\r?\n/)) {
    if (line === "") continue;
    const tag = tagOf(line);
    if (tag !== null && !SEGMENT_TAGS.has(tag)) {
      others.push({ tag, line, isAfterMedia: hasMedia });
      continue;
    }
    segment.push(line);
    hasMedia ||= tag === "#EXTINF" || tag === "#EXT-X-PART";
  }
  return { segment, others, hasMedia };
}

/** A line's tag; null for a line without one. */
function tagOf(line: string): string | null {
  if (!line.startsWith("#")) return null;
  const colonAt = line.indexOf(":");
  return colonAt === -1 ? line : line.slice(0, colonAt);
}

/**
 * The text before the first tag of a segment, the text of each segment up to the end of its URI, and what follows the last
 * URI.
 */
function splitAtUris(text: string): {
  readonly head: string;
  readonly closed: readonly string[];
  readonly tail: string;
} {
  const closed: string[] = [];
  let startAt = -1;
  for (let at = 0; at < text.length; ) {
    const newlineAt = text.indexOf("\n", at);
    const endAt = newlineAt === -1 ? text.length : newlineAt + 1;
    const first = text.charCodeAt(at);
    if (first !== NEWLINE && first !== CARRIAGE_RETURN) {
      if (startAt === -1 && (first !== HASH || isSegmentTag(text.slice(at, endAt)))) startAt = at;
      if (first !== HASH) {
        closed.push(text.slice(startAt, endAt));
        startAt = endAt;
      }
    }
    at = endAt;
  }
  const headEnd = startAt === -1 ? text.length : startAt - closed.reduce((length, each) => length + each.length, 0);
  return { head: text.slice(0, headEnd), closed, tail: startAt === -1 ? "" : text.slice(startAt) };
}

const isSegmentTag = (line: string): boolean => SEGMENT_TAGS.has(tagOf(line.trimEnd()) ?? "");

/** What stands before a segment and applies to it. */
interface SegmentContext {
  readonly msn: number;
  readonly discontinuitySequence: number;
  readonly map: string | null;
  readonly key: string | null;
  readonly nextOffset: number;
}

/** A segment that was read, null where there is none, and what applies to the next one. */
interface SegmentReading {
  readonly segment: SegmentTag | null;
  readonly after: SegmentContext;
}

const MAX_REMEMBERED_SEGMENTS = 4_096;
/** Places of one text that are remembered: full playlists and delta updates differ in what stands before it. */
const MAX_PLACES = 8;

/** Text of a segment, and what was read from it by what stood before. */
interface RememberedSegment {
  readonly lines: SplitLines;
  readonly readings: { readonly context: SegmentContext; readonly reading: SegmentReading }[];
}

/** Segments that were read before: equal text at the same place gives the same object, and so does an equal part. */
export class SegmentMemory {
  readonly #closed = new Map<string, RememberedSegment>();
  readonly #open = new Map<string, RememberedSegment>();
  readonly #parts = new Map<string, PartTag>();
  readonly #lists = new Map<string, ReadonlyMap<string, string>>();

  /** The lines of a closed segment. */
  closed(text: string): RememberedSegment {
    return recall(this.#closed, text, () => ({ lines: splitLines(text), readings: [] }));
  }

  /** The lines of an open segment: what is no line of its own does not make it another one. */
  open(lines: SplitLines): RememberedSegment {
    return recall(this.#open, lines.segment.join("\n"), () => ({ lines, readings: [] }));
  }

  /** Reads a segment's lines, or gives what they were before. */
  read({ lines, readings }: RememberedSegment, context: SegmentContext): SegmentReading {
    const known = readings.find((each) => isSameContext(each.context, context));
    if (known !== undefined) return known.reading;
    const reading = readSegment(lines.segment, context, (line) => recall(this.#parts, line, readPart));
    if (readings.length >= MAX_PLACES) readings.shift();
    readings.push({ context, reading });
    return reading;
  }

  /** An attribute list. */
  list(text: string): ReadonlyMap<string, string> {
    return recall(this.#lists, text, parseAttributeList);
  }
}

/** What is remembered of a text, or made of it now. */
function recall<T>(memory: Map<string, T>, text: string, make: (text: string) => T): T {
  const known = memory.get(text);
  if (known !== undefined) return known;
  if (memory.size >= MAX_REMEMBERED_SEGMENTS) memory.clear();
  const made = make(text);
  memory.set(text, made);
  return made;
}

const isSameContext = (a: SegmentContext, b: SegmentContext): boolean =>
  a.msn === b.msn &&
  a.discontinuitySequence === b.discontinuitySequence &&
  a.map === b.map &&
  a.key === b.key &&
  a.nextOffset === b.nextOffset;

/** Parses a media playlist; null for other text. With `memory`, segments that are known are not parsed again. */
export function readMediaPlaylist(text: string, memory: SegmentMemory = new SegmentMemory()): MediaPlaylist | null {
  const { head, closed, tail } = splitAtUris(text);
  const segments = closed.map((each) => memory.closed(each));
  const open = splitLines(tail);
  const { byTag, sequencePlaced } = groupByTag([splitLines(head), ...segments.map(({ lines }) => lines), open]);
  const values = (tag: string): string[] =>
    (byTag.get(`#${tag}`) ?? []).flatMap((line) => (line.length > tag.length + 1 ? [line.slice(tag.length + 2)] : []));
  const value = (tag: string): string | null => values(tag)[0] ?? null;
  const lists = (tag: string) => values(tag).map((list) => memory.list(list));
  const targetDuration = value("EXT-X-TARGETDURATION");
  if (targetDuration === null) return null;
  const skips = lists("EXT-X-SKIP");
  const skipped = Number(skips[0]?.get("SKIPPED-SEGMENTS") ?? 0);
  const partInf = lists("EXT-X-PART-INF")[0];
  const mediaSequence = Number(value("EXT-X-MEDIA-SEQUENCE") ?? 0);
  const discontinuitySequence = value("EXT-X-DISCONTINUITY-SEQUENCE");
  const all = [...segments, memory.open(open)];
  return {
    text,
    versions: values("EXT-X-VERSION").map(Number),
    targetDuration: Number(targetDuration),
    mediaSequence,
    mediaSequencePlaced: sequencePlaced,
    discontinuitySequence: discontinuitySequence === null ? null : Number(discontinuitySequence),
    partTarget: partInf === undefined ? null : Number(partInf.get("PART-TARGET")),
    serverControl: lists("EXT-X-SERVER-CONTROL")[0] ?? null,
    skips,
    skipped,
    segments: readSegments(all, mediaSequence + skipped, Number(discontinuitySequence ?? 0), memory),
    hints: lists("EXT-X-PRELOAD-HINT"),
    reports: lists("EXT-X-RENDITION-REPORT"),
    dateRanges: lists("EXT-X-DATERANGE"),
    endList: byTag.get("#EXT-X-ENDLIST")?.includes("#EXT-X-ENDLIST") === true,
    playlistType: value("EXT-X-PLAYLIST-TYPE"),
    iframesOnly: byTag.get("#EXT-X-I-FRAMES-ONLY")?.includes("#EXT-X-I-FRAMES-ONLY") === true,
  };
}

/** The lines that belong to no segment, and whether `EXT-X-MEDIA-SEQUENCE` stands before the first segment. */
function groupByTag(all: readonly SplitLines[]): {
  readonly byTag: ReadonlyMap<string, readonly string[]>;
  readonly sequencePlaced: boolean;
} {
  const byTag = new Map<string, string[]>();
  let hasMedia = false;
  let sequencePlaced = false;
  for (const lines of all) {
    for (const { tag, line, isAfterMedia } of lines.others) {
      const others = byTag.get(tag);
      if (others !== undefined) others.push(line);
      else {
        byTag.set(tag, [line]);
        if (tag === "#EXT-X-MEDIA-SEQUENCE") sequencePlaced = !hasMedia && !isAfterMedia;
      }
    }
    hasMedia ||= lines.hasMedia;
  }
  return { byTag, sequencePlaced };
}

function readSegments(
  all: readonly RememberedSegment[],
  msn: number,
  discontinuitySequence: number,
  memory: SegmentMemory,
): SegmentTag[] {
  const segments: SegmentTag[] = [];
  let context: SegmentContext = { msn, discontinuitySequence, map: null, key: null, nextOffset: 0 };
  for (const each of all) {
    const { segment, after } = memory.read(each, context);
    context = after;
    if (segment !== null) segments.push(segment);
  }
  return segments;
}

function readSegment(
  lines: readonly string[],
  context: SegmentContext,
  readPartLine: (line: string) => PartTag,
): SegmentReading {
  let { discontinuitySequence, map, key, nextOffset } = context;
  const parts: PartTag[] = [];
  const misplaced: string[] = [];
  let uri: string | null = null;
  let [gap, discontinuity] = [false, false];
  let durationS: number | null = null;
  let pdtMs: number | null = null;
  let byterange: SegmentTag["byterange"] = null;
  for (const line of lines) {
    const tag = parts.length > 0 ? MISPLACED_TAGS.exec(line)?.[1] : undefined;
    if (tag !== undefined) misplaced.push(tag);
    if (!line.startsWith("#")) uri = line;
    else if (line.startsWith("#EXTINF:")) durationS = Number.parseFloat(line.slice(8));
    else if (line.startsWith("#EXT-X-PART:")) parts.push(readPartLine(line));
    else if (line === "#EXT-X-GAP") gap = true;
    else if (line === "#EXT-X-DISCONTINUITY") {
      discontinuity = true;
      discontinuitySequence += 1;
    } else if (line.startsWith("#EXT-X-MAP:")) map = parseAttributeList(line.slice(11)).get("URI") ?? null;
    else if (line.startsWith("#EXT-X-KEY:")) key = line.slice(11);
    else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) pdtMs = Date.parse(line.slice(25));
    else if (line.startsWith("#EXT-X-BYTERANGE:")) {
      const [length = "0", offset] = line.slice(17).split("@");
      byterange = { length: Number(length), offset: offset === undefined ? nextOffset : Number(offset) };
      nextOffset = byterange.offset + byterange.length;
    }
  }
  const { msn } = context;
  const isThere = uri !== null || parts.length > 0 || pdtMs !== null;
  return {
    segment: isThere
      ? { msn, uri, discontinuitySequence, map, key, parts, misplaced, gap, discontinuity, durationS, pdtMs, byterange }
      : null,
    after: { msn: msn + 1, discontinuitySequence, map, key, nextOffset },
  };
}

function readPart(line: string): PartTag {
  const list = parseAttributeList(line.slice(12));
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
