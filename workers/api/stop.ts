/** The control API of stops: the operator, or a host of the stream, stops it and starts it again. */
import { z } from "zod";
import { findAccessDenial } from "../../core/access/access-policy.ts";
import {
  STOP_CATEGORIES,
  STOP_LIMITS,
  type StopActor,
  type StopRecord,
  type StreamStop,
  toStopNotice,
} from "../../core/access/stream-stop.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { readBearerToken } from "../access/bearer-token.ts";
import { authenticateToken } from "../access/playback-authorization.ts";
import { registerStream } from "../access/stream-registry.ts";
import type { Env } from "../env.ts";
import { deliveryProblemResponse, problemResponse } from "../kit/responses.ts";
import { requireAdminToken } from "./stream-api.ts";

const ActorName = z.string().trim().min(1).max(STOP_LIMITS.nameChars);
const StopBody = z.strictObject({
  category: z.enum(STOP_CATEGORIES),
  /** For the public. */
  reason: z.string().trim().min(1).max(STOP_LIMITS.reasonChars),
  /** Its end; without one, until a person undoes it. */
  until: z.iso.datetime({ offset: true }).nullish(),
  /** Who does this, for the record; a host is named by the token. */
  by: ActorName.optional(),
});
const StopUndoBody = z.strictObject({ by: ActorName.optional() });

/**
 * `GET /api/streams/{stream}/stop`: what holds, and the record. `POST` with `{ category, reason, until?, by? }`: the stream
 * is stopped. `DELETE`, with `{ by }` if wanted: it is undone.
 */
export async function handleStreamStop(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const actor = await authenticateStopActor(env, request, stream);
  if (actor instanceof Response) return actor;
  const live = env.LIVE.getByName(stream);
  if (request.method === "GET" || request.method === "HEAD") return stopResponse(stream, await live.stops());
  const undo = request.method === "DELETE";
  const wanted = undo ? await readStopUndoBody(request) : await readStopBody(request);
  if (wanted instanceof Response) return wanted;
  await registerStream(env, stream);
  const by = actor.authority === "operator" ? { ...actor, name: wanted.by ?? actor.name } : actor;
  try {
    if (!(await live.setStop(by, wanted.stop))) return stoppedByOperatorResponse();
  } catch (error) {
    console.warn("a stop, or its undoing, didn't reach all of the stream's objects", error);
    return deliveryProblemResponse(503, "Not now", "It may not have reached the whole stream; send it again.");
  }
  return stopResponse(stream, await live.stops());
}

interface StopChange {
  readonly by: string | undefined;
  readonly stop: Pick<StreamStop, "category" | "reason" | "untilMs"> | null;
}

async function readStopBody(request: Request): Promise<StopChange | Response> {
  const read = StopBody.safeParse(await request.json().catch(() => null));
  if (!read.success) return deliveryProblemResponse(400, "Not a stop", z.prettifyError(read.error));
  const { category, reason, until, by } = read.data;
  const untilMs = until === undefined || until === null ? null : Date.parse(until);
  if (untilMs !== null && untilMs <= Date.now()) {
    return deliveryProblemResponse(400, "Not a stop", "`until` is over already.");
  }
  return { by, stop: { category, reason, untilMs } };
}

async function readStopUndoBody(request: Request): Promise<StopChange | Response> {
  const text = await request.text();
  const read = StopUndoBody.safeParse(text === "" ? {} : parseJson(text));
  return read.success
    ? { by: read.data.by, stop: null }
    : deliveryProblemResponse(400, "Not an undoing", z.prettifyError(read.error));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Who asks: the operator by the admin token, a host by a viewer's token that opens the stream; or the refusal. */
async function authenticateStopActor(env: Env, request: Request, stream: StreamName): Promise<StopActor | Response> {
  const refusal = await requireAdminToken(env, request);
  if (refusal === null) return { authority: "operator", name: "operator" };
  const token = readBearerToken(request);
  const identity = token === null ? null : await authenticateToken(env, stream, token);
  if (identity === null || typeof identity === "string" || !identity.roles.includes("host")) return refusal;
  // What was stopped may be started again, by those who might be there if it weren't.
  const access = { ...(await env.LIVE.getByName(stream).access()), stop: null };
  return findAccessDenial(access, identity, Date.now()) === null
    ? { authority: "host", name: identity.subject }
    : refusal;
}

function stopResponse(
  stream: StreamName,
  { stop, records }: { stop: StreamStop | null; records: readonly StopRecord[] },
): Response {
  const line = ({ act, atMs, authority, name, category, reason, untilMs }: StopRecord): object => ({
    act,
    at: new Date(atMs).toISOString(),
    authority,
    by: name,
    ...(act === "undo" ? {} : { category, reason, until: untilMs === null ? null : new Date(untilMs).toISOString() }),
  });
  const body = {
    stream,
    stop: stop === null ? null : { ...toStopNotice(stop), authority: stop.authority },
    records: records.map(line),
  };
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}

function stoppedByOperatorResponse(): Response {
  return problemResponse({
    status: 409,
    type: "/problems/stopped-by-operator",
    title: "The operator has stopped this stream",
    detail: "Only the operator of this deployment starts it again.",
  });
}
