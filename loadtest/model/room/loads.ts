/** Loads of a room's objects: the room itself, its relays, the fullest shard and the median one. */
import { KEYRING_LIMITS } from "../../../core/room/keyring.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { minFanoutIntervalMs } from "../../../core/room/sharding.ts";
import { frameSizes } from "./frames.ts";
import type { PlacementResult } from "./join-storm.ts";
import type { RoomMeasurements } from "./measurements.ts";
import type { RoomRates, SteadyRoom } from "./rates.ts";

/** The load of one object. */
export interface ObjectLoad {
  readonly object: "room" | "relay" | "keyring" | "shard" | "fullest shard";
  readonly objects: number;
  readonly sockets: number;
  /** Calls and socket requests per second, once all have joined. */
  readonly requests: number;
  readonly callsOut: number;
  /** Frames from viewers that wake it, and frames to them, per second. */
  readonly framesIn: number;
  readonly framesOut: number;
  /** Messages displayed to its viewers per second, summed over viewers. */
  readonly messagesDelivered: number;
  readonly bytesOut: number;
  /** Its heap, which is limited; and with the platform's memory for its sockets, which is limited by their number. */
  readonly memoryBytes: number;
  readonly residentBytes: number;
  /** Share of one core: 1 is all of it. */
  readonly core: number;
}

/** An object's own code and heap: an assumption, the same as for the tree's objects. */
const BARE_BYTES = 16_000_000;
/** Outcomes of commands that a shard remembers, each with its event; see `command-intake.ts`. */
const CACHED_OUTCOMES = 1_024;
/** Memory of an event per character: the object, and the parsed text; an assumption. */
const BYTES_PER_CHAR = 4;

/** Every kind of object. */
export function objectLoads(
  standing: SteadyRoom,
  rates: RoomRates,
  seating: PlacementResult,
  measured: RoomMeasurements,
): readonly ObjectLoad[] {
  const { viewers } = standing;
  const seats = seating.socketsPerShard.toSorted();
  const relays = rates.relays > 0 ? [relayLoad(standing, rates, measured)] : [];
  const shard = (object: ObjectLoad["object"], sockets: number): ObjectLoad =>
    shardLoad({ object, sockets, objects: object === "shard" ? seats.length : 1 }, standing, rates, measured);
  const memoryBytes = BARE_BYTES + eventsHeap(standing, ROOM_LIMITS.shardHistoryEvents);
  const batch = batchBytes(standing, rates);
  const down = rates.calls * rates.roomChildren;
  const calls = rates.submissions + rates.reports + standing.placesPerSecond;
  return [
    {
      object: "room",
      objects: 1,
      sockets: 0,
      requests: calls,
      callsOut: down + rates.writers,
      framesIn: 0,
      framesOut: 0,
      messagesDelivered: 0,
      bytesOut: down * batch,
      memoryBytes,
      residentBytes: memoryBytes,
      core:
        ((calls - rates.submissions + rates.writers) * measured.callMs +
          rates.submissions * measured.submitMs +
          rates.messages * measured.actMs +
          down * callMs(measured, batch)) /
        1_000,
    },
    ...relays,
    keyringLoad(rates, measured),
    shard("shard", viewers / Math.max(1, seats.length)),
    shard("fullest shard", seats.at(-1) ?? 0),
  ];
}

/** One of the keyrings, which other rooms use too. */
function keyringLoad({ writers }: RoomRates, measured: RoomMeasurements): ObjectLoad {
  const requests = writers / KEYRING_LIMITS.keyrings;
  return {
    object: "keyring",
    objects: KEYRING_LIMITS.keyrings,
    sockets: 0,
    requests,
    callsOut: 0,
    framesIn: 0,
    framesOut: 0,
    messagesDelivered: 0,
    bytesOut: 0,
    memoryBytes: BARE_BYTES,
    residentBytes: BARE_BYTES,
    core: (requests * measured.callMs) / 1_000,
  };
}

/** Heap of this many events. */
const eventsHeap = ({ assumptions }: SteadyRoom, events: number): number =>
  events * frameSizes(assumptions.textChars).event * BYTES_PER_CHAR;

/** Bytes of the room's calls to a child. */
const batchBytes = ({ assumptions }: SteadyRoom, { calls, shownMessages }: RoomRates): number => {
  const { tick, event } = frameSizes(assumptions.textChars);
  return tick + (calls === 0 ? 0 : shownMessages / calls) * event;
};

const callMs = ({ callMs: call, byteMs }: RoomMeasurements, bytes: number): number => call + bytes * byteMs;

function relayLoad(standing: SteadyRoom, rates: RoomRates, measured: RoomMeasurements): ObjectLoad {
  const batch = batchBytes(standing, rates);
  const down = rates.ticks * rates.relayChildren;
  const up = (rates.submissions + rates.reports) / rates.relays;
  const fromShards = (rates.relaySubmissions + rates.relayReports) / rates.relays;
  return {
    object: "relay",
    objects: rates.relays,
    sockets: 0,
    requests: rates.calls + fromShards,
    callsOut: down + up,
    framesIn: 0,
    framesOut: 0,
    messagesDelivered: 0,
    bytesOut: down * batch,
    memoryBytes: BARE_BYTES,
    residentBytes: BARE_BYTES,
    core: ((rates.calls + down) * callMs(measured, batch) + (up + fromShards) * measured.callMs) / 1_000,
  };
}

function shardLoad(
  { object, sockets, objects }: Pick<ObjectLoad, "object" | "sockets" | "objects">,
  standing: SteadyRoom,
  rates: RoomRates,
  measured: RoomMeasurements,
): ObjectLoad {
  const part = sockets / standing.viewers;
  const joins = rates.joins * part;
  const messages = rates.messages * part;
  const framesIn = rates.framesIn * part;
  // An overfull shard sends to its viewers less often.
  const ticks = Math.min(rates.ticks, 1_000 / minFanoutIntervalMs(sockets, 1));
  const framesOut = (rates.framesOut - rates.ticks + ticks) * sockets;
  const bytesOut = rates.bytesOut * sockets;
  const up = rates.relays > 0 ? rates.relaySubmissions + rates.relayReports : rates.submissions + rates.reports;
  const callsOut = up / standing.shards;
  const kept = BARE_BYTES + eventsHeap(standing, ROOM_LIMITS.shardHistoryEvents + CACHED_OUTCOMES);
  const busyMs =
    (rates.calls + callsOut) * measured.callMs +
    joins * measured.joinMs +
    messages * measured.actMs +
    Math.max(0, framesIn - messages - joins) * measured.frameMs +
    rates.heartbeats * part * measured.beatMs +
    framesOut * measured.sendMs +
    bytesOut * measured.byteMs;
  return {
    object,
    objects,
    sockets,
    requests: rates.calls + joins,
    callsOut,
    framesIn,
    framesOut,
    messagesDelivered: rates.shownMessages * sockets,
    bytesOut,
    memoryBytes: kept + sockets * measured.heapSocketBytes,
    residentBytes: kept + sockets * measured.socketBytes,
    core: busyMs / 1_000,
  };
}
