import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StreamStatus, TierCounters, TierName } from "../../core/broadcast/stream-status.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge, httpTestEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";
import { TestPublisher, testPartBytes } from "../support/publisher.ts";

/** Two data centres of one region with three isolates each, and a lone isolate on another continent. */
const SITES = ["weur/FRA", "weur/FRA", "weur/FRA", "weur/AMS", "weur/AMS", "weur/AMS", "oc/SYD"];

/** How long an isolate caches the absence of a stream. */
const ABSENT_MS = 1_000;

let edge: LocalEdge;
let dataDir: string;
let isolates: string[];
const door = httpTestEdge(() => edge.url, ADMIN_TOKEN);

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-tree-"));
  const sited = await Promise.all(SITES.map(async (site) => ({ port: await freePort(), site })));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: door.adminToken, isolatePorts: sited });
  isolates = sited.map(({ port }) => `http://127.0.0.1:${port}`);
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const everywhere = <T>(ask: (isolate: string) => Promise<T>): Promise<T[]> => Promise.all(isolates.map(ask));

async function tiers(stream: string): Promise<Partial<Record<TierName, TierCounters>>> {
  const status = (await (await fetchEdge(`${edge.url}/api/streams/${stream}`)).json()) as StreamStatus;
  return Object.fromEntries(status.tiers.map((tier) => [tier.tier, tier]));
}

const count = (counted: Partial<Record<TierName, TierCounters>>, tier: TierName): number =>
  counted[tier]?.requests ?? 0;

/** Plays parts `from` to `to` of `track` in every isolate: three requests park on each playlist, all fetch the part. */
async function watch(publisher: TestPublisher, from: number, to: number): Promise<void> {
  const path = publisher.path("video", "media.m3u8");
  for (let part = from; part < to; part += 1) {
    const query = `?_HLS_msn=${Math.floor(part / 6)}&_HLS_part=${part % 6}`;
    const parked = isolates.flatMap((isolate) =>
      Array.from({ length: 3 }, () => fetchEdge(`${isolate}${path}${query}`)),
    );
    await publisher.putParts(part, part + 1);
    for (const answer of await Promise.all(parked)) {
      expect(answer.status).toBe(200);
      await answer.text();
    }
    const file = publisher.path("video", `${Math.floor(part / 6)}.${part % 6}.m4s`);
    for (const bytes of await everywhere(async (isolate) => (await fetchEdge(`${isolate}${file}`)).arrayBuffer())) {
      expect(new Uint8Array(bytes)).toEqual(new Uint8Array(testPartBytes(part)));
    }
  }
}

/**
 * A broadcast with viewers in every isolate. They arrive before it begins, one after the other: so the second of each
 * data centre is not alone, whatever the first has cached by then.
 */
async function watched(): Promise<TestPublisher> {
  const publisher = new TestPublisher(door);
  for (const isolate of isolates) {
    expect((await fetchEdge(`${isolate}/live/${publisher.stream}/multivariant.m3u8`)).status).toBe(404);
  }
  await publisher.openWithInits();
  await new Promise((resolve) => setTimeout(resolve, ABSENT_MS));
  await publisher.putParts(0, 2);
  for (const answer of await everywhere((isolate) => fetchEdge(`${isolate}${publisher.path("video", "media.m3u8")}`))) {
    expect(answer.status).toBe(200);
    await answer.text();
  }
  await everywhere(async (isolate) =>
    (await fetchEdge(`${isolate}${publisher.path("video", "0.1.m4s")}`)).arrayBuffer(),
  );
  await watch(publisher, 2, 8);
  return publisher;
}

test("a herd in a data centre is fed by its shield, and every part crosses each link once, renewals included", async () => {
  const publisher = await watched();
  await watch(publisher, 8, 14);
  // Counters travel up with feed renewals: a request for another track renews them all.
  await everywhere(async (isolate) =>
    (await fetchEdge(`${isolate}${publisher.path("audio", "2.1.m4s")}`)).arrayBuffer(),
  );
  const counted = await tiers(publisher.stream);
  for (const tier of ["isolate", "colo", "region"] as const) {
    expect(counted[tier]?.objects, tier).toBeGreaterThan(0);
    expect(counted[tier]?.crossings, tier).toBe(counted[tier]?.objects);
    expect(counted[tier]?.mostCrossings, tier).toBe(1);
  }
  expect(counted.r2?.requests).toBe(0);
});

test.for([
  ["a data centre's shield", "weur.FRA.0"],
  ["a region's shield", "weur"],
  ["the Live object", "live"],
] as const)(
  "when %s loses its memory, those who wait are answered, and nobody asks again and again",
  async ([, node]) => {
    const publisher = await watched();
    await publisher.waitUntilStored(0);
    const before = count(await tiers(publisher.stream), "live");
    const path = `${publisher.path("video", "media.m3u8")}?_HLS_msn=1&_HLS_part=4`;
    const parked = isolates.flatMap((isolate) => Array.from({ length: 5 }, () => fetchEdge(`${isolate}${path}`)));
    await publisher.restartNode(node);
    // A restarted object has what is stored; the publisher resends the rest.
    await publisher.putParts(6, 12);
    for (const answer of await Promise.all(parked)) {
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain("1.4.m4s");
    }
    await watch(publisher, 12, 18);
    // A feed anew for each child at most, its steps on the way included, and one renewal.
    expect(count(await tiers(publisher.stream), "live") - before).toBeLessThanOrEqual(4 * isolates.length);
  },
);

test("an old segment is read from R2 once, for any number of data centres that request it at once", async () => {
  const publisher = await watched();
  await publisher.putParts(8, 66);
  await publisher.waitUntilStored(9);
  const bytes = await everywhere(async (isolate) => {
    const answer = await fetchEdge(`${isolate}${publisher.path("video", "0.m4s")}`);
    expect(answer.status).toBe(200);
    return new Uint8Array(await answer.arrayBuffer());
  });
  for (const one of bytes)
    expect(one).toEqual(new Uint8Array([0, 1, 2, 3, 4, 5].flatMap((part) => [...testPartBytes(part)])));
  await everywhere(async (isolate) =>
    (await fetchEdge(`${isolate}${publisher.path("audio", "10.5.m4s")}`)).arrayBuffer(),
  );
  // One for each without a shield above it: three first isolates, one colo shield, the region shield.
  expect(count(await tiers(publisher.stream), "r2")).toBeLessThanOrEqual(5);
});
