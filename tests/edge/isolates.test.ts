import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { StreamStatus } from "../../core/broadcast/stream-status.ts";
import { PART_HEADER, PUBLISH_PROBLEM_TYPES, PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge, httpTestEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";
import { issueTestKey, readJson, TestPublisher, testPartBytes, testPartMeta } from "../support/publisher.ts";

let edge: LocalEdge;
let dataDir: string;
/** Each isolate's own URL; they share the objects. */
let isolates: string[];
const door = httpTestEdge(() => edge.url, ADMIN_TOKEN);

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-isolates-"));
  const others = [await freePort(), await freePort()];
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: door.adminToken, isolatePorts: others });
  isolates = [edge.url, ...others.map((port) => `http://127.0.0.1:${port}`)];
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const everywhere = <T>(ask: (isolate: string) => Promise<T>): Promise<T[]> => Promise.all(isolates.map(ask));

test("isolates of one Live object follow it with one feed each, whatever their viewers request", async () => {
  const publisher = new TestPublisher(door);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  const path = publisher.path("video", "media.m3u8");
  await everywhere(async (isolate) => (await fetchEdge(`${isolate}${path}`)).text());
  await everywhere(async (isolate) =>
    (await fetchEdge(`${isolate}${publisher.path("video", "0.1.m4s")}`)).arrayBuffer(),
  );
  // An isolate answers with the status that its feed brought last, which may be older than what is counted here.
  const requests = (): Promise<number> => {
    const askedMs = Date.now();
    return vi.waitFor(
      async () => {
        const answer = await fetchEdge(`${edge.url}/api/streams/${publisher.stream}`);
        const { at, tiers } = (await answer.json()) as StreamStatus;
        expect(at).toBeGreaterThanOrEqual(askedMs);
        return tiers.find(({ tier }) => tier === "live")?.requests ?? -1;
      },
      { timeout: 20_000, interval: 100 },
    );
  };
  const before = await requests();
  for (let part = 2; part < 12; part += 1) {
    const query = `?_HLS_msn=${Math.floor(part / 6)}&_HLS_part=${part % 6}`;
    const parked = isolates.flatMap((isolate) =>
      Array.from({ length: 5 }, () => fetchEdge(`${isolate}${path}${query}`)),
    );
    await publisher.putParts(part, part + 1);
    for (const answer of await Promise.all(parked)) expect(answer.status).toBe(200);
    const file = publisher.path("video", `${Math.floor(part / 6)}.${part % 6}.m4s`);
    for (const bytes of await everywhere(async (isolate) => (await fetchEdge(`${isolate}${file}`)).arrayBuffer())) {
      expect(new Uint8Array(bytes)).toEqual(new Uint8Array(testPartBytes(part)));
    }
  }
  // On a slow machine a feed may have been handed over meanwhile; polling would have made ten times as many requests.
  expect((await requests()) - before).toBeLessThanOrEqual(isolates.length);
});

test("when the object loses its memory, no isolate withdraws a part, and all continue with the resent parts", async () => {
  const publisher = new TestPublisher(door);
  await publisher.openWithInits();
  await publisher.putParts(0, 16);
  await publisher.waitUntilStored(1);
  const path = publisher.path("video", "media.m3u8");
  const last = async (isolate: string): Promise<string | undefined> =>
    (await (await fetchEdge(`${isolate}${path}`)).text()).match(/^#EXT-X-PART:.*URI="(\d+\.\d+)\.m4s"/gm)?.at(-1);
  for (const shown of await everywhere(last)) expect(shown).toContain("2.3.m4s");
  await publisher.restartNode();
  for (const shown of await everywhere(last)) expect(shown).toContain("2.3.m4s");
  const parked = isolates.map((isolate) => fetchEdge(`${isolate}${path}?_HLS_msn=2&_HLS_part=5`));
  await publisher.putParts(12, 18);
  for (const answer of await Promise.all(parked)) {
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("2.5.m4s");
  }
});

test("clients that disconnect mid-request do not affect the others", async () => {
  const publisher = new TestPublisher(door);
  await publisher.openWithInits();
  await publisher.putParts(0, 3);
  const path = `${publisher.path("video", "media.m3u8")}?_HLS_msn=0&_HLS_part=3`;
  for (let round = 0; round < 20; round += 1) {
    const leaving = new AbortController();
    const left = isolates.map((isolate) =>
      fetchEdge(`${isolate}${path}`, { signal: leaving.signal }).catch(() => null),
    );
    if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, round));
    leaving.abort();
    await Promise.all(left);
  }
  const staying = isolates.map((isolate) => fetchEdge(`${isolate}${path}`));
  await publisher.putParts(3, 4);
  for (const answer of await Promise.all(staying)) expect(answer.status).toBe(200);
});

test("a key revoked at one isolate is refused by all at the next request, and a one-time key is used up for all", async () => {
  const publisher = new TestPublisher(door);
  const { stream } = publisher;
  const revoked = await issueTestKey(door, stream);
  publisher.key = revoked.key;
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  const sendPart = (isolate: string, index: number): Promise<number> => {
    const meta = testPartMeta(index);
    const headers = {
      authorization: `Bearer ${publisher.key}`,
      [PUBLISHER_HEADER]: publisher.id,
      [PART_HEADER]: JSON.stringify(meta),
    };
    const url = `${isolate}/ingest/${stream}/${publisher.config.broadcast}/video/${meta.msn}.${meta.part}.m4s`;
    return fetchEdge(url, { method: "PUT", headers, body: testPartBytes(index) }).then(({ status }) => status);
  };
  // Each isolate knows the key.
  for (const isolate of isolates) expect(await sendPart(isolate, 1)).toBe(200);
  const admin = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const address = `${isolates[1]}/api/streams/${stream}/keys/${revoked.id}`;
  expect((await fetchEdge(address, { method: "DELETE", headers: admin })).status).toBe(204);
  const beganMs = performance.now();
  expect(await everywhere((isolate) => sendPart(isolate, 2))).toEqual(isolates.map(() => 403));
  expect(performance.now() - beganMs).toBeLessThan(1_000);

  const once = await issueTestKey(door, stream, { uses: 1 });
  publisher.key = once.key;
  expect((await publisher.open()).status).toBe(200);
  for (const isolate of isolates) {
    const thief = new TestPublisher(
      httpTestEdge(() => isolate, ADMIN_TOKEN),
      { stream, key: once.key },
    );
    expect(await readJson(await thief.open())).toMatchObject({ status: 403, type: PUBLISH_PROBLEM_TYPES.keyUsed });
  }
  for (const [index, isolate] of isolates.entries()) expect(await sendPart(isolate, 2 + index)).toBe(200);
});
