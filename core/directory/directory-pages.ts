/** The directory's objects as one, in pages. */
import type { DirectoryListing, ListedStream } from "./directory-card.ts";
import { byLatest, byTime, byViewers } from "./directory-index.ts";

/** Where a page begins: after a card with so many viewers and this name. */
export interface PageCursor {
  readonly viewers: number;
  readonly stream: string;
}

/** The listings of all objects as one. */
export function mergeListings(listings: readonly DirectoryListing[]): DirectoryListing {
  return {
    live: listings.flatMap(({ live }) => live).sort(byViewers),
    upcoming: listings.flatMap(({ upcoming }) => upcoming).sort(byTime),
    replays: listings.flatMap(({ replays }) => replays).sort(byLatest),
  };
}

/** Reads a cursor like `120.show`; null if it is none. */
export function parsePageCursor(text: string): PageCursor | null {
  const [, viewers = "", stream = ""] = /^(\d{1,9})\.([a-z0-9][a-z0-9_-]{0,63})$/.exec(text) ?? [];
  return viewers === "" ? null : { viewers: Number(viewers), stream };
}

/** A page of live streams after `cursor`, and the cursor of the next one. A stream that passes the cursor may be seen twice, or not. */
export function pageOfLive(
  live: readonly ListedStream[],
  cursor: PageCursor | null,
  size: number,
): { readonly cards: readonly ListedStream[]; readonly next: string | null } {
  const isAfter = ({ viewers, stream }: ListedStream): boolean =>
    cursor === null || viewers < cursor.viewers || (viewers === cursor.viewers && stream > cursor.stream);
  const first = live.findIndex(isAfter);
  const cards = first < 0 ? [] : live.slice(first, first + size);
  const last = cards.at(-1);
  const isLast = last === undefined || live.at(-1) === last;
  return { cards, next: isLast ? null : `${last.viewers}.${last.stream}` };
}
