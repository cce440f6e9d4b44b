import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { httpTestEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";
import { readJson, TestPublisher } from "../support/publisher.ts";

/** Low enough that a slow machine admits hardly more than the burst, which is twice as many. */
const JOINS_PER_SECOND = 2;
const SPREAD_S = 20;

let edge: LocalEdge;
let dataDir: string;
const door = httpTestEdge(() => edge.url, ADMIN_TOKEN);

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-joins-"));
  edge = await startEdge({
    port: await freePort(),
    dataDir,
    adminToken: door.adminToken,
    bindings: { CORRAL_JOINS_PER_SECOND: String(JOINS_PER_SECOND), CORRAL_JOIN_SPREAD_S: String(SPREAD_S) },
  });
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test("a rush is admitted at the configured rate, the rest gets Retry-After, and current viewers are unaffected", async () => {
  const publisher = new TestPublisher(door);
  await publisher.openWithInits();
  await publisher.putParts(0, 3);
  const playlist = publisher.path("video", "media.m3u8");
  const parked = Array.from({ length: 20 }, () => door.ask(`${playlist}?_HLS_msn=0&_HLS_part=3`));
  const began = Date.now();
  const rush = await Promise.all(
    Array.from({ length: 100 }, () => door.ask(`/live/${publisher.stream}/multivariant.m3u8`)),
  );
  const tookS = (Date.now() - began) / 1000;
  const refused = rush.filter(({ status }) => status === 503);
  expect(rush.length - refused.length).toBeGreaterThanOrEqual(2 * JOINS_PER_SECOND);
  expect(rush.length - refused.length).toBeLessThanOrEqual(Math.ceil((2 + tookS) * JOINS_PER_SECOND));
  const comeBackS = refused.map(({ headers }) => Number(headers.get("retry-after")));
  expect(comeBackS.every((s) => Number.isInteger(s) && s >= 1 && s <= SPREAD_S)).toBe(true);
  // Spread, so that they do not retry together.
  expect(new Set(comeBackS).size).toBeGreaterThan(4);
  expect(refused.every(({ headers }) => headers.get("cache-control") === "no-store")).toBe(true);
  expect(await readJson(refused[0] as Response)).toMatchObject({ type: "/problems/crowded", status: 503 });
  await publisher.putParts(3, 4);
  for (const answer of await Promise.all(parked)) expect(answer.status).toBe(200);
});

test("joins of an ended broadcast are always admitted", async () => {
  const publisher = new TestPublisher(door);
  await publisher.openWithInits();
  await publisher.putParts(0, 6);
  await (await publisher.end()).arrayBuffer();
  const playlist = publisher.path("video", "media.m3u8");
  expect(await (await door.ask(playlist)).text()).toContain("#EXT-X-ENDLIST");
  const rush = await Promise.all(
    Array.from({ length: 50 }, () => door.ask(`/live/${publisher.stream}/multivariant.m3u8`)),
  );
  expect(rush.every(({ status }) => status === 200)).toBe(true);
});
