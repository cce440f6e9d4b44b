/** Pages about problem types, at the addresses in the `type` of problem documents. */
import { PROBLEM_TYPES, parseProblemTypeUri } from "../../core/api/problems.ts";
import { BRAND } from "../../core/kit/brand.ts";
import { escapeHtml } from "../../core/kit/escape-html.ts";

/** The page of the problem type at `path`, or null. */
export function problemPage(path: string): Response | null {
  const name = parseProblemTypeUri(path);
  if (name === null) return null;
  const { statuses, title, meaning } = PROBLEM_TYPES[name];
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title} · ${escapeHtml(BRAND.name)}</title></head>
<body><h1>${title}</h1><p>HTTP status ${statuses.join(", ")}; problem type <code>${name}</code>.</p><p>${escapeHtml(meaning)}</p></body>
</html>
`;
  return new Response(html, {
    headers: { "content-type": "text/html; charset=utf-8", "cache-control": "public, max-age=3600" },
  });
}
