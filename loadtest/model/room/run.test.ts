import { expect, test } from "vitest";
import { utilization } from "../limits.ts";
import { seededRandom } from "../random.ts";
import { TREE_MODEL_DEFAULTS } from "../run.ts";
import { halfSecondSettings } from "../settings.ts";
import { harnessColos, worldColos } from "../world.ts";
import { ASSUMPTIONS } from "./assumptions.ts";
import { roomBill } from "./bill.ts";
import { frameSizes } from "./frames.ts";
import { ROOM_MEASUREMENTS } from "./measurements.ts";
import { parseRoomOptions, type RoomArgs } from "./options.ts";
import { roomRates, type SteadyRoom } from "./rates.ts";
import { ROOM_MODEL_DEFAULTS, type RoomModelOptions, runRoomModel } from "./run.ts";
import { compareRoomWithModel } from "./validate.ts";

const SMALL: RoomModelOptions = {
  ...TREE_MODEL_DEFAULTS,
  ...ROOM_MODEL_DEFAULTS,
  settings: halfSecondSettings("muxed"),
  viewers: 20_000,
  colos: worldColos(40),
};
const STANDING: SteadyRoom = {
  viewers: 1_000,
  shards: 1,
  assumptions: ASSUMPTIONS,
  hopMs: 10,
  sendMs: 0.01,
  sharedMs: 0,
  placesPerSecond: 0.5,
  withoutRelays: false,
};

test("equal seeds give equal results, different seeds different ones", () => {
  const figures = (seed: number): unknown => runRoomModel({ ...SMALL, seed }).delays;
  expect(figures(7)).toEqual(figures(7));
  expect(figures(7)).not.toEqual(figures(8));
});

test("objects' sockets equal the room's viewers, and deliveries equal shown messages times receivers", () => {
  const { loads, arrival, rates } = runRoomModel(SMALL);
  const shard = loads.find(({ object }) => object === "shard");
  const sockets = (shard?.sockets ?? 0) * (shard?.objects ?? 0);
  expect(sockets).toBeCloseTo(SMALL.viewers);
  expect(arrival.socketsPerShard.length).toBe(shard?.objects);
  expect((shard?.messagesDelivered ?? 0) * (shard?.objects ?? 0)).toBeCloseTo(rates.shownMessages * SMALL.viewers);
});

test("pages that show the state request the room's summary without joins, and the room answers those requests too", () => {
  const { loads, rates, placesPerSecond } = runRoomModel({
    ...SMALL,
    assumptions: { ...ASSUMPTIONS, stayS: Number.POSITIVE_INFINITY },
  });
  // Each of forty data centres requests a summary when its cache is two seconds old and a viewer needs it.
  expect(placesPerSecond).toBeGreaterThan(10);
  expect(placesPerSecond).toBeLessThanOrEqual(20);
  const room = loads.find(({ object }) => object === "room");
  expect(room?.requests).toBeCloseTo(rates.submissions + rates.reports + placesPerSecond);
});

test("an hour of a thousand viewers costs the hand-computed amount", () => {
  const rates = {
    ...roomRates(STANDING, seededRandom(1)),
    ...{
      messages: 2,
      writers: 1,
      likes: 0,
      joins: 1,
      framesIn: 43,
      heartbeats: 500,
      submissions: 2,
      reports: 1,
      ticks: 3,
      delivers: 3,
    },
  };
  const bill = roomBill(STANDING, rates, 2, { ...ROOM_MEASUREMENTS, joinMs: 2 });
  const stored = (3_600 * 2 * 2 * frameSizes(ASSUMPTIONS.textChars).event) / 1e9 / 30;
  const byHand =
    3_600 * 0.3e-6 + // sockets at the Worker
    3_600 * 2 * 0.02e-6 + // its CPU
    3_600 * (1 + 43 / 20 + 2 + 1 + 1 + 3 + 0.5) * 0.15e-6 + // object requests: sockets, frames, calls; heartbeats cost nothing
    2 * 3_600 * 0.128 * 12.5e-6 + // the room and a shard
    3_600 * (2 * 4 + 1 * 3 * 2 + 1 + 0.5 + 0.2) * 1e-6 + // rows: messages, a writer and their end, a count, sums, an alarm
    3_600 * 2 * 3 * 0.001e-6 + // rows read
    stored * 0.2;
  expect(bill.reduce((sum, { dollars }) => sum + dollars, 0)).toBeCloseTo(byHand, 9);
  const beats = roomBill({ ...STANDING, assumptions: { ...ASSUMPTIONS, heartbeatsBilled: true } }, rates, 2, {
    ...ROOM_MEASUREMENTS,
    joinMs: 2,
  }).reduce((sum, { dollars }) => sum + dollars, 0);
  expect(beats - byHand).toBeCloseTo((3_600 * 500 * 0.15e-6) / 20, 9);
});

test("a higher message rate increases delay and cost until the room's core is saturated", () => {
  const quiet = runRoomModel(SMALL);
  const loud = runRoomModel({ ...SMALL, assumptions: { ...ASSUMPTIONS, chatPerMinute: 60 } });
  expect(loud.dollarsAnHour).toBeGreaterThan(quiet.dollarsAnHour);
  expect(loud.delays.p99).toBeGreaterThan(quiet.delays.p99);
  const core = loud.checks.find(({ limit }) => limit === "core of the room");
  expect(core === undefined ? 0 : utilization(core)).toBeGreaterThan(1);
  expect(loud.rates.shownMessages).toBeLessThan(31);
});

test("samples that are too small are not compared", () => {
  const counted = {
    acts: 30,
    submissions: 30,
    reports: 3,
    delivers: 90,
    framesIn: 0,
    rowsWritten: 0,
    frames: 0,
    chars: 0,
    hopMs: 1,
    storeMs: 1,
  };
  const silent = { ...ASSUMPTIONS, chatPerMinute: 0.06, likesPerMinute: 0, stayS: Number.POSITIVE_INFINITY };
  const beside = compareRoomWithModel(counted, { ...STANDING, assumptions: silent }, 1);
  expect(beside.find(({ what }) => what === "messages at the room")).toMatchObject({ modelled: 30, ratio: null });
  expect(beside.find(({ what }) => what === "calls to the shard")?.ratio).toBeGreaterThan(0);
});

const ARGS: RoomArgs = {
  chat: "0.1",
  taps: "0",
  text: "40",
  stay: "900",
  "joins-per-second": "1000",
  "calls-at-once": "6",
  store: "10",
  "beats-billed": false,
  expected: "0",
  flat: false,
};
const TREE = {
  ...TREE_MODEL_DEFAULTS,
  settings: halfSecondSettings("muxed"),
  viewers: 1_000,
  colos: harnessColos(2, 1),
};

test("command-line arguments are parsed into a room", () => {
  const options = parseRoomOptions({ ...ARGS, "beats-billed": true, flat: true }, TREE);
  expect(options).toMatchObject({
    viewers: 1_000,
    withoutRelays: true,
    assumptions: { chatPerMinute: 0.1, heartbeatsBilled: true },
  });
});

test.each([
  [{ expected: "1e9" }, "--expected is a number from 0 to 10000000"],
  [{ chat: "-1" }, "--chat is a number from 0 to 60, not -1."],
  [{ taps: "many" }, "--taps"],
  [{ stay: "0" }, "--stay"],
  [{ "calls-at-once": "" }, "not nothing"],
])("invalid arguments are refused with the reason: %j", (wrong, reason) => {
  expect(() => parseRoomOptions({ ...ARGS, ...wrong }, TREE)).toThrow(reason);
});
