/** Limits of a room: those that Cloudflare publishes, and the room's own. */
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { type LimitCheck, PLATFORM_LIMITS } from "../limits.ts";
import type { PlacementResult } from "./join-storm.ts";
import type { ObjectLoad } from "./loads.ts";
import type { RoomRates } from "./rates.ts";

/** Hibernating sockets of one object: Cloudflare's limit. */
const OBJECT_SOCKETS = 32_768;

/** The inputs of the checks. */
export interface RoomLimitInputs {
  readonly loads: readonly ObjectLoad[];
  readonly rates: RoomRates;
  readonly arrival: PlacementResult;
  readonly back: PlacementResult;
  readonly linkBytesPerSecond: number;
}

/** Limits of the steady room, once all have joined. */
export function checkSteadyRoom(checked: RoomLimitInputs): LimitCheck[] {
  const { loads, rates, linkBytesPerSecond } = checked;
  const { objectRequestsGoal, objectRequests, memoryBytes, core } = PLATFORM_LIMITS;
  const objects = loads.flatMap((load): LimitCheck[] => {
    const name = `the ${load.object}`;
    return [
      { limit: `requests at ${name}, goal`, bound: objectRequestsGoal, value: load.requests, unit: "per second" },
      { limit: `requests at ${name}`, bound: objectRequests, value: load.requests, unit: "per second" },
      { limit: `core of ${name}`, bound: core, value: load.core, unit: "cores" },
      { limit: `memory of ${name}`, bound: memoryBytes, value: load.memoryBytes, unit: "bytes" },
      {
        limit: `bytes out of ${name} (assumed link)`,
        bound: linkBytesPerSecond,
        value: load.bytesOut,
        unit: "bytes per second",
      },
    ];
  });
  const sockets = loads.reduce((most, load) => Math.max(most, load.sockets), 0);
  return [
    ...objects,
    {
      limit: "sockets per shard",
      bound: ROOM_LIMITS.socketsPerShard,
      value: sockets,
      unit: "sockets",
    },
    { limit: "sockets per object (platform)", bound: OBJECT_SOCKETS, value: sockets, unit: "sockets" },
    // One more than its capacity is too many; its capacity is not.
    {
      limit: "children of room or relay",
      bound: ROOM_LIMITS.fanOut + 1,
      value: Math.max(rates.roomChildren, rates.relayChildren),
      unit: "objects",
    },
    {
      limit: "messages in one call to the room",
      bound: ROOM_LIMITS.commandsPerBatch,
      value: rates.submissions === 0 ? 0 : rates.messages / rates.submissions,
      unit: "messages",
    },
  ];
}

/** Limits in the peak second of a storm. */
export function checkStorms({ arrival, back }: Pick<RoomLimitInputs, "arrival" | "back">): LimitCheck[] {
  const { objectRequests } = PLATFORM_LIMITS;
  return (
    [
      ["during the join storm", arrival],
      ["during the reconnection of all", back],
    ] as const
  ).flatMap(([when, { peakJoins, peakPlaces }]) => [
    { limit: `socket requests at one shard ${when}`, bound: objectRequests, value: peakJoins, unit: "per second" },
    { limit: `room summary requests ${when}`, bound: objectRequests, value: peakPlaces, unit: "per second" },
  ]);
}
