/** One run of the room's model: joins, load per object, message delay, cost. */
import { ROOM_CLIENT_LIMITS } from "../../../core/room/client/client-limits.ts";
import { ROOM_SUMMARY_ISOLATE_TTL_MS, roomSummaryColoTtlS } from "../../../core/room/room-summary.ts";
import { shardCountFor } from "../../../core/room/sharding.ts";
import { type BillItem, dollarsOf, STATUS_POLL_S } from "../bill.ts";
import { type LimitCheck, mostUtilized } from "../limits.ts";
import { drawPopulation } from "../population.ts";
import { seededRandom } from "../random.ts";
import type { ModelOptions } from "../run.ts";
import { ASSUMPTIONS, type RoomAssumptions } from "./assumptions.ts";
import { roomBill } from "./bill.ts";
import { type MessageDelays, meanHopMs, messageDelays } from "./delays.ts";
import { type PlacementResult, simulateJoinStorm } from "./join-storm.ts";
import { checkSteadyRoom, checkStorms } from "./limits.ts";
import { type ObjectLoad, objectLoads } from "./loads.ts";
import { lookupsPerSecond, type PlacementTtl } from "./lookups.ts";
import { ROOM_MEASUREMENTS, type RoomMeasurements } from "./measurements.ts";
import { type RoomRates, roomRates, type SteadyRoom } from "./rates.ts";

/** Options: the tree's audience, and its use of the room. */
export interface RoomModelOptions
  extends Pick<
    ModelOptions,
    "viewers" | "colos" | "curve" | "arrivalS" | "isolates" | "settings" | "distances" | "seed"
  > {
  readonly linkBytesPerSecond: number;
  readonly assumptions: RoomAssumptions;
  readonly measurements: RoomMeasurements;
  /** The expected audience. */
  readonly expectedViewers: number;
  /** The room calls every shard directly, without relays. */
  readonly withoutRelays: boolean;
}

/** Default assumptions and measurements. */
export const ROOM_MODEL_DEFAULTS: Pick<
  RoomModelOptions,
  "assumptions" | "measurements" | "expectedViewers" | "withoutRelays"
> = {
  assumptions: ASSUMPTIONS,
  measurements: ROOM_MEASUREMENTS,
  expectedViewers: 0,
  withoutRelays: false,
};

/** The result of a run. */
export interface RoomModelOutcome {
  readonly options: RoomModelOptions;
  readonly isolates: number;
  /** The join storm, and the reconnection of all after a deployment. */
  readonly arrival: PlacementResult;
  readonly back: PlacementResult;
  readonly rates: RoomRates;
  readonly loads: readonly ObjectLoad[];
  /** Room summary requests once all have joined. */
  readonly placesPerSecond: number;
  readonly delays: MessageDelays;
  /** The same without the limit on concurrent calls. */
  readonly unlimitedCallDelays: MessageDelays;
  readonly bill: readonly BillItem[];
  readonly dollarsAnHour: number;
  readonly dollarsPerMillionViewerHours: number;
  readonly checks: readonly LimitCheck[];
  /** The check with the highest utilization: of the steady room, and of the storms. */
  readonly firstLimit: LimitCheck;
  readonly firstStormLimit: LimitCheck;
}

/** As in `workers/kit/room-summary-cache.ts`. */
const PLACEMENT_TTL: PlacementTtl = {
  isolateMs: () => ROOM_SUMMARY_ISOLATE_TTL_MS,
  coloMs: (shards) => 1_000 * roomSummaryColoTtlS(shards),
};

/** Runs the model. */
export function runRoomModel(options: RoomModelOptions): RoomModelOutcome {
  const { viewers, expectedViewers, assumptions, measurements, withoutRelays, seed } = options;
  const random = seededRandom(seed);
  const crowd = drawPopulation(options, random);
  const colos = crowd.isolates.map(({ colo }) => options.colos.indexOf(colo));
  const storm = { viewers, colos, placementTtl: PLACEMENT_TTL, joinsPerSecond: shardJoinsPerSecond(options) };
  const arrival = simulateJoinStorm(
    { ...storm, joins: crowd.joins, shards: shardCountFor(expectedViewers, 1) },
    random,
  );
  const { shards } = arrival;
  // Full jitter: all reconnect within a client's first delay.
  const backS = ROOM_CLIENT_LIMITS.reconnectBaseMs / 1_000;
  const back = simulateJoinStorm(
    { ...storm, joins: Array.from({ length: backS }, () => viewers / backS), shards },
    random,
  );
  // A join requests the summary, and so does a page that shows the status.
  const asksPerSecond = 1 / assumptions.stayS + 1 / STATUS_POLL_S;
  const asking = crowd.isolates.map((isolate, index) => ({
    colo: colos[index] ?? 0,
    rate: isolate.viewers * asksPerSecond,
  }));
  const standing: SteadyRoom = {
    viewers,
    shards,
    assumptions,
    hopMs: meanHopMs(options),
    sendMs: measurements.sendMs,
    sharedMs: 0,
    placesPerSecond: lookupsPerSecond(asking, PLACEMENT_TTL, shards),
    withoutRelays,
  };
  const rates = roomRates(standing, random);
  const loads = objectLoads(standing, rates, arrival, measurements);
  const delays = messageDelays({ standing, rates, loads, measured: measurements, places: options }, random);
  const free: SteadyRoom = { ...standing, assumptions: { ...assumptions, concurrentCalls: Number.POSITIVE_INFINITY } };
  const freely = roomRates(free, random);
  const unpaced = messageDelays(
    {
      standing: free,
      rates: freely,
      loads: objectLoads(free, freely, arrival, measurements),
      measured: measurements,
      places: options,
    },
    random,
  );
  const objects = 1 + rates.relays + arrival.socketsPerShard.length;
  const bill = roomBill(standing, rates, objects, measurements);
  const checked = { loads, rates, arrival, back, linkBytesPerSecond: options.linkBytesPerSecond };
  const standingOnes = checkSteadyRoom(checked);
  const storms = checkStorms(checked);
  const dollarsAnHour = dollarsOf(bill);
  return {
    options,
    isolates: colos.length,
    arrival,
    back,
    rates,
    loads,
    placesPerSecond: standing.placesPerSecond,
    delays,
    unlimitedCallDelays: unpaced,
    bill,
    dollarsAnHour,
    dollarsPerMillionViewerHours: (dollarsAnHour * 1e6) / viewers,
    checks: [...standingOnes, ...storms],
    firstLimit: mostUtilized(standingOnes),
    firstStormLimit: mostUtilized(storms),
  };
}

/** Sockets that one shard accepts per second: the platform's limit, or its core's capacity. */
function shardJoinsPerSecond({ assumptions, measurements }: RoomModelOptions): number {
  return Math.min(assumptions.joinsPerSecond, 1_000 / measurements.joinMs);
}
