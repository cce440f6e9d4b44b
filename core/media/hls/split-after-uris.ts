/** Playlists whose URIs carry a query, for players that send no headers. */

/**
 * A playlist split after each of its URIs: URI lines and `URI` attributes. Joined with a query, the pieces are
 * the playlist in which every URI has it. The playlist's own URIs have no query.
 */
export function splitAfterUris(playlist: string): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const { 0: match, index } of playlist.matchAll(/^[^#\n].*$|\bURI="[^"\n]+/gm)) {
    const end = index + match.length;
    pieces.push(playlist.slice(from, end));
    from = end;
  }
  pieces.push(playlist.slice(from));
  return pieces;
}
