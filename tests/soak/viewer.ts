/** A viewer who follows a rendition by blocking reloads and fetches each part. */

/** A viewer's counters. */
export interface ViewerCounts {
  parts: number;
  bytes: number;
  /** Responses that were neither media nor a wait, and the first of them. */
  errors: number;
  firstError: string | null;
  /** Missing parts, except those that left the playlist before the viewer requested them. */
  holes: number;
}

interface ListedPart extends Position {
  readonly name: string;
  readonly isGap: boolean;
}

interface Position {
  readonly msn: number;
  readonly part: number;
}

/** Follows `base` + `uri` until `signal` aborts or the playlist ends. */
export async function followRendition(base: string, uri: string, signal: AbortSignal): Promise<ViewerCounts> {
  const counts: ViewerCounts = { parts: 0, bytes: 0, errors: 0, firstError: null, holes: 0 };
  const fail = (what: string): void => {
    counts.errors += 1;
    counts.firstError ??= what;
  };
  const playlist = new URL(uri, base);
  let last: Position | null = null;
  while (!signal.aborted) {
    const url = new URL(playlist);
    if (last !== null) {
      url.searchParams.set("_HLS_msn", `${last.msn}`);
      url.searchParams.set("_HLS_part", `${last.part + 1}`);
    }
    const answer = await fetch(url, { signal }).catch(() => null);
    if (answer === null) break;
    const text = await answer.text().catch(() => "");
    if (answer.status !== 200) {
      // A viewer outside the window restarts at the live edge.
      if (answer.status !== 400 && answer.status !== 404)
        fail(`${answer.status} for ${url.href}: ${text.slice(0, 200)}`);
      last = null;
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    const listed: readonly ListedPart[] = [...text.matchAll(/#EXT-X-PART:[^\n]*URI="((\d+)\.(\d+)\.m4s)"[^\n]*/g)].map(
      ([line, name = "", msn, part]) => ({
        name,
        msn: Number(msn),
        part: Number(part),
        isGap: line.includes("GAP=YES"),
      }),
    );
    const from: Position | null = last;
    const fresh: readonly ListedPart[] = listed.filter(
      ({ msn, part }) => from === null || msn > from.msn || (msn === from.msn && part > from.part),
    );
    for (const { name, msn, part, isGap } of fresh) {
      if (last !== null && msn === last.msn && part !== last.part + 1) counts.holes += 1;
      if (last !== null && msn === last.msn + 1 && part !== 0) counts.holes += 1;
      last = { msn, part };
      if (isGap) continue;
      const media = await fetch(new URL(name, playlist), { signal }).catch(() => null);
      if (media === null) break;
      const bytes = (await media.arrayBuffer().catch(() => new ArrayBuffer(0))).byteLength;
      if (media.status !== 200 || bytes === 0) fail(`${media.status}, ${bytes} bytes for ${media.url}`);
      else {
        counts.parts += 1;
        counts.bytes += bytes;
      }
    }
    if (text.includes("#EXT-X-ENDLIST")) break;
  }
  return counts;
}
