/** What an isolate knows of rooms: asked once in a while for all who come, by way of the data centre's cache. */
import type { StreamName } from "../protocol/ids.ts";
import { PLACE_MS, type Place, placeS } from "../protocol/room/place.ts";
import { SingleFlight } from "../tiers/single-flight.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import type { Env } from "./env.ts";

/** Rooms that are remembered at once. */
const MOST_PLACES = 256;
/** A follower waits so long for the leader of its flight before it asks itself. */
const FLIGHT_MS = 4_000;

const flights = new SingleFlight<Place>(FLIGHT_MS);
const places = new Map<StreamName, { readonly place: Place; readonly atMs: number }>();

/** A room's place; an older one, or null, if the room doesn't answer. Never rejects. */
export async function placeOf(env: Env, life: Lifetime, stream: StreamName): Promise<Place | null> {
  const known = places.get(stream);
  if (known !== undefined && Date.now() - known.atMs < PLACE_MS) return known.place;
  const flown = await flights.get(life, stream, () => cached(env, life, stream));
  if (!flown.ok) return known?.place ?? null;
  if (places.size >= MOST_PLACES) places.clear();
  places.set(stream, { place: flown.value, atMs: Date.now() });
  return flown.value;
}

async function cached(env: Env, life: Lifetime, stream: StreamName): Promise<Place> {
  const key = `https://rooms.corral.invalid/${stream}/place`;
  const held = await caches.default.match(key);
  if (held !== undefined) return held.json<Place>();
  // The answer of a call belongs to the request that made it; what others share is a copy.
  const place = { ...(await env.ROOM.getByName(stream).place()) };
  const headers = { "cache-control": `public, max-age=${placeS(place.shards)}` };
  life.waitUntil(caches.default.put(key, Response.json(place, { headers })).catch(() => {}));
  return place;
}
