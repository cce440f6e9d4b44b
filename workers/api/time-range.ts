/** The range of time that a request for the past asks for. */
import { problemResponse } from "../kit/responses.ts";
import type { ParameterSpec } from "../kit/route-spec.ts";

const TIME_PATTERN = /^\d{1,15}$/;

/** The parameters of such a route. */
export const TIME_RANGE_PARAMETERS: readonly ParameterSpec[] = [
  ["from", "The beginning of the range, ms since the epoch. Default: 30 days ago."],
  ["to", "Its end, ms since the epoch. Default: now."],
].map(([name = "", description = ""]) => ({
  name,
  in: "query",
  description,
  isRequired: false,
  pattern: TIME_PATTERN.source,
}));

/** The times of `from` and `to`, null for an absent one; or the refusal. */
export function parseTimeRange({ url }: Request): { fromMs: number | null; toMs: number | null } | Response {
  const query = new URL(url).searchParams;
  const [from, to] = [query.get("from"), query.get("to")];
  if ([from, to].some((time) => time !== null && !TIME_PATTERN.test(time))) {
    return problemResponse("invalid-parameter", "`from` and `to` are times in ms since the epoch.");
  }
  return { fromMs: from === null ? null : Number(from), toMs: to === null ? null : Number(to) };
}
