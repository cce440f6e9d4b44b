/** The documentation of problem types. */
import { renderMarkdownTable } from "./markdown-table.ts";
import { PROBLEM_NAMES } from "./problem-names.ts";
import { PROBLEM_TYPES } from "./problems.ts";

/** `docs/problems.md`. */
export function renderProblemDocs(): string {
  const rows = PROBLEM_NAMES.map((name) => {
    const { statuses, title, meaning } = PROBLEM_TYPES[name];
    return [`<a id="${name}"></a>\`${name}\``, statuses.join(", "), title, meaning];
  });
  return [
    "# Problem types",
    "",
    "The edge answers every failure with `application/problem+json` (RFC 9457). The `type` is `/problems/` and a name of this",
    "table, and the edge serves a page at that address. `core/api/problems.ts` is the source of this file.",
    "",
    ...renderMarkdownTable(["type", "status", "title", "meaning"], rows),
    "",
  ].join("\n");
}
