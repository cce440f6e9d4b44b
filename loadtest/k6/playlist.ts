/** What a player reads from playlists; pure, for k6 and for tests. */

/** A part as listed. */
export interface ListedPart {
  readonly msn: number;
  readonly part: number;
  readonly durationS: number;
}

/** A media playlist, or a delta update of it. */
export interface MediaPlaylist {
  readonly targetDurationS: number;
  readonly partTargetS: number;
  readonly holdBackS: number;
  /** Number of the first segment, the skipped ones counted. */
  readonly firstMsn: number;
  /** Segments that a delta update left out. */
  readonly skipped: number;
  readonly segments: readonly { readonly msn: number; readonly durationS: number }[];
  /** Parts of the listed segments near the end, and of the one that grows. */
  readonly parts: readonly ListedPart[];
  /** The part that comes next. */
  readonly next: { readonly msn: number; readonly part: number };
  readonly ended: boolean;
  readonly canSkip: boolean;
  /** Rendition reports: address, last segment, last part. */
  readonly reports: readonly { readonly uri: string; readonly msn: number; readonly part: number }[];
}

const attribute = (line: string, name: string): string | undefined =>
  new RegExp(`[:,]${name}=("[^"]*"|[^,]*)`).exec(line)?.[1]?.replace(/^"|"$/g, "");

/** Reads a media playlist. Throws `Error` on what is none. */
export function parseMedia(text: string): MediaPlaylist {
  if (!text.startsWith("#EXTM3U")) throw new Error("not a playlist");
  let targetDurationS = 0;
  let partTargetS = 0;
  let holdBackS = 0;
  let firstMsn = 0;
  let skipped = 0;
  let canSkip = false;
  let ended = false;
  let durationS = 0;
  const segments: { msn: number; durationS: number }[] = [];
  const parts: ListedPart[] = [];
  const reports: { uri: string; msn: number; part: number }[] = [];
  let open: ListedPart[] = [];
  const nextMsn = (): number => firstMsn + skipped + segments.length;
  for (const line of text.split("\n")) {
    if (line.startsWith("#EXT-X-TARGETDURATION:")) targetDurationS = Number(line.slice(22));
    else if (line.startsWith("#EXT-X-PART-INF:")) partTargetS = Number(attribute(line, "PART-TARGET"));
    else if (line.startsWith("#EXT-X-SERVER-CONTROL:")) {
      holdBackS = Number(attribute(line, "PART-HOLD-BACK"));
      canSkip = attribute(line, "CAN-SKIP-UNTIL") !== undefined;
    } else if (line.startsWith("#EXT-X-MEDIA-SEQUENCE:")) firstMsn = Number(line.slice(22));
    else if (line.startsWith("#EXT-X-SKIP:")) skipped = Number(attribute(line, "SKIPPED-SEGMENTS"));
    else if (line.startsWith("#EXT-X-PART:")) {
      open.push({ msn: nextMsn(), part: open.length, durationS: Number(attribute(line, "DURATION")) });
    } else if (line.startsWith("#EXTINF:")) durationS = Number.parseFloat(line.slice(8));
    else if (line.startsWith("#EXT-X-ENDLIST")) ended = true;
    else if (line.startsWith("#EXT-X-RENDITION-REPORT:")) {
      reports.push({
        uri: attribute(line, "URI") ?? "",
        msn: Number(attribute(line, "LAST-MSN")),
        part: Number(attribute(line, "LAST-PART")),
      });
    } else if (line !== "" && !line.startsWith("#")) {
      parts.push(...open);
      open = [];
      segments.push({ msn: nextMsn(), durationS });
    }
  }
  const next = { msn: nextMsn(), part: open.length };
  parts.push(...open);
  return {
    targetDurationS,
    partTargetS,
    holdBackS,
    firstMsn,
    skipped,
    segments,
    parts,
    next,
    ended,
    canSkip,
    reports,
  };
}

/** A variant of a multivariant playlist. */
export interface Variant {
  readonly uri: string;
  readonly bandwidth: number;
}

/** The variants, and the audio renditions' addresses. */
export function parseMultivariant(text: string): { readonly variants: readonly Variant[]; readonly audio: string[] } {
  const lines = text.split("\n");
  const variants: Variant[] = [];
  const audio: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("#EXT-X-STREAM-INF:")) {
      variants.push({ uri: lines[index + 1] ?? "", bandwidth: Number(attribute(line, "BANDWIDTH")) });
    } else if (line.startsWith("#EXT-X-MEDIA:") && attribute(line, "TYPE") === "AUDIO") {
      const uri = attribute(line, "URI");
      if (uri !== undefined) audio.push(uri);
    }
  }
  return { variants, audio };
}
