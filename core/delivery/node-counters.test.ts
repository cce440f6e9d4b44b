import { expect, test } from "vitest";
import { countRequest, zeroCounters } from "../broadcast/stream-status.ts";
import { NodeCounters } from "./node-counters.ts";

test("viewers are estimated from the part durations requested per second", () => {
  const tally = new NodeCounters("isolate", "a");
  tally.createReport(100_000);
  const viewers = (nowMs: number): number => tally.estimateAudience(nowMs).viewers;
  expect(viewers(101_000)).toBe(0);
  for (let part = 0; part < 30; part += 1)
    for (let viewer = 0; viewer < 7; viewer += 1) tally.countBlockingRequest(333.34);
  expect(viewers(110_000)).toBe(7);
  expect(tally.createReport(110_000).viewers).toBe(7);
  expect(viewers(111_000)).toBe(7);
  expect(viewers(114_000)).toBe(0);
});

test("viewer requests per second are summed over the latest report of each isolate, and dropped with it", () => {
  const live = new NodeCounters("live", "live");
  const isolate = new NodeCounters("isolate", "a");
  isolate.createReport(100_000);
  for (let request = 0; request < 240; request += 1) isolate.countRequest("hits", 200);
  expect(isolate.estimateAudience(124_000).requestsPerSecond).toBe(10);
  live.countRequest("hits", 200);
  live.addChildReport(isolate.createReport(124_000), 124_000);
  live.addChildReport({ node: "b", tiers: {}, viewers: 2, requestsPerSecond: 2.5 }, 124_000);
  expect(live.estimateAudience(125_000)).toEqual({ viewers: 2, requestsPerSecond: 12.5 });
  expect(isolate.estimateAudience(125_000).requestsPerSecond).toBe(10);
  expect(isolate.estimateAudience(134_000).requestsPerSecond).toBe(0);
  expect(live.estimateAudience(190_000)).toEqual({ viewers: 0, requestsPerSecond: 0 });
});

test("the data centre's cache counts for the colo tier, and a cached object crosses the links to and from it", () => {
  const isolate = new NodeCounters("isolate", "a");
  countRequest(isolate.coloCacheCounters, "pulled", 200);
  isolate.countCachedObject("key");
  isolate.countObject("key");
  const { isolate: own, colo } = isolate.createReport(1).tiers;
  expect(colo).toMatchObject({ requests: 1, pulled: 1, objects: 1, crossings: 1, mostCrossings: 1 });
  expect(own).toMatchObject({ requests: 0, objects: 1, crossings: 1, mostCrossings: 1 });
});

test("a report holds the growth since the last report, and the most crossings of one object", () => {
  const tally = new NodeCounters("isolate", "a");
  tally.ownCounters.requests = 5;
  tally.countObject("720p/1.0");
  tally.countObject("720p/1.0");
  const counts = { ...zeroCounters(), requests: 5, objects: 1, crossings: 2, mostCrossings: 2 };
  expect(tally.createReport(1).tiers.isolate).toEqual(counts);
  tally.ownCounters.requests = 7;
  expect(tally.createReport(2).tiers.isolate).toEqual({ ...zeroCounters(), requests: 2, mostCrossings: 2 });
});

test("a failed report is part of the next one", () => {
  const tally = new NodeCounters("isolate", "a");
  tally.ownCounters.requests = 5;
  const lost = tally.createReport(1);
  tally.ownCounters.requests = 8;
  tally.restoreReport(lost);
  expect(tally.createReport(2).tiers.isolate?.requests).toBe(8);
  expect(tally.createReport(3).tiers.isolate?.requests).toBe(0);
});

test("reports of child nodes are forwarded with a node's own report by tier, and summed at the top", () => {
  const live = new NodeCounters("live", "live");
  const shield = new NodeCounters("colo", "colo");
  const isolates = [new NodeCounters("isolate", "a"), new NodeCounters("isolate", "b")];
  for (const isolate of isolates) {
    isolate.ownCounters.requests = 10;
    isolate.ownCounters.hits = 9;
    countRequest(isolate.r2Counters, "hits", 200);
    shield.addChildReport(isolate.createReport(1), 1);
  }
  shield.ownCounters.requests = 2;
  live.addChildReport(shield.createReport(2), 2);
  const { tiers } = live.summarize(3);
  expect(tiers.map(({ tier, requests, hits }) => [tier, requests, hits])).toEqual([
    ["isolate", 20, 18],
    ["colo", 2, 0],
    ["live", 0, 0],
    ["r2", 2, 2],
  ]);
});
