/** A second opinion within a deadline: the local verdict first, then whoever else is asked. */
import { type Decision, moderate, type Settings, stricter, type Verdict, type WordList } from "./moderate.ts";

/** What a reviewer may know beside the text. */
export interface ReviewContext {
  readonly stream: string;
  /** The sender, as the room knows them. */
  readonly sender: string;
  readonly local: Verdict;
}

/** What a reviewer says; `text` is what to show where it says `rewrite`. Scores are from 0 to 1, by its own categories. */
export interface Review {
  readonly decision: Decision;
  readonly scores: Readonly<Record<string, number>>;
  readonly text?: string;
}

/** Someone to ask: a model, a service, a person. May reject; must stop when the signal aborts, and is not waited for then. */
export type Reviewer<Signal> = (message: string, context: ReviewContext, signal: Signal) => Promise<Review>;

/** One deadline of the platform: `passed` resolves when it passes, `cancel` ends it early. It never rejects. */
export interface Deadline<Signal> {
  readonly signal: Signal;
  readonly passed: Promise<void>;
  readonly cancel: () => void;
}

/** How a second opinion is asked for. */
export interface ReviewPolicy<Signal> {
  readonly reviewer: Reviewer<Signal>;
  /** Starts a deadline whose signal aborts when it passes. */
  readonly startDeadline: (milliseconds: number) => Deadline<Signal>;
  readonly deadlineMs: number;
  /** What stands in for a reviewer that is late or failed: the local verdict alone, or at least `hold`. */
  readonly fallback: "local" | "hold";
}

/** A verdict, and who made it: `late` and `failed` say that the fallback stood in. */
export interface Reviewed extends Verdict {
  readonly by: "local" | "reviewer" | "late" | "failed";
  readonly review: Review | null;
}

/**
 * The local verdict, made stricter by the reviewer's, never milder. What the local pipeline denies is not sent out.
 * Settles by the deadline whatever the reviewer does, and never rejects.
 */
export async function moderateWithReview<Signal>(
  message: string,
  about: Omit<ReviewContext, "local">,
  settings: Settings,
  words: WordList,
  policy: ReviewPolicy<Signal>,
): Promise<Reviewed> {
  const local = moderate(message, settings, words);
  if (local.decision === "deny") return { ...local, by: "local", review: null };
  const deadline = policy.startDeadline(policy.deadlineMs);
  const asked = ask(policy.reviewer, message, { ...about, local }, deadline.signal);
  const answer = await Promise.race([asked, deadline.passed.then(() => "late" as const)]);
  deadline.cancel();
  if (answer !== "late" && answer !== "failed") return combined(local, answer);
  const decision = policy.fallback === "hold" ? stricter(local.decision, "hold") : local.decision;
  return { ...local, decision, by: answer, review: null };
}

/** Its answer; "failed" where it throws, at once or later. */
async function ask<Signal>(
  reviewer: Reviewer<Signal>,
  message: string,
  context: ReviewContext,
  signal: Signal,
): Promise<Review | "failed"> {
  try {
    return await reviewer(message, context, signal);
  } catch {
    return "failed";
  }
}

function combined(local: Verdict, review: Review): Reviewed {
  const decision = stricter(local.decision, review.decision);
  const rewritten = decision === "rewrite" && review.decision === "rewrite" && review.text !== undefined;
  // Without its own text, a reviewer's wish to rewrite names nothing that could be hidden.
  const unknown = decision === "rewrite" && local.decision !== "rewrite" && !rewritten;
  return {
    ...local,
    decision: unknown ? "hold" : decision,
    text: rewritten ? (review.text ?? local.text) : local.text,
    by: "reviewer",
    review,
  };
}
