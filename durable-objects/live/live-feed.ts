/** The answer of a Live object to a node that subscribes to its stream. */
import type { FeedQuery } from "../../core/delivery/feed-client.ts";
import { type FeedFanout, feedResponse } from "../../core/delivery/feed-fanout.ts";
import { redirectResponse, redirectSubscriber } from "../../core/delivery/feed-redirect.ts";
import type { NodeCounters } from "../../core/delivery/node-counters.ts";
import type { FeedAdmission } from "../../core/delivery/tree/feed-admission.ts";

/** The feed, or a redirect to another node; 404 without a fanout, before the first broadcast. `nowMs` is monotonic. */
export function openLiveFeed(
  query: FeedQuery,
  fanout: FeedFanout | null,
  admission: FeedAdmission,
  counters: NodeCounters,
  nowMs: number,
): Response {
  if (fanout === null) return new Response(null, { status: 404 });
  const redirect = redirectSubscriber(admission, fanout, query, nowMs);
  if (redirect !== null) return redirectResponse(redirect);
  counters.addChildReport(query.report, nowMs);
  return feedResponse(fanout, query);
}
