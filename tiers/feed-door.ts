/** The answer to an asker whom a node doesn't feed. */
import type { TreeReport } from "../protocol/status.ts";
import type { Door, Fed } from "../protocol/tree/door.ts";
import { FEED_LIMITS } from "../protocol/tree/limits.ts";
import { type FeedQuery, sendOn } from "./feed-client.ts";
import type { Feeds } from "./feeds.ts";

const NOBODY: Fed = { isolates: 0, shields: 0, has: () => false };

/**
 * Where to go instead, or 503 where the node is full; null for who is to be fed here. `report` gives what the asker is to
 * carry on, or null.
 */
export function turnAway(
  door: Door,
  feeds: Feeds | null,
  { node, asker }: FeedQuery,
  report: () => TreeReport | null,
): Response | null {
  const renews = feeds?.has(node) ?? false;
  const fed = feeds?.fed(node) ?? NOBODY;
  const verdict = door.ask(node, { ...asker, renews }, fed, Date.now());
  if (verdict === "up" || verdict === "down") return sendOn(verdict, report());
  const full = verdict === "full" || fed.isolates + fed.shields >= FEED_LIMITS.subscribers;
  return full ? new Response(null, { status: 503, headers: { "retry-after": "2" } }) : null;
}
