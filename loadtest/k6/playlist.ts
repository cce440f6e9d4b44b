/** Playlist parsing of a player; pure, for k6 and for tests. */

/** A listed part. */
export interface K6Part {
  readonly msn: number;
  readonly part: number;
  readonly durationS: number;
}

/** A media playlist, or a delta update of it. */
export interface K6MediaPlaylist {
  readonly targetDurationS: number;
  readonly partTargetS: number;
  readonly holdBackS: number;
  /** Number of the first segment, including skipped ones. */
  readonly firstMsn: number;
  /** Segments that a delta update skipped. */
  readonly skippedSegments: number;
  readonly segments: readonly { readonly msn: number; readonly durationS: number }[];
  /** Parts of the segments near the end, and of the open one. */
  readonly parts: readonly K6Part[];
  /** The next part. */
  readonly nextPart: { readonly msn: number; readonly part: number };
  readonly ended: boolean;
  readonly canSkip: boolean;
  /** Rendition reports: address, last segment, last part. */
  readonly renditionReports: readonly { readonly uri: string; readonly msn: number; readonly part: number }[];
}

/** An attribute's value without quotes. Hand-written: a regular expression takes k6's engine longer than a request. */
function attributeOf(line: string, name: string): string | undefined {
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

/** Parses a media playlist. Throws `Error` on other input. */
export function parseMediaPlaylist(text: string): K6MediaPlaylist {
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
  const parts: K6Part[] = [];
  const reports: { uri: string; msn: number; part: number }[] = [];
  let open: K6Part[] = [];
  const nextMsn = (): number => firstMsn + skipped + segments.length;
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    switch (colon < 0 ? line : line.slice(0, colon)) {
      case "#EXT-X-TARGETDURATION":
        targetDurationS = Number(line.slice(colon + 1));
        break;
      case "#EXT-X-PART-INF":
        partTargetS = Number(attributeOf(line, "PART-TARGET"));
        break;
      case "#EXT-X-SERVER-CONTROL":
        holdBackS = Number(attributeOf(line, "PART-HOLD-BACK"));
        canSkip = attributeOf(line, "CAN-SKIP-UNTIL") !== undefined;
        break;
      case "#EXT-X-MEDIA-SEQUENCE":
        firstMsn = Number(line.slice(colon + 1));
        break;
      case "#EXT-X-SKIP":
        skipped = Number(attributeOf(line, "SKIPPED-SEGMENTS"));
        break;
      case "#EXT-X-PART":
        open.push({ msn: nextMsn(), part: open.length, durationS: Number(attributeOf(line, "DURATION")) });
        break;
      case "#EXTINF":
        durationS = Number.parseFloat(line.slice(colon + 1));
        break;
      case "#EXT-X-ENDLIST":
        ended = true;
        break;
      case "#EXT-X-RENDITION-REPORT":
        reports.push({
          uri: attributeOf(line, "URI") ?? "",
          msn: Number(attributeOf(line, "LAST-MSN")),
          part: Number(attributeOf(line, "LAST-PART")),
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
    skippedSegments: skipped,
    segments,
    parts,
    nextPart: next,
    ended,
    canSkip,
    renditionReports: reports,
  };
}

/** A variant of a multivariant playlist. */
export interface K6Variant {
  readonly uri: string;
  readonly bandwidth: number;
}

/** The variants, and the audio renditions' addresses. */
export function parseMultivariantPlaylist(text: string): {
  readonly variants: readonly K6Variant[];
  readonly audio: string[];
} {
  const lines = text.split("\n");
  const variants: K6Variant[] = [];
  const audio: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("#EXT-X-STREAM-INF:")) {
      variants.push({ uri: lines[index + 1] ?? "", bandwidth: Number(attributeOf(line, "BANDWIDTH")) });
    } else if (line.startsWith("#EXT-X-MEDIA:") && attributeOf(line, "TYPE") === "AUDIO") {
      const uri = attributeOf(line, "URI");
      if (uri !== undefined) audio.push(uri);
    }
  }
  return { variants, audio };
}
