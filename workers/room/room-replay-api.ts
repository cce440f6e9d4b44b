/** A room's history by program time, for recordings: one call to the room for all requests of a data centre. */
import { selectNewerAccess } from "../../core/access/access-policy.ts";
import { activeStop } from "../../core/access/stream-stop.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { getObjectInJurisdiction } from "../../core/room/jurisdiction-namespace.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { RoomSummary } from "../../core/room/room-summary.ts";
import { authorizePlayback, denialResponse, stoppedStreamResponse } from "../access/playback-authorization.ts";
import { refuseOverRate } from "../access/rate-limits.ts";
import { isStreamRegistered } from "../access/stream-registry.ts";
import { openCurrentStream } from "../delivery/edge-streams.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { type CacheableText, coalesceText } from "../kit/colo-cache.ts";
import { readQuery } from "../kit/request-address.ts";
import { deliveryResponse, problemResponse, unknownRoomResponse } from "../kit/responses.ts";
import { fetchRoomSummary } from "../kit/room-summary-cache.ts";

/** A window of this age is closed: no further event enters it. */
const WINDOW_CLOSED_MS = ROOM_LIMITS.programTimeToleranceMs;

/** `GET /rooms/{stream}/replay?from=…`: events of the window of program time that begins there. */
export async function handleRoomReplay(scope: RequestScope, stream: StreamName): Promise<Response> {
  const { env, config, request, ctx, platform } = scope;
  const { replayWindowMs } = ROOM_LIMITS;
  const from = readQuery(request.url).get("from") ?? "";
  const fromMs = /^\d{1,15}$/.test(from) ? Number(from) : Number.NaN;
  if (!(fromMs % replayWindowMs === 0)) {
    return problemResponse("invalid-parameter", `\`from\` is ms since the epoch, and a multiple of ${replayWindowMs}.`);
  }
  if (!(await isStreamRegistered(scope, stream))) return unknownRoomResponse();
  const summary = await fetchRoomSummary(scope, stream);
  if (summary === null) return problemResponse("unavailable");
  // The room's summary is cached for some seconds; feeds carry a change of access at once.
  const edge = await openCurrentStream(scope, stream);
  const access = selectNewerAccess(summary.access, typeof edge === "string" ? undefined : edge.accessPolicy);
  const stop = activeStop(access, platform.clock.nowMs());
  if (stop !== null) return stoppedStreamResponse(stop);
  const isRestricted = access.playback !== "public";
  const entry = isRestricted
    ? await authorizePlayback(config.viewerKeys, stream, access, request, platform.clock.nowMs())
    : null;
  if (entry !== null && "refusal" in entry) return denialResponse(entry.refusal);
  const toMs = fromMs + replayWindowMs;
  // Even a closed window changes when a message in it is deleted.
  const nowMs = platform.clock.nowMs();
  const maxAgeS = nowMs - toMs > WINDOW_CLOSED_MS ? 60 : 2;
  const lifetime = `${isRestricted ? "private" : "public"}, max-age=${maxAgeS}`;
  if (!mayHaveEvents(summary, fromMs, toMs, nowMs)) return emptyWindowResponse(fromMs, toMs, lifetime);
  const refusal = await refuseOverRate(scope, "replays");
  if (refusal !== null) return refusal;
  const load = async (): Promise<CacheableText> => {
    const events = await getObjectInJurisdiction(env.ROOM, summary.room).replay(fromMs, toMs);
    return { text: JSON.stringify({ from: fromMs, next: toMs, events }), maxAgeS };
  };
  const flown = await coalesceText(ctx, `${stream}/replay/${fromMs}`, load);
  if (!flown.ok) return problemResponse("unavailable");
  const { text, isHit } = flown.value;
  const above = isHit ? "corral-colo-cache; hit" : "corral-room; hit, corral-colo-cache; fwd=uri-miss; stored";
  return deliveryResponse(text, {
    "cache-control": lifetime,
    "cache-status": `${above}, corral-isolate; fwd=uri-miss${flown.coalesced ? "; collapsed" : ""}`,
    "content-type": "application/json",
  });
}

/**
 * Windows before the room's first event, and future ones, are empty without a call to the room. A window that
 * is not closed may have the first event, since the cached summary may be older.
 */
function mayHaveEvents({ sinceMs }: RoomSummary, fromMs: number, toMs: number, nowMs: number): boolean {
  return fromMs <= nowMs && (nowMs - toMs <= WINDOW_CLOSED_MS || (sinceMs !== null && toMs > sinceMs));
}

function emptyWindowResponse(from: number, next: number, lifetime: string): Response {
  return deliveryResponse(JSON.stringify({ from, next, events: [] }), {
    "cache-control": lifetime,
    "cache-status": "corral-isolate; hit",
    "content-type": "application/json",
  });
}
