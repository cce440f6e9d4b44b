/** What the edge gives with the stream's playlist, and wants to see before it counts a viewer without an account. */

const HEADER = "corral-playback";
/** The edge has so long to answer. */
const ANSWER_MS = 8_000;

let storedProof: string | null = null;

/** Keeps what came with the player's own request, where something did. */
export function storePlaybackProof(text: string | null): void {
  if (text !== null && text !== "") storedProof = text;
}

/** The text that came last, or, where `anew` or none has come, one that is asked for now; null where none is given. */
export async function getPlaybackProof(
  stream: string,
  token: string | null,
  isRefresh: boolean,
): Promise<string | null> {
  if (storedProof !== null && !isRefresh) return storedProof;
  const answer = await fetch(`/live/${stream}/multivariant.m3u8`, {
    method: "HEAD",
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    cache: "no-store",
    signal: AbortSignal.timeout(ANSWER_MS),
  }).catch(() => null);
  storedProof = answer?.headers.get(HEADER) ?? null;
  return storedProof;
}

/** The header of a player's request for the multivariant playlist, by which hls.js gives its details. */
export function readPlaybackProof(details: unknown): string | null {
  return details instanceof XMLHttpRequest ? details.getResponseHeader(HEADER) : null;
}
