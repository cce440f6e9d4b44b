import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type StreamStatus,
  type TierCounters,
  type TierName,
  zeroCounters,
} from "../../core/broadcast/stream-status.ts";
import { startColoHarness } from "../../loadtest/colos/colos.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge, httpTestEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";
import { type TestEdge, TestPublisher } from "../support/publisher.ts";

/** How long an isolate caches the absence of a stream. */
const ABSENT_MS = 1_000;
/** A status comes with a feed every 2 s. */
const STATUS_MS = 2_500;
/** Poll interval of faults in the harness. */
const FAULT_MS = 300;
const PATIENCE_MS = 60_000;

let edge: LocalEdge;
let dataDir: string;
const door = httpTestEdge(() => edge.url, ADMIN_TOKEN);

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-counters-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: door.adminToken });
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

type Counted = Record<TierName, TierCounters>;

/** The Live object's counters so far. */
async function counted(url: string, stream: string): Promise<Counted> {
  const { tiers } = (await (await fetchEdge(`${url}/api/streams/${stream}`)).json()) as StreamStatus;
  const of = (tier: TierName): TierCounters => tiers.find((one) => one.tier === tier) ?? { tier, ...zeroCounters() };
  return { isolate: of("isolate"), colo: of("colo"), region: of("region"), live: of("live"), r2: of("r2") };
}

/** The counters as soon as they satisfy `wanted`, or at the timeout. */
async function countedWhen(
  url: string,
  stream: string,
  wanted: (counters: Counted) => boolean,
  ms: number,
): Promise<Counted> {
  for (const untilMs = Date.now() + ms; ; ) {
    const counters = await counted(url, stream);
    if (wanted(counters) || Date.now() > untilMs) return counters;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Sends `times` concurrent requests to `isolate`. Returns the statuses. */
async function ask(isolate: string, path: string, times = 1, init: RequestInit = {}): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: times }, () => fetchEdge(`${isolate}${path}`, init)));
  for (const answer of answers) await answer.arrayBuffer();
  return answers.map(({ status }) => status);
}

/** Registers a stream: an unregistered one has no counters. */
async function register({ ask, adminToken }: TestEdge, stream: string): Promise<void> {
  const headers = { authorization: `Bearer ${adminToken}` };
  await (await ask(`/api/streams/${stream}/keys`, { method: "POST", headers })).arrayBuffer();
}

const sent = ({ isolate, colo, region }: Counted): number => isolate.upstream + colo.upstream + region.upstream;
const came = ({ colo, region, live, r2 }: Counted): number =>
  colo.requests + region.requests + live.requests + r2.requests;

function expectSums(counters: Counted): void {
  for (const { tier, requests, hits, coalesced, pulled, errors, refusals } of Object.values(counters)) {
    expect(requests, tier).toBe(hits + coalesced + pulled);
    expect(errors + refusals, tier).toBeLessThanOrEqual(requests);
  }
  expect(sent(counters), JSON.stringify(counters)).toBe(came(counters));
}

