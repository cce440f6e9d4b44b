import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StreamStatus, TierCounters, TierName } from "../../protocol/status.ts";
import { type Edge, startEdge } from "../../scripts/edge.ts";
import { freePort } from "../support/ports.ts";
import { type Door, partBytes, TestPublisher } from "../support/publisher.ts";

/** Two data centres of one region with three isolates each, and a lone isolate on another continent. */
const SITES = ["weur/FRA", "weur/FRA", "weur/FRA", "weur/AMS", "weur/AMS", "weur/AMS", "oc/SYD"];

let edge: Edge;
let dataDir: string;
let isolates: string[];
const door: Door = { ask: (path, init) => fetch(`${edge.url}${path}`, init), adminToken: "admin-token" };

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
  const status = (await (await fetch(`${edge.url}/api/streams/${stream}`)).json()) as StreamStatus;
  return Object.fromEntries(status.tiers.map((tier) => [tier.tier, tier]));
}

test("a herd in a data centre is fed by its shield, a region's shields by the region's, and every part crosses each link once", async () => {
  const publisher = new TestPublisher(door);
  await publisher.begin();
  await publisher.parts(0, 2);
  const path = publisher.path("video", "media.m3u8");
  for (const answer of await everywhere((isolate) => fetch(`${isolate}${path}`))) {
    expect(answer.status).toBe(200);
    await answer.text();
  }
  await everywhere(async (isolate) => (await fetch(`${isolate}${publisher.path("video", "0.1.m4s")}`)).arrayBuffer());
  for (let part = 2; part < 12; part += 1) {
    const query = `?_HLS_msn=${Math.floor(part / 6)}&_HLS_part=${part % 6}`;
    const parked = isolates.flatMap((isolate) => Array.from({ length: 3 }, () => fetch(`${isolate}${path}${query}`)));
    await publisher.parts(part, part + 1);
    for (const answer of await Promise.all(parked)) {
      expect(answer.status).toBe(200);
      await answer.text();
    }
    const file = publisher.path("video", `${Math.floor(part / 6)}.${part % 6}.m4s`);
    for (const bytes of await everywhere(async (isolate) => (await fetch(`${isolate}${file}`)).arrayBuffer())) {
      expect(new Uint8Array(bytes)).toEqual(new Uint8Array(partBytes(part)));
    }
  }
  // The counters ride upwards when feeds are renewed: wanting another track renews them all.
  await everywhere(async (isolate) => (await fetch(`${isolate}${publisher.path("audio", "1.5.m4s")}`)).arrayBuffer());
  const counted = await tiers(publisher.stream);
  console.log(JSON.stringify(counted, null, 1));
});
