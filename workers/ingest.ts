/** The publish API's Worker side: checks what can be checked here, then hands plain values to the Live object. */

import type { Publisher } from "../durable-objects/live/live.ts";
import { LIMITS } from "../protocol/broadcast/limits.ts";
import { type BroadcastId, parseBroadcastId, parseStreamName, parseTrackName } from "../protocol/ids.ts";
import { PART_HEADER, PUBLISHER_HEADER } from "../protocol/publish/api.ts";
import { type Opening, parseOpening, parsePartMeta } from "../protocol/publish/parse.ts";
import { type Problem, type PublishReply, problems } from "../protocol/publish/reply.ts";
import { bearerToken, sha256Hex } from "./auth.ts";
import type { Env } from "./env.ts";
import { parseTrackFile } from "./media-path.ts";
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
export async function ingest(env: Env, request: Request, streamText: string, rest: string): Promise<Response> {
  try {
    return replyResponse(await route(env, request, streamText, rest.split("/")));
  } catch (error) {
    if (error instanceof Refusal) return problemResponse(error.problem, authenticate(error.problem));
    // The object was evicted or reset under the request: nothing is lost, the publisher sends again.
    console.warn("the Live object didn't answer a publisher", error);
    return problemResponse(problems.unavailable("The stream's object is restarting; send again."), {
      "retry-after": "1",
    });
  }
}

async function route(env: Env, request: Request, streamText: string, path: readonly string[]): Promise<PublishReply> {
  const stream = parseStreamName(streamText) ?? refuse(problems.malformed("A stream's name is 1–64 of a–z 0–9 _ -."));
  const token = bearerToken(request);
  if (token === null) throw new Refusal(problems.keyMissing("Send `Authorization: Bearer <stream key>`."));
  const id = request.headers.get(PUBLISHER_HEADER) ?? "";
  if (!PUBLISHER_ID.test(id))
    throw new Refusal(problems.malformed(`\`${PUBLISHER_HEADER}\` is 8–64 of A–Z a–z 0–9 _ -.`));
  const broadcast: BroadcastId =
    parseBroadcastId(path[0] ?? "") ?? refuse(problems.malformed("A broadcast's id is 8–32 of a–z 0–9."));
  const by: Publisher = { stream, keyHash: await sha256Hex(token), id };
  const live = env.LIVE.getByName(stream);
  if (path.length === 1) {
    const { config, playback } = await readOpening(request, broadcast);
    return live.open(by, config, playback);
  }
  if (path.length === 2 && path[1] === "end") return live.end(by, broadcast);
  const track = parseTrackName(path[1] ?? "") ?? refuse(problems.malformed("A track's name is 1–32 of a–z 0–9 _ -."));
  const file = path.length === 3 ? parseTrackFile(path[2] ?? "") : null;
  switch (file?.kind) {
    case "init": {
      const bytes = await readBody(request, LIMITS.initBytes);
      if (bytes.byteLength === 0) throw new Refusal(problems.malformed("An init section has bytes."));
      return live.init(by, broadcast, track, file.version, bytes);
    }
    case "part": {
      const meta = parsePartMeta(request.headers.get(PART_HEADER) ?? "");
      if (typeof meta === "string") throw new Refusal(problems.malformed(`\`${PART_HEADER}\`: ${meta}`));
      if (meta.msn !== file.msn || meta.part !== file.part) {
        throw new Refusal(problems.malformed(`The address and \`${PART_HEADER}\` name different parts.`));
      }
      return live.part(by, broadcast, track, meta, await readBody(request, LIMITS.partBytes));
    }
    default:
      throw new Refusal(
        problems.malformed("There is nothing to publish at this address; see protocol/publish/api.ts."),
      );
  }
}

async function readOpening(request: Request, broadcast: BroadcastId): Promise<Opening> {
  const opening = parseOpening(new TextDecoder().decode(await readBody(request, CONFIG_BYTES)));
  if (typeof opening === "string") throw new Refusal(problems.malformed(opening));
  if (opening.config.broadcast !== broadcast) {
    throw new Refusal(problems.malformed("The address names another broadcast."));
  }
  return opening;
}

/** The whole body, or a refusal as soon as it is over `limit` bytes. */
async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  const tooLarge = (): never => refuse(problems.tooLarge(`At most ${limit} bytes are taken here.`));
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > limit) tooLarge();
  if (request.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body) {
    const bytes = chunk as Uint8Array;
    length += bytes.byteLength;
    if (length > limit) tooLarge();
    chunks.push(bytes);
  }
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const bytes of chunks) {
    whole.set(bytes, at);
    at += bytes.byteLength;
  }
  return whole;
}

function refuse(problem: Problem): never {
  throw new Refusal(problem);
}

function replyResponse(reply: PublishReply): Response {
  if (reply.ok) return Response.json(reply.answer, { headers: { "cache-control": "no-store" } });
  const retry = reply.problem.status === 503 ? { "retry-after": "1" } : {};
  return problemResponse(reply.problem, { ...retry, ...authenticate(reply.problem) }, reply.answer ?? {});
}

function authenticate(problem: Problem): Record<string, string> {
  return problem.status === 401 ? { "www-authenticate": 'Bearer realm="corral"' } : {};
}
