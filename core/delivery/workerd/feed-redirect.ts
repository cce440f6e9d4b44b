/** The answer to an asker whom a node doesn't feed. */
import type { NodeReport } from "../../broadcast/stream-status.ts";
import { FEED_LIMITS } from "../node-limits.ts";
import type { FeedAdmission, SubscriberSummary } from "../tree/feed-admission.ts";
import type { AdmissionDecision } from "../tree/feed-policy.ts";
import { createFeedRedirect, type FeedQuery } from "./feed-client.ts";
import type { FeedFanout } from "./feed-fanout.ts";

const NO_SUBSCRIBERS: SubscriberSummary = { isolates: 0, shields: 0, has: () => false };

/** Where an asker goes instead, or that it comes back later. */
export type FeedRedirect = Exclude<AdmissionDecision, "serve">;

/** Whether and where an asker is turned away; null for who is to be fed here. */
export function redirectSubscriber(
  admission: FeedAdmission,
  feeds: FeedFanout | null,
  { nodeId, requester }: FeedQuery,
): FeedRedirect | null {
  const renews = feeds?.isSubscribed(nodeId) ?? false;
  const fed = feeds?.summarizeSubscribers(nodeId) ?? NO_SUBSCRIBERS;
  const verdict = admission.admit(nodeId, { ...requester, isRenewal: renews }, fed, Date.now());
  if (verdict !== "serve") return verdict;
  return fed.isolates + fed.shields >= FEED_LIMITS.subscribers ? "full" : null;
}

/** The HTTP status of the answer that `sendAway` gives. */
export const redirectStatus = (redirect: FeedRedirect): 307 | 503 => (redirect === "full" ? 503 : 307);

/** The answer. `report` gives what an asker that is sent on is to carry with it, or null. */
export function redirectResponse(redirect: FeedRedirect, report: () => NodeReport | null): Response {
  if (redirect !== "full") return createFeedRedirect(redirect, report());
  return new Response(null, { status: redirectStatus(redirect), headers: { "retry-after": "2" } });
}
