/** The control API of stops: the operator, or a host of the stream, stops it and lifts the stop. */
import type { StopCategory } from "../../core/access/stream-stop.ts";
import { type StopActor, type StopRecord, type StreamStop, toStopNotice } from "../../core/access/stream-stop.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { registerStream } from "../access/stream-registry.ts";
import { forgetProfile } from "../directory/stream-profiles.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { jsonResponse, problemResponse } from "../kit/responses.ts";

/** `GET …/stop`: the stop in force, and the record. */
export async function handleGetStop({ env }: RequestScope, stream: StreamName): Promise<Response> {
  return stopResponse(stream, await env.LIVE.getByName(stream).stops());
}

/** A requested stop. */
interface StopRequest {
  readonly category: StopCategory;
  readonly reason: string;
  readonly until?: string | null | undefined;
  readonly by?: string | undefined;
}

/** `POST …/stop`: stops the stream. */
export function handlePostStop(
  scope: RequestScope,
  stream: StreamName,
  actor: StopActor,
  { category, reason, until = null, by }: StopRequest,
): Promise<Response> | Response {
  const untilMs = until === null ? null : Date.parse(until);
  if (untilMs !== null && untilMs <= scope.platform.clock.nowMs()) {
    return problemResponse("invalid-body", "`until` is in the past.");
  }
  return changeStop(scope, stream, namedActor(actor, by), { category, reason, untilMs });
}

/** `DELETE …/stop`: lifts the stop. */
export function handleDeleteStop(
  scope: RequestScope,
  stream: StreamName,
  actor: StopActor,
  by: string | undefined,
): Promise<Response> {
  return changeStop(scope, stream, namedActor(actor, by), null);
}

/** The operator's name is from the request; a host is named by the token. */
const namedActor = (actor: StopActor, name: string | undefined): StopActor =>
  actor.authority === "operator" ? { ...actor, name: name ?? actor.name } : actor;

async function changeStop(
  { env }: RequestScope,
  stream: StreamName,
  actor: StopActor,
  stop: Pick<StreamStop, "category" | "reason" | "untilMs"> | null,
): Promise<Response> {
  await registerStream(env, stream);
  const live = env.LIVE.getByName(stream);
  try {
    if (!(await live.setStop(actor, stop))) return problemResponse("stopped-by-operator");
  } catch (error) {
    console.warn("a stop, or its undoing, did not reach every object of the stream", error);
    return problemResponse("change-incomplete");
  } finally {
    // Pages of a stopped stream say nothing of it.
    await forgetProfile(stream);
  }
  return stopResponse(stream, await live.stops());
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
  return jsonResponse({
    stream,
    stop: stop === null ? null : { ...toStopNotice(stop), authority: stop.authority },
    records: records.map(line),
  });
}
