import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { renderProblemDocs } from "./problem-docs.ts";
import { PROBLEM_NAMES } from "./problem-names.ts";
import { createProblem, PROBLEM_TYPES, parseProblemTypeUri, problemTypeUri } from "./problems.ts";

test("every problem type has an error status, a title of its own and a meaning in whole sentences", () => {
  const titles = PROBLEM_NAMES.map((name) => PROBLEM_TYPES[name].title);
  expect(new Set(titles).size).toBe(titles.length);
  for (const name of PROBLEM_NAMES) {
    const { statuses, title, meaning, retryAfterS } = PROBLEM_TYPES[name];
    for (const status of statuses) expect(status, name).toSatisfy((value: number) => value >= 400 && value < 600);
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(title, name).toMatch(/^[A-Z].*[^.]$/);
    expect(meaning, name).toMatch(/^[A-Z].*\.$/);
    // RFC 9110 §15.6.4: a 503 may have Retry-After; here each does.
    expect(retryAfterS !== undefined, name).toBe([408, 429, 503].includes(statuses[0]));
  }
});

test("a type's URI parses to its name, and other text does not parse", () => {
  for (const name of PROBLEM_NAMES) expect(parseProblemTypeUri(problemTypeUri(name))).toBe(name);
  for (const uri of ["", "timeout", "/problems/", "/problems/nope", "/problems/toString"]) {
    expect(parseProblemTypeUri(uri), uri).toBeNull();
  }
});

test("an occurrence has the type's status and title, and its own detail", () => {
  expect(createProblem("not-found", "No such stream.")).toEqual({
    type: "/problems/not-found",
    title: "Not found",
    detail: "No such stream.",
    status: 404,
  });
  expect(createProblem("stopped", undefined, 451).status).toBe(451);
  expect(() => createProblem("not-found", undefined, 500)).toThrow(RangeError);
});

test("docs/problems.md is what the registry renders", () => {
  const docs = readFileSync(new URL("../../docs/problems.md", import.meta.url), "utf8");
  expect(docs, "run `npm run docs`").toBe(renderProblemDocs());
});
