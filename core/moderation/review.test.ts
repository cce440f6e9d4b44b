import fc from "fast-check";
import { expect, test } from "vitest";
import { moderateText, uniformLevels } from "./moderate.ts";
import {
  type MessageReviewer,
  mergeVerdicts,
  parseReviewResponse,
  type ReviewResponse,
  type ReviewVerdict,
  requestReview,
} from "./review.ts";

const local = (text: string) => moderateText(text, uniformLevels(3));

/** Requests a review whose deadline the test ends. */
function asking(reviewer: MessageReviewer<AbortSignal>, fallback: "allow" | "hold" = "allow") {
  const abort = new AbortController();
  const deadline = Promise.withResolvers<void>();
  let cancelled = false;
  const about = { stream: "demo", sender: "alice", local: local("hello") };
  const opinion: Promise<ReviewVerdict> = requestReview("hello", about, {
    reviewer,
    deadlineMs: 500,
    fallback,
    startDeadline: () => ({
      signal: abort.signal,
      passed: deadline.promise,
      cancel: () => {
        cancelled = true;
      },
    }),
  });
  const pass = (): void => {
    abort.abort();
    deadline.resolve();
  };
  return { opinion, pass, wasCancelled: () => cancelled };
}

const from = (review: ReviewResponse): ReviewVerdict => ({ ...review, by: "reviewer" });

test("a reviewer's answer becomes its opinion and cancels the timeout", async () => {
  const { opinion, wasCancelled } = asking(() => Promise.resolve({ decision: "deny" }));
  expect(await opinion).toEqual({ decision: "deny", by: "reviewer" });
  expect(wasCancelled()).toBe(true);
});

test("an opinion makes the verdict stricter, never milder", () => {
  expect(mergeVerdicts(local("hello"), from({ decision: "deny" })).decision).toBe("deny");
  expect(mergeVerdicts(local("fuck"), from({ decision: "allow" })).decision).toBe("hold");
  expect(mergeVerdicts(local("nigger"), from({ decision: "hold" })).decision).toBe("deny");
});

test("a reviewer's replacement text is shown, and a request to rewrite without one is held", () => {
  expect(mergeVerdicts(local("hello"), from({ decision: "rewrite", text: "hi" }))).toEqual({
    decision: "rewrite",
    text: "hi",
  });
  expect(mergeVerdicts(local("hello"), from({ decision: "rewrite" })).decision).toBe("hold");
  expect(mergeVerdicts(local("fuck"), from({ decision: "rewrite", text: "hi" })).decision).toBe("hold");
});

test("a late reviewer is aborted by its signal and replaced by the configured fallback", async () => {
  for (const fallback of ["allow", "hold"] as const) {
    let aborted = false;
    const never: MessageReviewer<AbortSignal> = (_message, _context, signal) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise(() => {});
    };
    const { opinion, pass } = asking(never, fallback);
    pass();
    expect(await opinion).toEqual({ decision: fallback, by: "late" });
    expect(aborted).toBe(true);
  }
});

test("a reviewer that throws or rejects is replaced by the fallback", async () => {
  const rejects: MessageReviewer<AbortSignal> = () => Promise.reject(new Error("down"));
  const throws: MessageReviewer<AbortSignal> = () => {
    throw new Error("broken");
  };
  for (const reviewer of [rejects, throws]) {
    expect(await asking(reviewer, "hold").opinion).toEqual({ decision: "hold", by: "failed" });
  }
});

test("an answer is parsed within limits, its text normalised, and other input throws", () => {
  expect(parseReviewResponse('{"decision":"hold","more":1}', 9)).toEqual({ decision: "hold" });
  expect(parseReviewResponse('{"decision":"rewrite","text":" h\u200bi "}', 9)).toEqual({
    decision: "rewrite",
    text: "hi",
  });
  expect(parseReviewResponse('{"decision":"deny","text":7}', 9)).toEqual({ decision: "deny" });
  for (const wrong of [
    "",
    "null",
    "[]",
    '{"decision":"maybe"}',
    '{"decision":"rewrite","text":""}',
    '{"decision":"rewrite","text":"more than nine"}',
    '{"decision":"rewrite","text":"\\ud800"}',
  ]) {
    expect(() => parseReviewResponse(wrong, 9), wrong).toThrow(TypeError);
  }
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(() => parseReviewResponse(text, 9)).toThrow(TypeError);
    }),
  );
});
