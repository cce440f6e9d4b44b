/** What an isolate knows of rooms: asked once in a while for all who come, by way of the data centre's cache. */

import type { StreamName } from "../../core/kit/ids.ts";
import { SingleFlight } from "../../core/kit/workerd/single-flight.ts";
import type { WaitUntilContext } from "../../core/kit/workerd/wait-until.ts";
import { getObjectInJurisdiction } from "../../core/room/jurisdiction-namespace.ts";
import { ROOM_SUMMARY_ISOLATE_TTL_MS, type RoomSummary, roomSummaryColoTtlS } from "../../core/room/room-summary.ts";
import type { Env } from "../env.ts";
import { readTextThroughCache } from "../kit/colo-cache.ts";

/** Rooms that are remembered at once. */
const MAX_SUMMARIES = 256;
/** A follower waits so long for the leader of its flight before it asks itself. */
const COALESCED_WAIT_MS = 4_000;

const flights = new SingleFlight<RoomSummary>(COALESCED_WAIT_MS);
const summaries = new Map<StreamName, { readonly place: RoomSummary; readonly atMs: number }>();

/** A room's place; an older one, or null, if the room doesn't answer. Never rejects. */
export async function fetchRoomSummary(
  env: Env,
  ctx: WaitUntilContext,
  stream: StreamName,
): Promise<RoomSummary | null> {
  const known = summaries.get(stream);
  if (known !== undefined && Date.now() - known.atMs < ROOM_SUMMARY_ISOLATE_TTL_MS) return known.place;
  const flown = await flights.load(ctx, stream, () => loadSummary(env, ctx, stream));
  if (!flown.ok) return known?.place ?? null;
  if (summaries.size >= MAX_SUMMARIES) summaries.clear();
  summaries.set(stream, { place: flown.value, atMs: Date.now() });
  return flown.value;
}

async function loadSummary(env: Env, ctx: WaitUntilContext, stream: StreamName): Promise<RoomSummary> {
  const { text } = await readTextThroughCache(ctx, `${stream}/place`, async () => {
    const place = await askRoom(env, stream);
    return { text: JSON.stringify(place), maxAgeS: roomSummaryColoTtlS(place.shards) };
  });
  return JSON.parse(text) as RoomSummary;
}

/** A stream's room is named like the stream, unless that one says which it is instead. */
async function askRoom(env: Env, room: string): Promise<RoomSummary> {
  const place = await getObjectInJurisdiction(env.ROOM, room).summary();
  return place.moved === null ? place : askRoom(env, place.moved);
}
