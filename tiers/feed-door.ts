/** The answer to an asker whom a node doesn't feed. */
import type { TreeReport } from "../protocol/status.ts";
import type { Door, Fed } from "../protocol/tree/door.ts";
import { FEED_LIMITS } from "../protocol/tree/limits.ts";
import type { Verdict } from "../protocol/tree/policy.ts";
import { type FeedQuery, sendOn } from "./feed-client.ts";
import type { Feeds } from "./feeds.ts";

const NOBODY: Fed = { isolates: 0, shields: 0, has: () => false };

/** Where an asker goes instead, or that it comes back later. */
export type Away = Exclude<Verdict, "serve">;

/** Whether and where an asker is turned away; null for who is to be fed here. */
export function turnAway(door: Door, feeds: Feeds | null, { node, asker }: FeedQuery): Away | null {
  const renews = feeds?.has(node) ?? false;
  const fed = feeds?.fed(node) ?? NOBODY;
  const verdict = door.ask(node, { ...asker, renews }, fed, Date.now());
  if (verdict !== "serve") return verdict;
  return fed.isolates + fed.shields >= FEED_LIMITS.subscribers ? "full" : null;
}

/** The HTTP status of the answer that `sendAway` gives. */
export const awayStatus = (away: Away): 307 | 503 => (away === "full" ? 503 : 307);

/** The answer. `report` gives what an asker that is sent on is to carry with it, or null. */
export function sendAway(away: Away, report: () => TreeReport | null): Response {
  if (away !== "full") return sendOn(away, report());
  return new Response(null, { status: awayStatus(away), headers: { "retry-after": "2" } });
}
