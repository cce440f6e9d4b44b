/** The publish API's Worker side: checks what can be checked here, then hands plain values to the Live object. */

import { BROADCAST_LIMITS } from "../../core/broadcast/broadcast-limits.ts";
import type { PartMeta } from "../../core/broadcast/broadcast-log.ts";
import { PART_HEADER, PUBLISH_PROBLEM_TYPES, PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { type BroadcastOpening, parseBroadcastOpening, parsePartMeta } from "../../core/ingest/publish-request.ts";
import { type ProblemDocument, type PublishResult, publishProblems } from "../../core/ingest/publish-result.ts";
import {
  type BroadcastId,
  parseBroadcastId,
  parseStreamName,
  parseTrackName,
  type TrackName,
} from "../../core/kit/ids.ts";
import { UpstreamError } from "../../core/kit/workerd/upstream-client.ts";
import type { WaitUntilContext } from "../../core/kit/workerd/wait-until.ts";
import { parseTrackFile } from "../../core/media/hls/media-path.ts";
import type { PublisherIdentity } from "../../durable-objects/live/live.ts";
import { readBearerToken, sha256Hex } from "../access/bearer-token.ts";
import { RATE_LIMIT_RETRY_S, refuseOverRate } from "../access/rate-limits.ts";
import { readRequestNetwork } from "../access/request-networks.ts";
import type { Env } from "../env.ts";
import { problemResponse } from "../kit/responses.ts";
import { checkStreamKey, invalidateStreamKeys } from "./publisher-keys.ts";
import { readBodyBounded } from "./request-body.ts";

/** Bytes of an opening request's JSON. */
const MAX_OPENING_BYTES = 64 * 1024;
const PUBLISHER_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** A request that can't go on; thrown, and answered in one place. */
class PublishRefusal extends Error {
  readonly problem: ProblemDocument;
  constructor(problem: ProblemDocument) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** `PUT /ingest/{stream}/{rest}` */
export async function handleIngest(
  env: Env,
  request: Request,
  ctx: WaitUntilContext,
  streamText: string,
  rest: string,
): Promise<Response> {
  try {
    return publishResponse(await routePublish(env, request, ctx, streamText, rest.split("/")));
  } catch (error) {
    if (error instanceof PublishRefusal) return problemResponse(error.problem, problemHeaders(error.problem));
    if (error instanceof UpstreamError) return unavailableResponse();
    // The object was evicted or reset under the request: nothing is lost, the publisher sends again.
    console.warn("the Live object didn't answer a publisher", error);
    return unavailableResponse();
  }
}

function unavailableResponse(): Response {
  return problemResponse(publishProblems.unavailable("The stream's object is restarting; send again."), {
    "retry-after": "1",
  });
}

async function routePublish(
  env: Env,
  request: Request,
  ctx: WaitUntilContext,
  streamText: string,
  path: readonly string[],
): Promise<PublishResult> {
  const stream =
    parseStreamName(streamText) ?? throwRefusal(publishProblems.malformed("A stream's name is 1–64 of a–z 0–9 _ -."));
  const token = readBearerToken(request);
  if (token === null)
    throw new PublishRefusal(publishProblems.keyMissing("Send `Authorization: Bearer <stream key>`."));
  const id = request.headers.get(PUBLISHER_HEADER) ?? "";
  if (!PUBLISHER_ID.test(id))
    throw new PublishRefusal(publishProblems.malformed(`\`${PUBLISHER_HEADER}\` is 8–64 of A–Z a–z 0–9 _ -.`));
  const broadcast: BroadcastId =
    parseBroadcastId(path[0] ?? "") ?? throwRefusal(publishProblems.malformed("A broadcast's id is 8–32 of a–z 0–9."));
  const target = parsePublishResource(request, path);
  const by: PublisherIdentity = { stream, keyHash: await sha256Hex(token), id };
  await authorizePublisher(env, ctx, request, by, token);
  const reply = await forwardToLiveObject(env.LIVE.getByName(stream), request, by, broadcast, target);
  if (!reply.ok && reply.problem.type === PUBLISH_PROBLEM_TYPES.keyWrong) invalidateStreamKeys(stream);
  return reply;
}

/** Refuses a wrong key before anything of the body is read. */
async function authorizePublisher(
  env: Env,
  ctx: WaitUntilContext,
  request: Request,
  { stream, keyHash }: PublisherIdentity,
  key: string,
): Promise<void> {
  const judged = await checkStreamKey(env, ctx, { stream, key, keyHash, actor: readRequestNetwork(request) ?? "" });
  if (judged === "busy") throwRefusal(publishProblems.unavailable("Many keys are being looked up; send this again."));
  if (judged === "wrong" && (await refuseOverRate(env, "secrets", request)) !== null) {
    throw new PublishRefusal(publishProblems.tooMany("Your network has sent many wrong keys; send this again later."));
  }
  if (judged === "wrong") throwRefusal(publishProblems.keyWrong("Use the key that was issued for this stream."));
}

/** What is published at an address. */
type PublishResource =
  | { readonly kind: "opening" | "end" }
  | { readonly kind: "init"; readonly track: TrackName; readonly version: number }
  | { readonly kind: "part"; readonly track: TrackName; readonly meta: PartMeta };

function parsePublishResource(request: Request, path: readonly string[]): PublishResource {
  if (path.length === 1) return { kind: "opening" };
  if (path.length === 2 && path[1] === "end") return { kind: "end" };
  const track =
    parseTrackName(path[1] ?? "") ?? throwRefusal(publishProblems.malformed("A track's name is 1–32 of a–z 0–9 _ -."));
  const file = path.length === 3 ? parseTrackFile(path[2] ?? "") : null;
  switch (file?.kind) {
    case "init":
      return { kind: "init", track, version: file.version };
    case "part": {
      const meta = parsePartMeta(request.headers.get(PART_HEADER) ?? "");
      if (typeof meta === "string") throw new PublishRefusal(publishProblems.malformed(`\`${PART_HEADER}\`: ${meta}`));
      if (meta.msn !== file.msn || meta.part !== file.part) {
        throw new PublishRefusal(publishProblems.malformed(`The address and \`${PART_HEADER}\` name different parts.`));
      }
      return { kind: "part", track, meta };
    }
    default:
      throw new PublishRefusal(
        publishProblems.malformed("There is nothing to publish at this address; see core/ingest/publish-api.ts."),
      );
  }
}

async function forwardToLiveObject(
  live: ReturnType<Env["LIVE"]["getByName"]>,
  request: Request,
  by: PublisherIdentity,
  broadcast: BroadcastId,
  target: PublishResource,
): Promise<PublishResult> {
  const withBytes = async (
    limit: number,
    use: (bytes: Uint8Array) => Promise<PublishResult>,
  ): Promise<PublishResult> => {
    const reply = await readBodyBounded(request, by.stream, limit, use);
    return "status" in reply ? throwRefusal(reply) : reply;
  };
  switch (target.kind) {
    case "opening":
      return withBytes(MAX_OPENING_BYTES, async (bytes) => {
        const { config, playback } = parseOpeningBody(bytes, broadcast);
        return live.open(by, config, playback);
      });
    case "end":
      return live.end(by, broadcast);
    case "init":
      return withBytes(BROADCAST_LIMITS.initBytes, async (bytes) => {
        if (bytes.byteLength === 0) throw new PublishRefusal(publishProblems.malformed("An init section has bytes."));
        return live.init(by, broadcast, target.track, target.version, bytes);
      });
    case "part":
      return withBytes(BROADCAST_LIMITS.partBytes, async (bytes) =>
        live.part(by, broadcast, target.track, target.meta, bytes),
      );
  }
}

function parseOpeningBody(bytes: Uint8Array, broadcast: BroadcastId): BroadcastOpening {
  const opening = parseBroadcastOpening(new TextDecoder().decode(bytes));
  if (typeof opening === "string") throw new PublishRefusal(publishProblems.malformed(opening));
  if (opening.config.broadcast !== broadcast) {
    throw new PublishRefusal(publishProblems.malformed("The address names another broadcast."));
  }
  return opening;
}

function throwRefusal(problem: ProblemDocument): never {
  throw new PublishRefusal(problem);
}

function publishResponse(result: PublishResult): Response {
  if (result.ok) return Response.json(result.answer, { headers: { "cache-control": "no-store" } });
  return problemResponse(result.problem, problemHeaders(result.problem), result.answer ?? {});
}

/** Headers that tell what to do about a problem. */
function problemHeaders({ status }: ProblemDocument): Record<string, string> {
  if (status === 401) return { "www-authenticate": 'Bearer realm="corral"' };
  if (status === 429) return { "retry-after": String(RATE_LIMIT_RETRY_S) };
  return status === 503 || status === 408 ? { "retry-after": "1" } : {};
}
