/** Passes WHIP's signalling on to the ingest node, after the key's check: media goes to the node itself. */
import { parseProblemDocument } from "../../core/api/problem-responses.ts";
import { createProblem } from "../../core/api/problems.ts";
import { WHIP_LIMITS } from "../../core/ingest/whip/limits.ts";
import {
  SDP_FRAGMENT_MEDIA_TYPE,
  SDP_MEDIA_TYPE,
  WHIP_EDGE_TOKEN_HEADER,
  WHIP_RESPONSE_HEADERS,
  WHIP_SENDER_ADDRESS_HEADER,
  WHIP_SESSION_PATTERN,
} from "../../core/ingest/whip/whip-api.ts";
import { startDeadline } from "../../core/kit/deadline.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { notFoundResponse, problemDocumentResponse, problemResponse } from "../kit/responses.ts";
import { authenticatePublisher } from "./publisher-authentication.ts";
import { answerPublisher, throwRefusal } from "./refused-publish.ts";
import { readBodyBounded } from "./request-body.ts";

/** The node's whole answer, milliseconds: it waits for the key's check at most 8 s. */
const NODE_MS = 10_000;
/** Statuses of the node's answers that end a request well. */
const SUCCESSES: readonly number[] = [200, 201, 204];
/** Headers of the node's refusals that are passed on. */
const REFUSAL_HEADERS = ["accept-patch", "accept-post", "retry-after"] as const;
/** Scripts of other origins need the session's address. */
const EXPOSED = { "access-control-expose-headers": "Accept-Patch, Accept-Post, ETag, Location, Retry-After" };

/** The node's response, with its whole text. */
interface NodeAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A request about the stream's sessions: an offer if `session` is null, else a fragment or the session's end. */
export function handleWhip(scope: RequestScope, stream: StreamName, session: string | null): Promise<Response> {
  return answerPublisher(async () => {
    const { request, config, platform } = scope;
    if (session !== null && !WHIP_SESSION_PATTERN.test(session)) return notFoundResponse();
    const refusal = checkMediaType(request, session);
    if (refusal !== null) return refusal;
    // A wrong key costs the node nothing.
    await authenticatePublisher(scope, stream, "");
    const node = config.whipNode ?? throwRefusal(createProblem("no-ingest-node"));
    const path = session === null ? `/whip/${stream}` : `/whip/${stream}/${session}`;
    const forward = (body: Uint8Array | null): Promise<Response> => callNode(scope, `${node}${path}`, body);
    if (request.method === "DELETE") return forward(null);
    const { sdpBytes } = WHIP_LIMITS;
    const answer = await readBodyBounded(platform.clock, request, stream, sdpBytes, forward);
    return answer instanceof Response ? answer : problemDocumentResponse(answer);
  });
}

/** The refusal of a body of another type; null if it fits. */
function checkMediaType({ method, headers }: Request, session: string | null): Response | null {
  if (method === "DELETE") return null;
  const [expected, header] =
    session === null
      ? ([SDP_MEDIA_TYPE, "accept-post"] as const)
      : ([SDP_FRAGMENT_MEDIA_TYPE, "accept-patch"] as const);
  const sent = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (sent === expected) return null;
  return problemResponse("unsupported-media-type", `Send ${expected}.`, { headers: { [header]: expected } });
}

async function callNode(scope: RequestScope, url: string, body: Uint8Array | null): Promise<Response> {
  const { request, config, platform } = scope;
  const headers = new Headers();
  for (const name of ["authorization", "content-type", "if-match"]) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  // Never the admin token: a node needs no part in the control API.
  const token = config.ingestToken;
  const address = request.headers.get("cf-connecting-ip");
  if (token !== null && address !== null) {
    headers.set(WHIP_EDGE_TOKEN_HEADER, token);
    headers.set(WHIP_SENDER_ADDRESS_HEADER, address);
  }
  const deadline = startDeadline(platform.clock, NODE_MS);
  const init = { method: request.method, headers, body, redirect: "manual", signal: deadline.signal } as const;
  const answer = await fetchAnswer(url, init).catch(() => null);
  deadline.cancel();
  if (answer === null) return problemResponse("unavailable", "The ingest node does not answer.");
  if (!SUCCESSES.includes(answer.status)) return refuseAsNode(answer);
  const passed = new Headers({ ...EXPOSED, "cache-control": "no-store" });
  for (const name of WHIP_RESPONSE_HEADERS) {
    const value = answer.headers.get(name);
    if (value !== null) passed.set(name, value);
  }
  return new Response(answer.status === 204 ? null : answer.text, { status: answer.status, headers: passed });
}

/** The node's refusal, if it is one of the registry; what else answers in its place, such as a proxy, is not passed on. */
function refuseAsNode({ status, headers, text }: NodeAnswer): Response {
  const problem = parseProblemDocument(status, text);
  if (problem === null) return problemResponse("unavailable", "The ingest node takes no session now.");
  const told = REFUSAL_HEADERS.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return problemDocumentResponse(problem, { headers: Object.fromEntries(told) });
}

/** A response with its whole text. Rejects at the deadline, and if the text is beyond the limit. */
async function fetchAnswer(url: string, init: RequestInit): Promise<NodeAnswer> {
  const { status, headers, body } = await fetch(url, init);
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > WHIP_LIMITS.sdpBytes) throw new RangeError("the node's answer is too long");
  }
  return { status, headers, text: text + decoder.decode() };
}
