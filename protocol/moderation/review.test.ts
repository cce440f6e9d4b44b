import { expect, test } from "vitest";
import { DEFAULT_SETTINGS, NO_WORDS } from "./moderate.ts";
import { moderateWithReview, type Review, type Reviewed, type Reviewer } from "./review.ts";

const ABOUT = { stream: "demo", sender: "alice" };

/** Asks with a deadline that passes when the test says so. */
function asking(reviewer: Reviewer<AbortSignal>, fallback: "local" | "hold" = "local", message = "hello") {
  const abort = new AbortController();
  const deadline = Promise.withResolvers<void>();
  let cancelled = false;
  const verdict: Promise<Reviewed> = moderateWithReview(message, ABOUT, DEFAULT_SETTINGS, NO_WORDS, {
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
  return { verdict, pass, wasCancelled: () => cancelled };
}

const says =
  (review: Review): Reviewer<AbortSignal> =>
  () =>
    Promise.resolve(review);

test("a reviewer makes the verdict stricter, never milder", async () => {
  const stricter = asking(says({ decision: "deny", scores: { toxicity: 0.9 } }));
  expect(await stricter.verdict).toMatchObject({
    decision: "deny",
    by: "reviewer",
    review: { scores: { toxicity: 0.9 } },
  });
  expect(stricter.wasCancelled()).toBe(true);
  const milder = asking(says({ decision: "allow", scores: {} }), "local", "fuck");
  expect(await milder.verdict).toMatchObject({ decision: "hold", by: "reviewer" });
});

test("a reviewer's own wording is shown, and a wish to rewrite without one is held", async () => {
  const worded = asking(says({ decision: "rewrite", scores: {}, text: "hi" }));
  expect(await worded.verdict).toMatchObject({ decision: "rewrite", text: "hi" });
  expect(await asking(says({ decision: "rewrite", scores: {} })).verdict).toMatchObject({ decision: "hold" });
});

test("a late reviewer is left, told by its signal, and the stated fallback stands in", async () => {
  for (const [fallback, decision] of [
    ["local", "allow"],
    ["hold", "hold"],
  ] as const) {
    let aborted = false;
    const never: Reviewer<AbortSignal> = (_message, _context, signal) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise(() => {});
    };
    const { verdict, pass } = asking(never, fallback);
    pass();
    expect(await verdict).toMatchObject({ decision, by: "late", review: null });
    expect(aborted).toBe(true);
  }
});

test("a reviewer that throws or rejects is replaced by the fallback", async () => {
  const rejects: Reviewer<AbortSignal> = () => Promise.reject(new Error("down"));
  const throws: Reviewer<AbortSignal> = () => {
    throw new Error("broken");
  };
  for (const reviewer of [rejects, throws]) {
    expect(await asking(reviewer, "hold").verdict).toMatchObject({ decision: "hold", by: "failed" });
  }
});

test("what is denied here is not sent to a reviewer", async () => {
  const asked: string[] = [];
  const { verdict } = asking(
    (message) => {
      asked.push(message);
      return Promise.resolve({ decision: "allow", scores: {} });
    },
    "local",
    "nigger",
  );
  expect(await verdict).toMatchObject({ decision: "deny", by: "local" });
  expect(asked).toEqual([]);
});
