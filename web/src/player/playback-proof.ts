/** The proof of playback: issued with the stream's playlist, required before a viewer without an account is counted. */

/** Header of the multivariant playlist and of flow. */
export const PLAYBACK_PROOF_HEADER = "corral-playback";
/** Timeout of the request. */
const ANSWER_MS = 8_000;

let storedProof: string | null = null;

/** Stores the proof from the player's own request, if there is one. */
export function storePlaybackProof(text: string | null): void {
  if (text !== null && text !== "") storedProof = text;
}

/** The latest proof; with `isRefresh`, or without one, it is requested now. Null where the edge issues none. */
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
  storedProof = answer?.headers.get(PLAYBACK_PROOF_HEADER) ?? null;
  return storedProof;
}

/** The header of a player's request for the multivariant playlist, by which hls.js gives its details. */
export function readPlaybackProof(details: unknown): string | null {
  return details instanceof XMLHttpRequest ? details.getResponseHeader(PLAYBACK_PROOF_HEADER) : null;
}
