/** A room's history by programme time, for those who watch a recording: one call to the room for all who ask in a place. */
import { selectNewerAccess } from "../../core/access/access-policy.ts";
import { activeStop } from "../../core/access/stream-stop.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { SingleFlight } from "../../core/kit/workerd/single-flight.ts";
import type { WaitUntilContext } from "../../core/kit/workerd/wait-until.ts";
import { getObjectInJurisdiction } from "../../core/room/jurisdiction-namespace.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { RoomSummary } from "../../core/room/room-summary.ts";
import { authorizePlayback, denialResponse, stoppedStreamResponse } from "../access/playback-authorization.ts";
import { refuseOverRate } from "../access/rate-limits.ts";
import { isStreamRegistered } from "../access/stream-registry.ts";
import { openEdgeStream } from "../delivery/edge-streams.ts";
import type { Env } from "../env.ts";
import { type CacheableText, type CachedText, readTextThroughCache } from "../kit/colo-cache.ts";
import { deliveryProblemResponse, deliveryResponse, unknownRoomResponse } from "../kit/responses.ts";
import { fetchRoomSummary } from "./room-summary-cache.ts";

/** A follower waits so long for the leader of its flight before it asks itself. */
const COALESCED_WAIT_MS = 4_000;
/** A window of the replay is closed when it is so old: nobody writes into it any more. */
const WINDOW_CLOSED_MS = ROOM_LIMITS.programTimeToleranceMs;

const flights = new SingleFlight<CachedText>(COALESCED_WAIT_MS);

/** `GET /rooms/{stream}/replay?from=…`: events of the window of programme time that begins there. */
export async function handleRoomReplay(
  env: Env,
  request: Request,
  ctx: WaitUntilContext,
  stream: StreamName,
): Promise<Response> {
  const { replayWindowMs } = ROOM_LIMITS;
  const from = new URL(request.url).searchParams.get("from") ?? "";
  const fromMs = /^\d{1,15}$/.test(from) ? Number(from) : Number.NaN;
  if (!(fromMs % replayWindowMs === 0)) {
    const detail = `\`from\` is a programme time in ms since 1970 that ${replayWindowMs} divides.`;
    return deliveryProblemResponse(400, "Not a window of the replay", detail);
  }
  if (!(await isStreamRegistered(env, ctx, stream))) return unknownRoomResponse();
  const place = await fetchRoomSummary(env, ctx, stream);
  if (place === null) return deliveryProblemResponse(503, "Not now", "The room didn't answer; ask again.");
  // What the room says of itself is kept for some seconds; feeds tell at once.
  const edge = await openEdgeStream(env, request, ctx, stream);
  if (typeof edge !== "string") await edge.ensureReplica(ctx);
  const access = selectNewerAccess(place.access, typeof edge === "string" ? undefined : edge.accessPolicy);
  const stop = activeStop(access, Date.now());
  if (stop !== null) return stoppedStreamResponse(stop);
  const gated = access.playback !== "public";
  const entry = gated ? await authorizePlayback(env, stream, access, request) : null;
  if (entry !== null && "refusal" in entry) return denialResponse(entry.refusal);
  const toMs = fromMs + replayWindowMs;
  // Even a closed window changes when a message in it is deleted.
  const maxAgeS = Date.now() - toMs > WINDOW_CLOSED_MS ? 60 : 2;
  const lifetime = `${gated ? "private" : "public"}, max-age=${maxAgeS}`;
  if (!mayHaveEvents(place, fromMs, toMs)) return emptyWindowResponse(fromMs, toMs, lifetime);
  const fast = await refuseOverRate(env, "replays", request);
  if (fast !== null) return fast;
  const load = async (): Promise<CacheableText> => {
    const events = await getObjectInJurisdiction(env.ROOM, place.room).replay(fromMs, toMs);
    return { text: JSON.stringify({ from: fromMs, next: toMs, events }), maxAgeS };
  };
  const key = `${stream}/replay/${fromMs}`;
  const flown = await flights.load(ctx, key, () => readTextThroughCache(ctx, key, load));
  if (!flown.ok) return deliveryProblemResponse(503, "Not now", "The room didn't answer; ask again.");
  const { text, isHit } = flown.value;
  const above = isHit ? "corral-colo-cache; hit" : "corral-room; hit, corral-colo-cache; fwd=uri-miss; stored";
  return deliveryResponse(text, {
    "cache-control": lifetime,
    "cache-status": `${above}, corral-isolate; fwd=uri-miss${flown.coalesced ? "; collapsed" : ""}`,
    "content-type": "application/json",
  });
}

/**
 * Windows before the room's first event, and such as have not begun, are empty without asking the room. One that isn't closed
 * may have that first event, since when nothing was heard of the room here.
 */
function mayHaveEvents({ sinceMs }: RoomSummary, fromMs: number, toMs: number): boolean {
  const nowMs = Date.now();
  return fromMs <= nowMs && (nowMs - toMs <= WINDOW_CLOSED_MS || (sinceMs !== null && toMs > sinceMs));
}

function emptyWindowResponse(from: number, next: number, lifetime: string): Response {
  return deliveryResponse(JSON.stringify({ from, next, events: [] }), {
    "cache-control": lifetime,
    "cache-status": "corral-isolate; hit",
    "content-type": "application/json",
  });
}
