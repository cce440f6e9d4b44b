/** A room's history by programme time, for those who watch a recording: one call to the room for all who ask in a place. */
import { newerAccess } from "../protocol/access.ts";
import type { StreamName } from "../protocol/ids.ts";
import { ROOM_LIMITS } from "../protocol/room/limits.ts";
import type { Place } from "../protocol/room/place.ts";
import { standingStop } from "../protocol/stop.ts";
import { located } from "../tiers/located.ts";
import { SingleFlight } from "../tiers/single-flight.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { type Cached, type Kept, throughCache } from "./colo-cache.ts";
import { edgeOf } from "./edge/edges.ts";
import type { Env } from "./env.ts";
import { enter, refusalResponse, stoppedResponse } from "./gate.ts";
import { refuseFast } from "./rate-limits.ts";
import { isRegistered } from "./registry.ts";
import { answer, deliveryProblem, noRoom } from "./responses.ts";
import { placeOf } from "./room-place.ts";

/** A follower waits so long for the leader of its flight before it asks itself. */
const FLIGHT_MS = 4_000;
/** A window of the replay is closed when it is so old: nobody writes into it any more. */
const CLOSED_MS = ROOM_LIMITS.programmeMs;

const flights = new SingleFlight<Cached>(FLIGHT_MS);

/** `GET /rooms/{stream}/replay?from=…`: events of the window of programme time that begins there. */
export async function roomReplay(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  const { replayWindowMs } = ROOM_LIMITS;
  const from = new URL(request.url).searchParams.get("from") ?? "";
  const fromMs = /^\d{1,15}$/.test(from) ? Number(from) : Number.NaN;
  if (!(fromMs % replayWindowMs === 0)) {
    const detail = `\`from\` is a programme time in ms since 1970 that ${replayWindowMs} divides.`;
    return deliveryProblem(400, "Not a window of the replay", detail);
  }
  if (!(await isRegistered(env, life, stream))) return noRoom();
  const place = await placeOf(env, life, stream);
  if (place === null) return deliveryProblem(503, "Not now", "The room didn't answer; ask again.");
  // What the room says of itself is kept for some seconds; feeds tell at once.
  const edge = await edgeOf(env, request, life, stream);
  if (typeof edge !== "string") await edge.replica(life);
  const access = newerAccess(place.access, typeof edge === "string" ? undefined : edge.access);
  const stop = standingStop(access, Date.now());
  if (stop !== null) return stoppedResponse(stop);
  const gated = access.playback !== "public";
  const entry = gated ? await enter(env, stream, access, request) : null;
  if (entry !== null && "refusal" in entry) return refusalResponse(entry.refusal);
  const toMs = fromMs + replayWindowMs;
  // Even a closed window changes when a message in it is deleted.
  const maxAgeS = Date.now() - toMs > CLOSED_MS ? 60 : 2;
  const lifetime = `${gated ? "private" : "public"}, max-age=${maxAgeS}`;
  if (!mayHaveEvents(place, fromMs, toMs)) return none(fromMs, toMs, lifetime);
  const fast = await refuseFast(env, "replays", request);
  if (fast !== null) return fast;
  const load = async (): Promise<Kept> => {
    const events = await located(env.ROOM, place.room).replay(fromMs, toMs);
    return { text: JSON.stringify({ from: fromMs, next: toMs, events }), maxAgeS };
  };
  const key = `${stream}/replay/${fromMs}`;
  const flown = await flights.get(life, key, () => throughCache(life, key, load));
  if (!flown.ok) return deliveryProblem(503, "Not now", "The room didn't answer; ask again.");
  const { text, hit } = flown.value;
  const above = hit ? "corral-colo-cache; hit" : "corral-room; hit, corral-colo-cache; fwd=uri-miss; stored";
  return answer(text, {
    "cache-control": lifetime,
    "cache-status": `${above}, corral-isolate; fwd=uri-miss${flown.coalesced ? "; collapsed" : ""}`,
    "content-type": "application/json",
  });
}

/**
 * Windows before the room's first event, and such as have not begun, are empty without asking the room. One that isn't closed
 * may have that first event, since when nothing was heard of the room here.
 */
function mayHaveEvents({ sinceMs }: Place, fromMs: number, toMs: number): boolean {
  const nowMs = Date.now();
  return fromMs <= nowMs && (nowMs - toMs <= CLOSED_MS || (sinceMs !== null && toMs > sinceMs));
}

function none(from: number, next: number, lifetime: string): Response {
  return answer(JSON.stringify({ from, next, events: [] }), {
    "cache-control": lifetime,
    "cache-status": "corral-isolate; hit",
    "content-type": "application/json",
  });
}