test("a known number of requests is counted once each, by outcome, and every tier's sums match", async () => {
  const lone = edge.url;
  const publisher = new TestPublisher(door);
  const { stream } = publisher;
  await register(door, stream);
  expect(await ask(lone, `/live/${stream}/multivariant.m3u8`, 3)).toEqual([404, 404, 404]);
  await new Promise((resolve) => setTimeout(resolve, ABSENT_MS));
  await publisher.openWithInits();
  // 62 s of media: segment 0 has left the window, and only R2 has it.
  await publisher.putParts(0, 200);
  await publisher.waitUntilStored(31);
  const media = publisher.path("video", "media.m3u8");
  expect(await ask(lone, media, 5)).toEqual([200, 200, 200, 200, 200]);
  expect(await ask(lone, `${media}?_HLS_msn=900`, 2)).toEqual([400, 400]);
  expect(await ask(lone, publisher.path("video", "0.9.m4s"))).toEqual([404]);
  expect(await ask(lone, publisher.path("video", "33.1.m4s"), 4)).toEqual([200, 200, 200, 200]);
  expect(await ask(lone, media, 1, { method: "HEAD" })).toEqual([200]);
  // Concurrently: one reads R2, and the others share its result.
  expect(await ask(lone, publisher.path("video", "0.m4s"), 6)).toEqual([200, 200, 200, 200, 200, 200]);
  // Later: from the data centre's cache.
  expect(await ask(lone, publisher.path("video", "0.m4s"))).toEqual([200]);
  // The recording of a live broadcast, and a playlist of an unknown broadcast: no upstream request for either.
  expect(await ask(lone, publisher.path("video", "vod.m3u8"))).toEqual([404]);
  expect(await ask(lone, `/live/${stream}/neverheard/video/media.m3u8`)).toEqual([404]);
  // No address of the stream: not counted.
  expect(await ask(lone, publisher.path("video", "x.txt"))).toEqual([404]);
  const before = 3 + 5 + 2 + 1 + 4 + 1 + 6 + 1 + 1 + 1;
  // A request for another track renews the feed, which carries the counters up; the request itself is still pending.
  expect(await ask(lone, publisher.path("audio", "33.1.m4s"))).toEqual([200]);
  const counters = await countedWhen(
    lone,
    stream,
    (now) => now.isolate.requests >= before && sent(now) === came(now),
    PATIENCE_MS,
  );
  expect(counters.isolate).toMatchObject({ requests: before, errors: 0, refusals: 3 + 2 + 1 + 1 + 1 });
  const { isolate, colo, live, r2 } = counters;
  expect(isolate.hits).toBe(before - 6 - 1);
  // Of the six, those after the first response used the cache themselves.
  expect(isolate.pulled).toBe(colo.requests);
  expect(colo).toMatchObject({ upstream: r2.requests, pulled: r2.requests, objects: 1, refusals: 0, errors: 0 });
  expect(colo.hits).toBeGreaterThan(0);
  expect(r2).toMatchObject({ hits: r2.requests, refusals: 0, errors: 0 });
  expect(counters.region.requests).toBe(0);
  // The first feed found no stream. The broadcast ids showed that there was no such playlist.
  expect(live.refusals).toBe(1);
  expectSums(counters);
});

test("through a colo shield and a region shield each request is counted once, and the sums match", async () => {
  const colos = await startColoHarness({ colos: 2, regions: 1, isolates: 3, latencyMs: 0 });
  try {
    const core = httpTestEdge(() => colos.coreUrl, colos.adminToken);
    const publisher = new TestPublisher(core);
    const { stream } = publisher;
    await register(core, stream);
    // Sequential, so that each finds the earlier ones.
    for (const { url } of colos.edges) expect(await ask(url, `/live/${stream}/multivariant.m3u8`)).toEqual([404]);
    await new Promise((resolve) => setTimeout(resolve, ABSENT_MS));
    await publisher.openWithInits();
    await publisher.putParts(0, 200);
    await publisher.waitUntilStored(31);
    for (const { url } of colos.edges) {
      expect(await ask(url, publisher.path("video", "33.1.m4s"), 3)).toEqual([200, 200, 200]);
      expect(await ask(url, publisher.path("video", "0.m4s"))).toEqual([200]);
    }
    await colos.setFaults({ r2: "refuse" });
    await new Promise((resolve) => setTimeout(resolve, FAULT_MS));
    expect(await ask(colos.edges[0]?.url ?? "", publisher.path("video", "1.m4s"))).toEqual([503]);
    await colos.setFaults({});
    const asked = colos.edges.length * (1 + 3 + 1) + 1;
    const balanced = (counters: Counted): boolean =>
      counters.isolate.requests === asked && sent(counters) === came(counters);
    let counters = await counted(colos.coreUrl, stream);
    for (const untilMs = Date.now() + PATIENCE_MS; !balanced(counters) && Date.now() < untilMs; ) {
      await colos.collectCounters(stream);
      counters = await countedWhen(colos.coreUrl, stream, balanced, STATUS_MS);
    }
    expect(counters.isolate).toMatchObject({ requests: asked, errors: 1, refusals: colos.edges.length });
    expect(counters.colo.requests).toBeGreaterThan(0);
    expect(counters.region.requests).toBeGreaterThan(0);
    // Segment 0 once, and the refused read of segment 1 with its retry.
    expect(counters.r2.requests - counters.r2.errors).toBe(1);
    expect(counters.r2.errors).toBeGreaterThan(0);
    expectSums(counters);
  } finally {
    await colos.stop();
  }
});
