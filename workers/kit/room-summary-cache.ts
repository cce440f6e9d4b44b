/** Summaries of rooms in this isolate: one call to a room for all requests, through the data centre's cache. */
import type { StreamName } from "../../core/kit/ids.ts";
import { SingleFlight } from "../../core/kit/single-flight.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { getObjectInJurisdiction } from "../../core/room/jurisdiction-namespace.ts";
import { ROOM_SUMMARY_ISOLATE_TTL_MS, type RoomSummary, roomSummaryColoTtlS } from "../../core/room/room-summary.ts";
import type { Env } from "../env.ts";
import type { RequestScope } from "./app-env.ts";
import { OBJECT_CALL_WAIT_MS, readTextThroughCache } from "./colo-cache.ts";

/** Number of cached summaries. */
const MAX_SUMMARIES = 256;

/** What a request needs for it. */
type SummaryScope = Pick<RequestScope, "env" | "ctx" | "platform">;

const flights = new SingleFlight<RoomSummary>(systemPlatform.clock, OBJECT_CALL_WAIT_MS);
const summaries = new Map<StreamName, { readonly summary: RoomSummary; readonly atMs: number }>();

/** A room's summary; an older one, or null, if the room does not answer. Never rejects. */
export async function fetchRoomSummary(scope: SummaryScope, stream: StreamName): Promise<RoomSummary | null> {
  const { ctx, platform } = scope;
  const known = summaries.get(stream);
  if (known !== undefined && platform.clock.nowMs() - known.atMs < ROOM_SUMMARY_ISOLATE_TTL_MS) return known.summary;
  const flown = await flights.load(ctx, stream, () => loadSummary(scope, stream));
  if (!flown.ok) return known?.summary ?? null;
  if (summaries.size >= MAX_SUMMARIES) summaries.clear();
  summaries.set(stream, { summary: flown.value, atMs: platform.clock.nowMs() });
  return flown.value;
}

/** What is known of a room, at once; what is old or unknown is fetched for later. */
export function peekRoomSummary(scope: SummaryScope, stream: StreamName): RoomSummary | null {
  const known = summaries.get(stream);
  const isOld = known === undefined || scope.platform.clock.nowMs() - known.atMs >= ROOM_SUMMARY_ISOLATE_TTL_MS;
  if (isOld) scope.ctx.waitUntil(fetchRoomSummary(scope, stream));
  return known?.summary ?? null;
}

async function loadSummary({ env, ctx }: SummaryScope, stream: StreamName): Promise<RoomSummary> {
  const { text } = await readTextThroughCache(ctx, `${stream}/place`, async () => {
    const summary = await askRoom(env, stream);
    return { text: JSON.stringify(summary), maxAgeS: roomSummaryColoTtlS(summary.shards) };
  });
  return JSON.parse(text) as RoomSummary;
}

/** A stream's room has the stream's name, unless that room names its replacement. */
async function askRoom(env: Env, room: string): Promise<RoomSummary> {
  const summary = await getObjectInJurisdiction(env.ROOM, room).summary();
  return summary.moved === null ? summary : askRoom(env, summary.moved);
}
