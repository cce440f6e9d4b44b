/** One run of the room's model: how its viewers get in, what each object bears, how long a message takes, what it costs. */
import { CLIENT_LIMITS } from "../../../protocol/room/client.ts";
import { PLACE_MS, placeS } from "../../../protocol/room/place.ts";
import { shardsFor } from "../../../protocol/room/shards.ts";
import { dollarsOf, type Item, STATE_EVERY_S } from "../bill.ts";
import { drawCrowd } from "../crowd.ts";
import { breaksFirst, type Check } from "../limits.ts";
import { randomOf } from "../random.ts";
import type { ModelOptions } from "../run.ts";
import { ASSUMPTIONS, type RoomAssumptions } from "./assumptions.ts";
import { roomBill } from "./bill.ts";
import { type MessageDelays, meanHopMs, messageDelays } from "./delays.ts";
import { standingChecks, stormChecks } from "./limits.ts";
import { loadsOf, type ObjectLoad } from "./loads.ts";
import { lookupsPerSecond, type Trust } from "./lookups.ts";
import { ROOM_MEASURED, type RoomMeasured } from "./measured.ts";
import { type Rates, ratesOf, type Standing } from "./rates.ts";
import { type Seating, seat } from "./seating.ts";

/** What to run: the tree's crowd, and how it uses the room. */
export interface RoomOptions
  extends Pick<ModelOptions, "viewers" | "colos" | "curve" | "overS" | "isolates" | "settings" | "distances" | "seed"> {
  readonly linkBytesPerSecond: number;
  readonly assumed: RoomAssumptions;
  readonly measured: RoomMeasured;
  /** Viewers that the room was told to expect. */
  readonly expected: number;
  /** The room tells every shard itself, without relays. */
  readonly flat: boolean;
}

/** What is assumed and measured unless something else is said. */
export const ROOM_DEFAULTS: Pick<RoomOptions, "assumed" | "measured" | "expected" | "flat"> = {
  assumed: ASSUMPTIONS,
  measured: ROOM_MEASURED,
  expected: 0,
  flat: false,
};

/** What a run shows. */
export interface RoomOutcome {
  readonly options: RoomOptions;
  readonly isolates: number;
  /** How they came, and how they come back when a deployment drops every socket. */
  readonly arrival: Seating;
  readonly back: Seating;
  readonly rates: Rates;
  readonly loads: readonly ObjectLoad[];
  /** Questions for the room's place once all have come. */
  readonly placesPerSecond: number;
  readonly delays: MessageDelays;
  /** The same if calls were not limited to so many at once. */
  readonly unpaced: MessageDelays;
  readonly bill: readonly Item[];
  readonly dollarsAnHour: number;
  readonly dollarsPerMillionViewerHours: number;
  readonly checks: readonly Check[];
  /** The check that is nearest to its bound, or furthest over it: of the room as it stands, and of the storms. */
  readonly first: Check;
  readonly firstInStorm: Check;
}

/** As `workers/room-place.ts` does. */
const TRUST: Trust = { isolateMs: () => PLACE_MS, coloMs: (shards) => 1_000 * placeS(shards) };

/** Runs the model. */
export function runRoom(options: RoomOptions): RoomOutcome {
  const { viewers, expected, assumed, measured, flat, seed } = options;
  const random = randomOf(seed);
  const crowd = drawCrowd(options, random);
  const colos = crowd.isolates.map(({ colo }) => options.colos.indexOf(colo));
  const storm = { viewers, colos, trust: TRUST, joinsPerSecond: capacity(options) };
  const arrival = seat({ ...storm, joins: crowd.joins, shards: shardsFor(expected, 1) }, random);
  const { shards } = arrival;
  // Full jitter: all come back within a client's first wait.
  const backS = CLIENT_LIMITS.againMs / 1_000;
  const back = seat({ ...storm, joins: Array.from({ length: backS }, () => viewers / backS), shards }, random);
  // Who comes asks for the place, and so does the page that shows the state.
  const asksPerSecond = 1 / assumed.stayS + 1 / STATE_EVERY_S;
  const asking = crowd.isolates.map((isolate, index) => ({
    colo: colos[index] ?? 0,
    rate: isolate.viewers * asksPerSecond,
  }));
  const standing: Standing = {
    viewers,
    shards,
    assumed,
    hopMs: meanHopMs(options),
    sendMs: measured.sendMs,
    sharedMs: 0,
    placesPerSecond: lookupsPerSecond(asking, TRUST, shards),
    flat,
  };
  const rates = ratesOf(standing, random);
  const loads = loadsOf(standing, rates, arrival, measured);
  const delays = messageDelays({ standing, rates, loads, measured, places: options }, random);
  const free: Standing = { ...standing, assumed: { ...assumed, callsAtOnce: Number.POSITIVE_INFINITY } };
  const freely = ratesOf(free, random);
  const unpaced = messageDelays(
    { standing: free, rates: freely, loads: loadsOf(free, freely, arrival, measured), measured, places: options },
    random,
  );
  const objects = 1 + rates.relays + arrival.seats.length;
  const bill = roomBill(standing, rates, objects, measured);
  const checked = { loads, rates, arrival, back, linkBytesPerSecond: options.linkBytesPerSecond };
  const standingOnes = standingChecks(checked);
  const storms = stormChecks(checked);
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
    unpaced,
    bill,
    dollarsAnHour,
    dollarsPerMillionViewerHours: (dollarsAnHour * 1e6) / viewers,
    checks: [...standingOnes, ...storms],
    first: breaksFirst(standingOnes),
    firstInStorm: breaksFirst(storms),
  };
}

/** Sockets that one shard takes on in a second: the platform's bound, or what its core can do. */
function capacity({ assumed, measured }: RoomOptions): number {
  return Math.min(assumed.joinsPerSecond, 1_000 / measured.joinMs);
}
