/** The publish API's Worker side: checks what can be checked here, then hands plain values to the Live object. */

import type { Publisher } from "../durable-objects/live/live.ts";
import { LIMITS } from "../protocol/broadcast/limits.ts";
import type { PartMeta } from "../protocol/broadcast/log.ts";
import {
  type BroadcastId,
  parseBroadcastId,
  parseStreamName,
  parseTrackName,
  type TrackName,
} from "../protocol/ids.ts";
import { PART_HEADER, PROBLEMS, PUBLISHER_HEADER } from "../protocol/publish/api.ts";
import { type Opening, parseOpening, parsePartMeta } from "../protocol/publish/parse.ts";
import { type Problem, type PublishReply, problems } from "../protocol/publish/reply.ts";
import { UpstreamError } from "../tiers/calls.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { bearerToken, sha256Hex } from "./auth.ts";
import { withBody } from "./body.ts";
import type { Env } from "./env.ts";
import { parseTrackFile } from "./media-path.ts";
import { networkOfRequest } from "./networks.ts";
import { forgetKeys, judgeKey } from "./publishers.ts";
import { COME_BACK_S, refuseFast } from "./rate-limits.ts";
import { problemResponse } from "./responses.ts";

/** Bytes of an opening request's JSON. */
const CONFIG_BYTES = 64 * 1024;
const PUBLISHER_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** A request that can't go on; thrown, and answered in one place. */
class Refusal extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** `PUT /ingest/{stream}/{rest}` */
export async function ingest(
  env: Env,
  request: Request,
  life: Lifetime,
  streamText: string,
  rest: string,
): Promise<Response> {
  try {
    return replyResponse(await route(env, request, life, streamText, rest.split("/")));
  } catch (error) {
    if (error instanceof Refusal) return problemResponse(error.problem, hintsOf(error.problem));
    if (error instanceof UpstreamError) return notNow();
    // The object was evicted or reset under the request: nothing is lost, the publisher sends again.
    console.warn("the Live object didn't answer a publisher", error);
    return notNow();
  }
}

function notNow(): Response {
  return problemResponse(problems.unavailable("The stream's object is restarting; send again."), {
    "retry-after": "1",
  });
}

async function route(
  env: Env,
  request: Request,
  life: Lifetime,
  streamText: string,
  path: readonly string[],
): Promise<PublishReply> {
  const stream = parseStreamName(streamText) ?? refuse(problems.malformed("A stream's name is 1–64 of a–z 0–9 _ -."));
  const token = bearerToken(request);
  if (token === null) throw new Refusal(problems.keyMissing("Send `Authorization: Bearer <stream key>`."));
  const id = request.headers.get(PUBLISHER_HEADER) ?? "";
  if (!PUBLISHER_ID.test(id))
    throw new Refusal(problems.malformed(`\`${PUBLISHER_HEADER}\` is 8–64 of A–Z a–z 0–9 _ -.`));
  const broadcast: BroadcastId =
    parseBroadcastId(path[0] ?? "") ?? refuse(problems.malformed("A broadcast's id is 8–32 of a–z 0–9."));
  const target = parseTarget(request, path);
  const by: Publisher = { stream, keyHash: await sha256Hex(token), id };
  await authorize(env, life, request, by, token);
  const reply = await publish(env.LIVE.getByName(stream), request, by, broadcast, target);
  if (!reply.ok && reply.problem.type === PROBLEMS.keyWrong) forgetKeys(stream);
  return reply;
}

/** Refuses a wrong key before anything of the body is read. */
async function authorize(
  env: Env,
  life: Lifetime,
  request: Request,
  { stream, keyHash }: Publisher,
  key: string,
): Promise<void> {
  const judged = await judgeKey(env, life, { stream, key, keyHash, actor: networkOfRequest(request) ?? "" });
  if (judged === "busy") refuse(problems.unavailable("Many keys are being looked up; send this again."));
  if (judged === "wrong" && (await refuseFast(env, "secrets", request)) !== null) {
    throw new Refusal(problems.tooMany("Your network has sent many wrong keys; send this again later."));
  }
  if (judged === "wrong") refuse(problems.keyWrong("Use the key that was issued for this stream."));
}

