/** What an isolate knows of rooms: asked once in a while for all who come, by way of the data centre's cache. */
import type { StreamName } from "../protocol/ids.ts";
import { PLACE_MS, type Place, placeS } from "../protocol/room/place.ts";
import { located } from "../tiers/located.ts";
import { SingleFlight } from "../tiers/single-flight.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { throughCache } from "./colo-cache.ts";
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
  const flown = await flights.get(life, stream, () => load(env, life, stream));
  if (!flown.ok) return known?.place ?? null;
  if (places.size >= MOST_PLACES) places.clear();
  places.set(stream, { place: flown.value, atMs: Date.now() });
  return flown.value;
}

async function load(env: Env, life: Lifetime, stream: StreamName): Promise<Place> {
  const { text } = await throughCache(life, `${stream}/place`, async () => {
    const place = await ask(env, stream);
    return { text: JSON.stringify(place), maxAgeS: placeS(place.shards) };
  });
  return JSON.parse(text) as Place;
}

/** A stream's room is named like the stream, unless that one says which it is instead. */
async function ask(env: Env, room: string): Promise<Place> {
  const place = await located(env.ROOM, room).place();
  return place.moved === null ? place : ask(env, place.moved);
}
