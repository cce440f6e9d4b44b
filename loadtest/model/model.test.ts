import { expect, test } from "vitest";
import { TREE_LIMITS } from "../../core/delivery/tree/feed-policy.ts";
import { ARRIVAL_CURVES, arrivalTimeS } from "./arrival-curves.ts";
import { broadcastBill, dollarsOf } from "./bill.ts";
import { EventQueue } from "./event-queue.ts";
import { MEASUREMENTS } from "./measurements.ts";
import { drawPopulation } from "./population.ts";
import { seededRandom, weightedChoice } from "./random.ts";
import { type ModelOptions, runTreeModel, TREE_MODEL_DEFAULTS } from "./run.ts";
import { halfSecondSettings, ladderSettings, viewerRequests } from "./settings.ts";
import { harnessColos, harnessRoundTrips, worldColos } from "./world.ts";

const SMALL: ModelOptions = {
  ...TREE_MODEL_DEFAULTS,
  settings: halfSecondSettings("muxed"),
  viewers: 30_000,
  colos: worldColos(40),
};
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((all, number) => all + number, 0);

test("equal seeds give equal results, different seeds different ones", () => {
  const figures = (seed: number): unknown => runTreeModel({ ...SMALL, seed }).tiers;
  expect(figures(7)).toEqual(figures(7));
  expect(figures(7)).not.toEqual(figures(8));
});

test.each(ARRIVAL_CURVES)("every viewer of a %s arrives once, at one isolate, within the curve's time", (curve) => {
  const crowd = drawPopulation({ ...SMALL, curve }, seededRandom(1));
  expect(sum(crowd.joins)).toBe(SMALL.viewers);
  expect(sum(crowd.isolates.map(({ viewers }) => viewers))).toBe(SMALL.viewers);
  expect(arrivalTimeS(curve, 60, 0)).toBeGreaterThanOrEqual(0);
  expect(arrivalTimeS(curve, 60, 1 - Number.EPSILON)).toBeLessThanOrEqual(60);
});

test.each(ARRIVAL_CURVES)("requests sent upstream equal requests received upstream, with arrivals as a %s", (curve) => {
  const { requestsSent, tiers } = runTreeModel({ ...SMALL, curve });
  expect(sum(tiers.map(({ requests }) => requests))).toBe(requestsSent);
});

test("with slow objects parts are pulled, and those requests are counted upstream too", () => {
  const { requestsSent, pulls, tiers } = runTreeModel({ ...SMALL, linkBytesPerSecond: 2_000_000 });
  expect(pulls).toBeGreaterThan(0);
  expect(sum(tiers.map(({ requests }) => requests))).toBe(requestsSent);
  expect(runTreeModel({ ...SMALL, linkBytesPerSecond: 1e12, distances: harnessRoundTrips(0) }).pulls).toBe(0);
});

test.each(ARRIVAL_CURVES)("no node exceeds its limit of isolates, with arrivals as a %s", (curve) => {
  const { tiers } = runTreeModel({ ...SMALL, curve, colos: worldColos(6), isolates: { kind: "fixed", count: 200 } });
  const isolates = Object.fromEntries(tiers.map((load) => [load.tier, load.isolates]));
  expect(isolates["live"]).toBeLessThanOrEqual(TREE_LIMITS.liveIsolates);
  expect(isolates["region"]).toBeLessThanOrEqual(TREE_LIMITS.regionIsolates);
  expect(isolates["colo"]).toBeLessThanOrEqual(TREE_LIMITS.coloIsolates);
});

test("the isolate of a single viewer is redirected up by its colo shield, then renews for its track and every 24 s", () => {
  const { tiers } = runTreeModel({
    ...SMALL,
    viewers: 1,
    seconds: 60,
    colos: harnessColos(1, 1),
    distances: harnessRoundTrips(0),
    settings: ladderSettings("", { partMs: 500, segmentMs: 2_000 }, "muxed", 1),
  });
  const requests = Object.fromEntries(tiers.map((load) => [load.tier, load.requests]));
  // At the start without a track, then with it, and at 24 s and 48 s.
  expect(requests).toEqual({ live: 4, region: 0, colo: 1 });
});

test("a viewer of two tracks for ten parts requests a playlist and a part of each, and the objects of a join", () => {
  const settings = ladderSettings("", { partMs: 500, segmentMs: 2_000 }, "separate", 1);
  expect(viewerRequests(settings, 5)).toBe(1 + 2 * (1 + 1 + 4) + 10 * 2 * 2);
});

