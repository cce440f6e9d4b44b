import { expect, test } from "vitest";
import { countAnswer, noCounts } from "../status.ts";
import { Tally } from "./tally.ts";

test("viewers are told by how many part durations a second they ask for", () => {
  const tally = new Tally("isolate", "a");
  tally.report(100_000);
  const viewers = (nowMs: number): number => tally.watching(nowMs).viewers;
  expect(viewers(101_000)).toBe(0);
  for (let part = 0; part < 30; part += 1) for (let viewer = 0; viewer < 7; viewer += 1) tally.blocking(333.34);
  expect(viewers(110_000)).toBe(7);
  expect(tally.report(110_000).viewers).toBe(7);
  expect(viewers(111_000)).toBe(7);
  expect(viewers(114_000)).toBe(0);
});

test("requests a second are those of viewers, of each isolate over its latest report, and are forgotten with it", () => {
  const live = new Tally("live", "live");
  const isolate = new Tally("isolate", "a");
  isolate.report(100_000);
  for (let request = 0; request < 240; request += 1) isolate.answered("hits", 200);
  expect(isolate.watching(124_000).requestsPerSecond).toBe(10);
  live.answered("hits", 200);
  live.take(isolate.report(124_000), 124_000);
  live.take({ node: "b", tiers: {}, viewers: 2, requestsPerSecond: 2.5 }, 124_000);
  expect(live.watching(125_000)).toEqual({ viewers: 2, requestsPerSecond: 12.5 });
  expect(isolate.watching(125_000).requestsPerSecond).toBe(10);
  expect(isolate.watching(134_000).requestsPerSecond).toBe(0);
  expect(live.watching(190_000)).toEqual({ viewers: 0, requestsPerSecond: 0 });
});

test("the data centre's cache counts for the data centre's tier, and an object crosses the links to it and from it", () => {
  const isolate = new Tally("isolate", "a");
  countAnswer(isolate.cache, "pulled", 200);
  isolate.cameToCache("key");
  isolate.came("key");
  const { isolate: own, colo } = isolate.report(1).tiers;
  expect(colo).toMatchObject({ requests: 1, pulled: 1, objects: 1, crossings: 1, mostCrossings: 1 });
  expect(own).toMatchObject({ requests: 0, objects: 1, crossings: 1, mostCrossings: 1 });
});

test("a report holds what was counted since the last one, and tells how often one object came", () => {
  const tally = new Tally("isolate", "a");
  tally.own.requests = 5;
  tally.came("720p/1.0");
  tally.came("720p/1.0");
  const counts = { ...noCounts(), requests: 5, objects: 1, crossings: 2, mostCrossings: 2 };
  expect(tally.report(1).tiers.isolate).toEqual(counts);
  tally.own.requests = 7;
  expect(tally.report(2).tiers.isolate).toEqual({ ...noCounts(), requests: 2, mostCrossings: 2 });
});

test("a report that wasn't taken is part of the next one", () => {
  const tally = new Tally("isolate", "a");
  tally.own.requests = 5;
  const lost = tally.report(1);
  tally.own.requests = 8;
  tally.giveBack(lost);
  expect(tally.report(2).tiers.isolate?.requests).toBe(8);
  expect(tally.report(3).tiers.isolate?.requests).toBe(0);
});

test("what the nodes below report rides on with a node's own report, tier by tier, and sums up at the top", () => {
  const live = new Tally("live", "live");
  const shield = new Tally("colo", "colo");
  const isolates = [new Tally("isolate", "a"), new Tally("isolate", "b")];
  for (const isolate of isolates) {
    isolate.own.requests = 10;
    isolate.own.hits = 9;
    countAnswer(isolate.r2, "hits", 200);
    shield.take(isolate.report(1), 1);
  }
  shield.own.requests = 2;
  live.take(shield.report(2), 2);
  const { tiers } = live.summary(3);
  expect(tiers.map(({ tier, requests, hits }) => [tier, requests, hits])).toEqual([
    ["isolate", 20, 18],
    ["colo", 2, 0],
    ["live", 0, 0],
    ["r2", 2, 2],
  ]);
});
