/** The response to a requester that a node does not feed. */
import { createFeedRedirect, type FeedQuery } from "./feed-client.ts";
import type { FeedFanout } from "./feed-fanout.ts";
import { FEED_LIMITS } from "./node-limits.ts";
import type { FeedAdmission, SubscriberSummary } from "./tree/feed-admission.ts";
import type { AdmissionDecision } from "./tree/feed-policy.ts";

const NO_SUBSCRIBERS: SubscriberSummary = { isolates: 0, shields: 0, has: () => false };

/** The direction of the node to ask next, or that none is free. */
export type FeedRedirect = Exclude<AdmissionDecision, "serve">;

/** Whether and where a requester is redirected; null if it is served here. */
export function redirectSubscriber(
  admission: FeedAdmission,
  feeds: FeedFanout | null,
  { nodeId, requester }: FeedQuery,
  monotonicMs: number,
): FeedRedirect | null {
  const isRenewal = feeds?.isSubscribed(nodeId) ?? false;
  const subscribers = feeds?.summarizeSubscribers(nodeId) ?? NO_SUBSCRIBERS;
  const decision = admission.admit(nodeId, { ...requester, isRenewal }, subscribers, monotonicMs);
  if (decision !== "serve") return decision;
  return subscribers.isolates + subscribers.shields >= FEED_LIMITS.subscribers ? "full" : null;
}

/** The response. */
export function redirectResponse(redirect: FeedRedirect): Response {
  if (redirect !== "full") return createFeedRedirect(redirect);
  return new Response(null, { status: 503, headers: { "retry-after": "2" } });
}