test("an hour of a thousand viewers costs the hand-computed amount", () => {
  const settings = ladderSettings("", { partMs: 500, segmentMs: 2_000 }, "muxed", 1);
  const bill = broadcastBill({
    settings,
    viewers: 1_000,
    objects: 1,
    feedsPerSecond: 2,
    hitMs: 0.1,
    flowMs: 0,
    dvrShare: 0,
    colos: 330,
  });
  // 4 requests per second live; 4 joins per hour with 7 requests; the status every 12.5 s; 7,200 published parts.
  const requests = 14_400_000 + 28_000 + 288_000 + 7_200;
  const byHand =
    requests * 0.3e-6 + // Worker requests
    requests * 0.1 * 0.02e-6 + // CPU
    (7_200 + 7_200) * 0.15e-6 + // object requests: parts, feeds
    3_600 * 0.128 * 12.5e-6 + // duration
    3_600 * 1e-6 + // rows: 1,800 segments and their index
    1_800 * 4.5e-6 + // R2 writes
    (((2_500_000 + 128_000) / 8) * 3_600 * 0.015) / 1e9; // stored
  expect(dollarsOf(bill)).toBeCloseTo(byHand, 6);
});

test("random draws follow their weights", () => {
  const draw = weightedChoice([1, 2, 5]);
  const random = seededRandom(3);
  const counts = [0, 0, 0];
  for (let time = 0; time < 80_000; time += 1) {
    const drawn = draw(random);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  expect(sum(counts)).toBe(80_000);
  for (const [index, share] of [1 / 8, 2 / 8, 5 / 8].entries())
    expect((counts[index] ?? 0) / 80_000).toBeCloseTo(share, 1);
});

test("events run in order of time, and of insertion at equal times", () => {
  const queue = new EventQueue();
  const done: string[] = [];
  for (const [name, atMs] of [
    ["c", 3],
    ["a", 1],
    ["b", 2],
    ["b2", 2],
    ["d", 9],
  ] as const) {
    queue.schedule(atMs, () => void done.push(name));
  }
  queue.schedule(2, (now) => queue.schedule(now + 5, () => void done.push("later")));
  queue.runAll();
  expect(done).toEqual(["a", "b", "b2", "c", "later", "d"]);
});

test("faster measured times give faster answers", () => {
  const slow = runTreeModel(SMALL).delays;
  const fast = runTreeModel({ ...SMALL, measurements: { ...MEASUREMENTS, childMs: 0, byteMs: 0, wakeMs: 0 } }).delays;
  expect(fast.p99).toBeLessThan(slow.p99);
  expect(slow.p50).toBeLessThanOrEqual(slow.p99);
});

test("viewers by flow cost their CPU, and no requests but joins and successors", () => {
  const flow = { ...ladderSettings("", { partMs: 200, segmentMs: 1_000 }, "separate", 1), flow: { unitMs: 100 } };
  const measurements = { ...MEASUREMENTS, flowWriteMs: 0.03, flowByteMs: 0 };
  const { bill, isolate, options } = runTreeModel({ ...SMALL, settings: flow, measurements });
  const amount = (meter: RegExp): number =>
    sum(bill.filter((item) => meter.test(item.meter)).map((item) => item.amount));
  // Four joins an hour of two requests each; 6.5 successors, two switches, one reconnect.
  expect(amount(/^Worker requests: joins/)).toBe(SMALL.viewers * 8);
  expect(amount(/^Worker requests: flow/) / SMALL.viewers).toBeCloseTo(6.5 + 2 + 1, 1);
  expect(amount(/status/)).toBe(0);
  // Ten writes a second of 0.03 ms.
  expect(amount(/^Worker CPU/) / options.viewers / 3_600).toBeCloseTo(0.3, 2);
  expect(isolate.flowViewers).toBe(isolate.viewers);
  expect(isolate.parkedRequests).toBe(0);
});

test("a Live object writes the chunks of all tracks at once", () => {
  const at = (settings: ModelOptions["settings"]): number =>
    runTreeModel({ ...SMALL, settings, measurements: { ...MEASUREMENTS, byteMs: 0, feedMs: 0 } }).tiers[0]?.core ?? 0;
  const parts = halfSecondSettings("separate");
  // Four tracks in parts of 0.5 s are eight writes a second to a child; chunks of 0.125 s are eight too.
  expect(at({ ...parts, flow: { unitMs: 125 } })).toBeCloseTo(at(parts), 6);
});
