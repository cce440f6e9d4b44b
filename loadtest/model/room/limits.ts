/** What may break in a room: bounds that Cloudflare publishes, and those that the room sets itself. */
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { type LimitCheck, PLATFORM_LIMITS } from "../limits.ts";
import type { PlacementResult } from "./join-storm.ts";
import type { ObjectLoad } from "./loads.ts";
import type { RoomRates } from "./rates.ts";

/** Sockets of one object that may hibernate: Cloudflare's bound. */
const OBJECT_SOCKETS = 32_768;

/** What is checked. */
export interface RoomLimitInputs {
  readonly loads: readonly ObjectLoad[];
  readonly rates: RoomRates;
  readonly arrival: PlacementResult;
  readonly back: PlacementResult;
  readonly linkBytesPerSecond: number;
}

/** Bounds of the room as it stands once all have come. */
export function checkSteadyRoom(checked: RoomLimitInputs): LimitCheck[] {
  const { loads, rates, linkBytesPerSecond } = checked;
  const { objectRequestsGoal, objectRequests, memoryBytes, core } = PLATFORM_LIMITS;
  const objects = loads.flatMap((load): LimitCheck[] => {
    const name = `the ${load.object}`;
    return [
      { limit: `requests at ${name}, our goal`, bound: objectRequestsGoal, value: load.requests, unit: "a second" },
      { limit: `requests at ${name}`, bound: objectRequests, value: load.requests, unit: "a second" },
      { limit: `core of ${name}`, bound: core, value: load.core, unit: "cores" },
      { limit: `memory of ${name}`, bound: memoryBytes, value: load.memoryBytes, unit: "bytes" },
      {
        limit: `bytes out of ${name} (assumed link)`,
        bound: linkBytesPerSecond,
        value: load.bytesOut,
        unit: "bytes a second",
      },
    ];
  });
  const sockets = loads.reduce((most, load) => Math.max(most, load.sockets), 0);
  return [
    ...objects,
    {
      limit: "sockets of a shard, the room's bound",
      bound: ROOM_LIMITS.socketsPerShard,
      value: sockets,
      unit: "sockets",
    },
    { limit: "sockets of a shard", bound: OBJECT_SOCKETS, value: sockets, unit: "sockets" },
    // One more than its fill is broken; its fill is not.
    {
      limit: "children of the room, or of a relay",
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

/** Bounds in the busiest second of a storm. */
export function checkStorms({ arrival, back }: Pick<RoomLimitInputs, "arrival" | "back">): LimitCheck[] {
  const { objectRequests } = PLATFORM_LIMITS;
  return (
    [
      ["as they come", arrival],
      ["as all come back", back],
    ] as const
  ).flatMap(([when, { peakJoins, peakPlaces }]) => [
    { limit: `sockets asked for at a shard ${when}`, bound: objectRequests, value: peakJoins, unit: "a second" },
    { limit: `questions for the room's place ${when}`, bound: objectRequests, value: peakPlaces, unit: "a second" },
  ]);
}
