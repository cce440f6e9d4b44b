/** Problems in responses: what a client reads of one, and when it may try again. */
import { createProblem, PROBLEM_TYPES, type ProblemDocument, parseProblemTypeUri } from "./problems.ts";

/** Seconds for `Retry-After`; null if the unchanged request cannot succeed later. */
export function retryAfterOf({ type }: ProblemDocument): number | null {
  const name = parseProblemTypeUri(type);
  return (name === null ? undefined : PROBLEM_TYPES[name].retryAfterS) ?? null;
}

/** Characters of a `detail` that is read: a sentence or two. */
const MAX_DETAIL_CHARS = 1_000;

/** The problem of a response from elsewhere; null if it is none of the registry, or has not its status. */
export function parseProblemDocument(status: number, text: string): ProblemDocument | null {
  let fields: { readonly type?: unknown; readonly detail?: unknown } | null;
  try {
    fields = JSON.parse(text) as typeof fields;
  } catch {
    return null;
  }
  const name = typeof fields?.type === "string" ? parseProblemTypeUri(fields.type) : null;
  if (name === null || !PROBLEM_TYPES[name].statuses.includes(status)) return null;
  const detail = typeof fields?.detail === "string" ? fields.detail.slice(0, MAX_DETAIL_CHARS) : undefined;
  return createProblem(name, detail, status);
}
