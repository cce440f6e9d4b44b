import { expect, test } from "vitest";
import { parseProblemDocument, retryAfterOf } from "./problem-responses.ts";
import { createProblem } from "./problems.ts";

test("a response from elsewhere is a problem only with a type and a status of the registry", () => {
  const text = JSON.stringify({ type: "/problems/too-many-requests", title: "other", detail: "Wait." });
  expect(parseProblemDocument(429, text)).toEqual(createProblem("too-many-requests", "Wait."));
  expect(retryAfterOf(createProblem("too-many-requests"))).toBe(10);
  expect(retryAfterOf(createProblem("not-found"))).toBeNull();
  expect(parseProblemDocument(429, '{"type":"/problems/too-many-requests","detail":7}')).toEqual(
    createProblem("too-many-requests"),
  );
  expect(parseProblemDocument(429, text.replace("Wait.", "x".repeat(5_000)))?.detail).toHaveLength(1_000);
  for (const [status, other] of [
    [503, text],
    [429, "<html>"],
    [429, "null"],
    [429, "7"],
    [429, '{"type":"https://example.com/problems/too-many-requests"}'],
    [429, '{"type":7}'],
  ] as const)
    expect(parseProblemDocument(status, other), other).toBeNull();
});