/** What is published at an address. */
type Target =
  | { readonly kind: "opening" | "end" }
  | { readonly kind: "init"; readonly track: TrackName; readonly version: number }
  | { readonly kind: "part"; readonly track: TrackName; readonly meta: PartMeta };

function parseTarget(request: Request, path: readonly string[]): Target {
  if (path.length === 1) return { kind: "opening" };
  if (path.length === 2 && path[1] === "end") return { kind: "end" };
  const track = parseTrackName(path[1] ?? "") ?? refuse(problems.malformed("A track's name is 1–32 of a–z 0–9 _ -."));
  const file = path.length === 3 ? parseTrackFile(path[2] ?? "") : null;
  switch (file?.kind) {
    case "init":
      return { kind: "init", track, version: file.version };
    case "part": {
      const meta = parsePartMeta(request.headers.get(PART_HEADER) ?? "");
      if (typeof meta === "string") throw new Refusal(problems.malformed(`\`${PART_HEADER}\`: ${meta}`));
      if (meta.msn !== file.msn || meta.part !== file.part) {
        throw new Refusal(problems.malformed(`The address and \`${PART_HEADER}\` name different parts.`));
      }
      return { kind: "part", track, meta };
    }
    default:
      throw new Refusal(
        problems.malformed("There is nothing to publish at this address; see protocol/publish/api.ts."),
      );
  }
}

async function publish(
  live: ReturnType<Env["LIVE"]["getByName"]>,
  request: Request,
  by: Publisher,
  broadcast: BroadcastId,
  target: Target,
): Promise<PublishReply> {
  const withBytes = async (limit: number, use: (bytes: Uint8Array) => Promise<PublishReply>): Promise<PublishReply> => {
    const reply = await withBody(request, by.stream, limit, use);
    return "status" in reply ? refuse(reply) : reply;
  };
  switch (target.kind) {
    case "opening":
      return withBytes(CONFIG_BYTES, async (bytes) => {
        const { config, playback } = readOpening(bytes, broadcast);
        return live.open(by, config, playback);
      });
    case "end":
      return live.end(by, broadcast);
    case "init":
      return withBytes(LIMITS.initBytes, async (bytes) => {
        if (bytes.byteLength === 0) throw new Refusal(problems.malformed("An init section has bytes."));
        return live.init(by, broadcast, target.track, target.version, bytes);
      });
    case "part":
      return withBytes(LIMITS.partBytes, async (bytes) => live.part(by, broadcast, target.track, target.meta, bytes));
  }
}

function readOpening(bytes: Uint8Array, broadcast: BroadcastId): Opening {
  const opening = parseOpening(new TextDecoder().decode(bytes));
  if (typeof opening === "string") throw new Refusal(problems.malformed(opening));
  if (opening.config.broadcast !== broadcast) {
    throw new Refusal(problems.malformed("The address names another broadcast."));
  }
  return opening;
}

function refuse(problem: Problem): never {
  throw new Refusal(problem);
}

function replyResponse(reply: PublishReply): Response {
  if (reply.ok) return Response.json(reply.answer, { headers: { "cache-control": "no-store" } });
  return problemResponse(reply.problem, hintsOf(reply.problem), reply.answer ?? {});
}

/** Headers that tell what to do about a problem. */
function hintsOf({ status }: Problem): Record<string, string> {
  if (status === 401) return { "www-authenticate": 'Bearer realm="corral"' };
  if (status === 429) return { "retry-after": String(COME_BACK_S) };
  return status === 503 || status === 408 ? { "retry-after": "1" } : {};
}
