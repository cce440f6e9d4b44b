/** The control API of stops: the operator, or a host of the stream, stops it and starts it again. */
import { z } from "zod";
import { refusalOf } from "../protocol/access.ts";
import type { StreamName } from "../protocol/ids.ts";
import {
  noticeOf,
  STOP_CATEGORIES,
  STOP_LIMITS,
  type Stop,
  type StopActor,
  type StopRecord,
} from "../protocol/stop.ts";
import { refuseAdminStranger } from "./api.ts";
import { bearerToken } from "./auth.ts";
import type { Env } from "./env.ts";
import { identityOf } from "./gate.ts";
import { register } from "./registry.ts";
import { deliveryProblem, problemResponse } from "./responses.ts";

const By = z.string().trim().min(1).max(STOP_LIMITS.nameChars);
const Stopping = z.strictObject({
  category: z.enum(STOP_CATEGORIES),
  /** For the public. */
  reason: z.string().trim().min(1).max(STOP_LIMITS.reasonChars),
  /** Its end; without one, until a person undoes it. */
  until: z.iso.datetime({ offset: true }).nullish(),
  /** Who does this, for the record; a host is named by the token. */
  by: By.optional(),
});
const Undoing = z.strictObject({ by: By.optional() });

/**
 * `GET /api/streams/{stream}/stop`: what holds, and the record. `POST` with `{ category, reason, until?, by? }`: the stream
 * is stopped. `DELETE`, with `{ by }` if wanted: it is undone.
 */
export async function streamStop(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const actor = await actorOf(env, request, stream);
  if (actor instanceof Response) return actor;
  const live = env.LIVE.getByName(stream);
  if (request.method === "GET" || request.method === "HEAD") return told(stream, await live.stops());
  const undo = request.method === "DELETE";
  const wanted = undo ? await readUndoing(request) : await readStopping(request);
  if (wanted instanceof Response) return wanted;
  await register(env, stream);
  const by = actor.authority === "operator" ? { ...actor, name: wanted.by ?? actor.name } : actor;
  try {
    if (!(await live.setStop(by, wanted.stop))) return operatorsOwn();
  } catch (error) {
    console.warn("a stop, or its undoing, didn't reach all of the stream's objects", error);
    return deliveryProblem(503, "Not now", "It may not have reached the whole stream; send it again.");
  }
  return told(stream, await live.stops());
}

interface Wanted {
  readonly by: string | undefined;
  readonly stop: Pick<Stop, "category" | "reason" | "untilMs"> | null;
}

async function readStopping(request: Request): Promise<Wanted | Response> {
  const read = Stopping.safeParse(await request.json().catch(() => null));
  if (!read.success) return deliveryProblem(400, "Not a stop", z.prettifyError(read.error));
  const { category, reason, until, by } = read.data;
  const untilMs = until === undefined || until === null ? null : Date.parse(until);
  if (untilMs !== null && untilMs <= Date.now()) {
    return deliveryProblem(400, "Not a stop", "`until` is over already.");
  }
  return { by, stop: { category, reason, untilMs } };
}

async function readUndoing(request: Request): Promise<Wanted | Response> {
  const text = await request.text();
  const read = Undoing.safeParse(text === "" ? {} : parsed(text));
  return read.success
    ? { by: read.data.by, stop: null }
    : deliveryProblem(400, "Not an undoing", z.prettifyError(read.error));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Who asks: the operator by the admin token, a host by a viewer's token that opens the stream; or the refusal. */
async function actorOf(env: Env, request: Request, stream: StreamName): Promise<StopActor | Response> {
  const refusal = await refuseAdminStranger(env, request);
  if (refusal === null) return { authority: "operator", name: "operator" };
  const token = bearerToken(request);
  const identity = token === null ? null : await identityOf(env, stream, token);
  if (identity === null || typeof identity === "string" || !identity.roles.includes("host")) return refusal;
  // What was stopped may be started again, by those who might be there if it weren't.
  const access = { ...(await env.LIVE.getByName(stream).access()), stop: null };
  return refusalOf(access, identity, Date.now()) === null ? { authority: "host", name: identity.subject } : refusal;
}

function told(stream: StreamName, { stop, records }: { stop: Stop | null; records: readonly StopRecord[] }): Response {
  const line = ({ act, atMs, authority, name, category, reason, untilMs }: StopRecord): object => ({
    act,
    at: new Date(atMs).toISOString(),
    authority,
    by: name,
    ...(act === "undo" ? {} : { category, reason, until: untilMs === null ? null : new Date(untilMs).toISOString() }),
  });
  const body = {
    stream,
    stop: stop === null ? null : { ...noticeOf(stop), authority: stop.authority },
    records: records.map(line),
  };
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}

function operatorsOwn(): Response {
  return problemResponse({
    status: 409,
    type: "/problems/stopped-by-operator",
    title: "The operator has stopped this stream",
    detail: "Only the operator of this deployment starts it again.",
  });
}
