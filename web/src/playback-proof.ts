/** What the edge gives with the stream's playlist, and wants to see before it counts a viewer without an account. */

const HEADER = "corral-playback";
/** The edge has so long to answer. */
const ANSWER_MS = 8_000;

let known: string | null = null;

/** Keeps what came with the player's own request, where something did. */
export function keepPlaybackProof(text: string | null): void {
  if (text !== null && text !== "") known = text;
}

/** The text that came last, or, where `anew` or none has come, one that is asked for now; null where none is given. */
export async function playbackProof(stream: string, token: string | null, anew: boolean): Promise<string | null> {
  if (known !== null && !anew) return known;
  const answer = await fetch(`/live/${stream}/multivariant.m3u8`, {
    method: "HEAD",
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    cache: "no-store",
    signal: AbortSignal.timeout(ANSWER_MS),
  }).catch(() => null);
  known = answer?.headers.get(HEADER) ?? null;
  return known;
}

/** The header of a player's request for the multivariant playlist, by which hls.js gives its details. */
export function proofIn(details: unknown): string | null {
  return details instanceof XMLHttpRequest ? details.getResponseHeader(HEADER) : null;
}
