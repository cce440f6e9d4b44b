/** Playlists whose addresses carry a query, for players that take nothing else along from one request to the next. */

/**
 * A playlist cut behind each of its addresses: lines that are one, and `URI` attributes. Joined with a query, the pieces
 * are the playlist in which every address has it. The playlist's own addresses have no query.
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
