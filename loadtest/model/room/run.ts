/** One run of the room's model: how its viewers get in, what each object bears, how long a message takes, what it costs. */
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

/** What to run: the tree's crowd, and how it uses the room. */
export interface RoomModelOptions
  extends Pick<
    ModelOptions,
    "viewers" | "colos" | "curve" | "arrivalS" | "isolates" | "settings" | "distances" | "seed"
  > {
  readonly linkBytesPerSecond: number;
  readonly assumptions: RoomAssumptions;
  readonly measurements: RoomMeasurements;
  /** The expected audience that was announced to the room. */
  readonly expectedViewers: number;
  /** The room tells every shard itself, without relays. */
  readonly withoutRelays: boolean;
}

/** What is assumed and measured unless something else is said. */
export const ROOM_MODEL_DEFAULTS: Pick<
  RoomModelOptions,
  "assumptions" | "measurements" | "expectedViewers" | "withoutRelays"
> = {
  assumptions: ASSUMPTIONS,
  measurements: ROOM_MEASUREMENTS,
  expectedViewers: 0,
  withoutRelays: false,
};

/** What a run shows. */
export interface RoomModelOutcome {
  readonly options: RoomModelOptions;
  readonly isolates: number;
  /** How they came, and how they come back when a deployment drops every socket. */
  readonly arrival: PlacementResult;
  readonly back: PlacementResult;
  readonly rates: RoomRates;
  readonly loads: readonly ObjectLoad[];
  /** Questions for the room's place once all have come. */
  readonly placesPerSecond: number;
  readonly delays: MessageDelays;
  /** The same if calls were not limited to so many at once. */
  readonly unlimitedCallDelays: MessageDelays;
  readonly bill: readonly BillItem[];
  readonly dollarsAnHour: number;
  readonly dollarsPerMillionViewerHours: number;
  readonly checks: readonly LimitCheck[];
  /** The check that is nearest to its bound, or furthest over it: of the room as it stands, and of the storms. */
  readonly firstLimit: LimitCheck;
  readonly firstStormLimit: LimitCheck;
}

/** As `workers/room/room-summary-cache.ts` does. */
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
  // Full jitter: all come back within a client's first wait.
  const backS = ROOM_CLIENT_LIMITS.reconnectBaseMs / 1_000;
  const back = simulateJoinStorm(
    { ...storm, joins: Array.from({ length: backS }, () => viewers / backS), shards },
    random,
  );
  // Who comes asks for the place, and so does the page that shows the state.
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

/** Sockets that one shard takes on in a second: the platform's bound, or what its core can do. */
function shardJoinsPerSecond({ assumptions, measurements }: RoomModelOptions): number {
  return Math.min(assumptions.joinsPerSecond, 1_000 / measurements.joinMs);
}
