/** A reviewer's opinion within a deadline. It can make a verdict stricter, never milder. */
import { parseJsonObject, readText } from "../kit/json-fields.ts";
import { MODERATION_DECISIONS, type ModerationDecision, type ModerationVerdict, stricterDecision } from "./moderate.ts";
import { cleanText } from "./text-forms.ts";

/** What a reviewer receives with the text. */
export interface ReviewContext {
  readonly stream: string;
  /** Distinguishes senders within a stream, and reveals nothing else about them. */
  readonly sender: string;
  readonly local: ModerationVerdict;
}

/** A reviewer's answer; `text` replaces the message if the decision is `rewrite`. */
export interface ReviewResponse {
  readonly decision: ModerationDecision;
  readonly text?: string;
}

/** A review, or its fallback with the reason: the reviewer was late, failed, or had too many reviews in flight. */
export interface ReviewVerdict extends ReviewResponse {
  readonly by: "reviewer" | "late" | "failed" | "busy";
}

/** A reviewer: a model, a service, a person. May reject; should stop when the signal aborts, and is not awaited then. */
export type MessageReviewer<Signal> = (
  message: string,
  context: ReviewContext,
  signal: Signal,
) => Promise<ReviewResponse>;

/** One deadline of the platform: `passed` resolves at the deadline, `cancel` ends it early. It never rejects. */
export interface ReviewDeadline<Signal> {
  readonly signal: Signal;
  readonly passed: Promise<void>;
  readonly cancel: () => void;
}

/** How a review is requested. */
export interface ReviewPolicy<Signal> {
  readonly reviewer: MessageReviewer<Signal>;
  /** Starts a deadline whose signal aborts when it passes. */
  readonly startDeadline: (milliseconds: number) => ReviewDeadline<Signal>;
  readonly deadlineMs: number;
  /** The result without a review: `allow` keeps the local verdict. */
  readonly fallback: "allow" | "hold";
}

/** The reviewer's opinion, or the fallback by the deadline, whatever the reviewer does. Never rejects. */
export async function requestReview<Signal>(
  message: string,
  context: ReviewContext,
  policy: ReviewPolicy<Signal>,
): Promise<ReviewVerdict> {
  const deadline = policy.startDeadline(policy.deadlineMs);
  const asked = callReviewer(policy.reviewer, message, context, deadline.signal);
  const answer = await Promise.race([asked, deadline.passed.then(() => "late" as const)]);
  deadline.cancel();
  return answer === "late" || answer === "failed"
    ? { decision: policy.fallback, by: answer }
    : { ...answer, by: "reviewer" };
}

/** The reviewer's answer; "failed" if it throws, synchronously or later. */
async function callReviewer<Signal>(
  reviewer: MessageReviewer<Signal>,
  message: string,
  context: ReviewContext,
  signal: Signal,
): Promise<ReviewResponse | "failed"> {
  try {
    return await reviewer(message, context, signal);
  } catch {
    return "failed";
  }
}

/** Merges the local verdict and an opinion on the same text: the decision, and the text to show. */
export function mergeVerdicts(
  local: ModerationVerdict,
  opinion: ReviewVerdict,
): { readonly decision: ModerationDecision; readonly text: string } {
  const decision = stricterDecision(local.decision, opinion.decision);
  if (decision !== "rewrite") return { decision, text: local.text };
  // A `rewrite` without a text has nothing to show.
  return opinion.text === undefined ? { decision: "hold", text: local.text } : { decision, text: opinion.text };
}

/** Parses a reviewer's JSON, `{ "decision": …, "text"?: … }`. Throws `TypeError` on anything else. */
export function parseReviewResponse(json: string, mostUnits: number): ReviewResponse {
  const fields = parseJsonObject(json);
  const decision = MODERATION_DECISIONS.find((each) => each === fields?.["decision"]);
  if (decision === undefined) throw new TypeError(`A review decides one of ${MODERATION_DECISIONS.join(", ")}.`);
  if (decision !== "rewrite" || fields?.["text"] === undefined) return { decision };
  const text = readText(fields["text"], mostUnits);
  if (text === null) throw new TypeError(`A rewritten text has 1 to ${mostUnits} characters.`);
  return { decision, text: cleanText(text).text };
}
