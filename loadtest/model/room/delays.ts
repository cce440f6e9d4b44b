/** Delay from sending a message to its display: random messages, hop by hop, between random viewers. */

import { REGIONS, type Region } from "../../../core/delivery/tree/node-address.ts";
import type { Random } from "../../../core/kit/clock.ts";
import {
  batchIntervalMs,
  minFanoutIntervalMs,
  siblingCount,
  tickIntervalMs,
  tickParts,
} from "../../../core/room/sharding.ts";
import { weightedChoice } from "../random.ts";
import type { ModelColo, NetworkRoundTrips } from "../world.ts";
import type { ObjectLoad } from "./loads.ts";
import type { RoomMeasurements } from "./measurements.ts";
import { callEveryMs, paceMs, type RoomRates, type SteadyRoom } from "./rates.ts";

/** Percentiles, and the mean of each step; milliseconds. */
export interface MessageDelays {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly steps: Readonly<Record<Step, number>>;
}

const STEPS = ["gather", "room", "tick", "deliver", "sockets", "distance"] as const;
type Step = (typeof STEPS)[number];

/** Locations of viewers, and distances. */
export interface RoomGeography {
  readonly colos: readonly ModelColo[];
  readonly distances: NetworkRoundTrips;
}

/** Number of drawn messages. */
const DRAWS = 20_000;
/** An overloaded object is assumed to work at this utilization; its queue grows. */
const MAX_LOAD = 0.99;

/** The round trip between a random shard and the room, ms: a shard is placed near its first viewer. */
export function meanHopMs({ colos, distances }: RoomGeography): number {
  return colos.reduce((sum, { region, share }) => sum + share * distances.live[region], 0);
}

/** The delays of a steady room. */
export function messageDelays(
  {
    standing,
    rates,
    loads,
    measured,
    places,
  }: {
    readonly standing: SteadyRoom;
    readonly rates: RoomRates;
    readonly loads: readonly ObjectLoad[];
    readonly measured: RoomMeasurements;
    readonly places: RoomGeography;
  },
  random: Random,
): MessageDelays {
  const { shards } = standing;
  const { live } = places.distances;
  const regionOf = regionPicker(places);
  const load = (object: ObjectLoad["object"]): ObjectLoad | undefined => loads.find((one) => one.object === object);
  const room = load("room")?.core ?? 0;
  const shard = load("fullest shard");
  const acts = rates.submissions === 0 ? 0 : rates.messages / rates.submissions;
  const workMs = measured.submitMs + acts * measured.actMs;
  const callMs = callEveryMs(standing, rates.roomChildren, rates.relayChildren);
  const parts = tickParts(standing.viewers, shards);
  const partMs = Math.max(tickIntervalMs(standing.viewers) / parts, minFanoutIntervalMs(shard?.sockets ?? 0, parts));
  const things = (rates.messages + rates.likes) / shards;
  const gatherAtShard = gatherDelay(
    batchIntervalMs(standing.withoutRelays ? shards : siblingCount(shards)),
    things,
    random,
  );
  const gatherAtRelay = gatherDelay(
    batchIntervalMs(rates.relays),
    rates.relaySubmissions / Math.max(1, rates.relays),
    random,
  );
  const sums = { gather: 0, room: 0, tick: 0, deliver: 0, sockets: 0, distance: 0 };
  const all = Array.from({ length: DRAWS }, () => {
    const [sender, from, to, viewer] = [regionOf(random), regionOf(random), regionOf(random), regionOf(random)];
    const step: Record<Step, number> = {
      gather: gatherAtShard() + (rates.relays > 0 ? gatherAtRelay() : 0),
      room: standing.assumptions.storeMs + workMs + queueDelayMs(room, workMs, random),
      // The wait for the next call, and for the own turn in it.
      tick: callMs * random() + partMs * Math.floor(parts * random()),
      deliver:
        random() * (rates.roomChildren * measured.callMs + paceMs(rates.roomChildren, standing)) +
        random() * (rates.relayChildren * measured.callMs + paceMs(rates.relayChildren, standing)),
      sockets:
        (random() / parts) * (shard?.sockets ?? 0) * measured.sendMs +
        queueDelayMs(shard?.core ?? 0, measured.callMs, random),
      distance:
        regionRoundTripMs(sender, from, places) / 2 +
        live[from] / 2 +
        (rates.relays > 0 ? live[regionOf(random)] : 0) +
        live[to] / 2 +
        regionRoundTripMs(to, viewer, places) / 2,
    };
    for (const name of STEPS) sums[name] += step[name] / DRAWS;
    return STEPS.reduce((sum, name) => sum + step[name], 0);
  }).toSorted((a, b) => a - b);
  const at = (part: number): number => all[Math.min(DRAWS - 1, Math.floor(part * DRAWS))] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), steps: sums };
}

/** The batching delay at this rate: the first message waits for the whole interval, the others for the rest. */
function gatherDelay(gather: number, things: number, random: Random): () => number {
  const firsts = 1 / (1 + (things * gather) / 1_000);
  return () => gather * (random() < firsts ? 1 : random());
}

/** The queueing delay at an object with service time `workMs` and this utilization. */
function queueDelayMs(busy: number, workMs: number, random: Random): number {
  const part = Math.min(MAX_LOAD, busy);
  const meanMs = (part * workMs) / (2 * (1 - part));
  return -Math.log(1 - random()) * meanMs;
}

/** The round trip between two locations: a location far from the room is assumed to be as far from others. */
function regionRoundTripMs(one: Region, other: Region, { distances }: RoomGeography): number {
  return one === other ? distances.region : Math.max(distances.live[one], distances.live[other]);
}

function regionPicker({ colos }: RoomGeography): (random: Random) => Region {
  const shares = REGIONS.map((region) =>
    colos.reduce((sum, colo) => sum + (colo.region === region ? colo.share : 0), 0),
  );
  const draw = weightedChoice(shares);
  return (random) => REGIONS[draw(random)] ?? "enam";
}
