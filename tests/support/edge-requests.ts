/** Requests to whole edges: every answer is held against the OpenAPI document that its edge serves. */
import type { OpenApiDocument } from "../../workers/api/openapi.ts";
import { OpenApiChecker } from "./openapi-check.ts";
import type { TestEdge } from "./publisher.ts";

/** By origin; edges of one file run the same Worker, but a port may be another edge's later. */
const checkers = new Map<string, Promise<OpenApiChecker>>();

/** As `fetch`. Throws where the edge's OpenAPI document does not describe the answer. */
export async function fetchEdge(url: string | URL, init?: RequestInit): Promise<Response> {
  const { origin, pathname, search } = new URL(url);
  const answer = await fetch(url, init);
  const checker = await getChecker(origin);
  const complaint = await checker.complaint({ method: init?.method ?? "GET", path: `${pathname}${search}`, answer });
  if (complaint !== null) throw new Error(complaint);
  return answer;
}

/** An edge with the admin token `adminToken`; `url` is read at each request, so the edge may start later. */
export function httpTestEdge(url: () => string, adminToken: string): TestEdge {
  return { ask: (path, init) => fetchEdge(`${url()}${path}`, init), adminToken };
}

function getChecker(origin: string): Promise<OpenApiChecker> {
  const known = checkers.get(origin);
  if (known !== undefined) return known;
  const loading = loadChecker(origin);
  checkers.set(origin, loading);
  loading.catch(() => checkers.delete(origin));
  return loading;
}

async function loadChecker(origin: string): Promise<OpenApiChecker> {
  const answer = await fetch(`${origin}/openapi.json`);
  if (answer.status !== 200) throw new Error(`${origin}/openapi.json: ${answer.status}`);
  return new OpenApiChecker((await answer.json()) as OpenApiDocument);
}
