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

/** An attribute's value without its quotes. By hand: k6's engine takes longer for an expression than for a request. */
function attribute(line: string, name: string): string | undefined {
  for (let at = line.indexOf(`${name}=`); at >= 0; at = line.indexOf(`${name}=`, at + 1)) {
    const before = line[at - 1];
    if (before !== ":" && before !== ",") continue;
    const from = at + name.length + 1;
    const quoted = line[from] === '"';
    const to = line.indexOf(quoted ? '"' : ",", from + 1);
    return line.slice(quoted ? from + 1 : from, to < 0 ? undefined : to);
  }
  return undefined;
}

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
    const colon = line.indexOf(":");
    switch (colon < 0 ? line : line.slice(0, colon)) {
      case "#EXT-X-TARGETDURATION":
        targetDurationS = Number(line.slice(colon + 1));
        break;
      case "#EXT-X-PART-INF":
        partTargetS = Number(attribute(line, "PART-TARGET"));
        break;
      case "#EXT-X-SERVER-CONTROL":
        holdBackS = Number(attribute(line, "PART-HOLD-BACK"));
        canSkip = attribute(line, "CAN-SKIP-UNTIL") !== undefined;
        break;
      case "#EXT-X-MEDIA-SEQUENCE":
        firstMsn = Number(line.slice(colon + 1));
        break;
      case "#EXT-X-SKIP":
        skipped = Number(attribute(line, "SKIPPED-SEGMENTS"));
        break;
      case "#EXT-X-PART":
        open.push({ msn: nextMsn(), part: open.length, durationS: Number(attribute(line, "DURATION")) });
        break;
      case "#EXTINF":
        durationS = Number.parseFloat(line.slice(colon + 1));
        break;
      case "#EXT-X-ENDLIST":
        ended = true;
        break;
      case "#EXT-X-RENDITION-REPORT":
        reports.push({
          uri: attribute(line, "URI") ?? "",
          msn: Number(attribute(line, "LAST-MSN")),
          part: Number(attribute(line, "LAST-PART")),
        });
        break;
      default:
        if (line === "" || line[0] === "#") break;
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
