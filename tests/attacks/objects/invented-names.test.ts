/** Strangers who request unregistered names: the cost of each route, and that nothing is stored. */
import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { REGISTRY_LIMITS } from "../../../core/access/registry/registry-limits.ts";
import { registryObjectName, selectRegistryShard } from "../../../core/access/registry/registry-shards.ts";
import { PUBLISHER_HEADER } from "../../../core/ingest/publish-api.ts";
import { SDP_MEDIA_TYPE } from "../../../core/ingest/whip/whip-api.ts";
import type { StreamName } from "../../../core/kit/ids.ts";
import type { NewStreamKey } from "../../../durable-objects/live/stream-key-store.ts";
import { app } from "../../../workers/app.ts";
import { PROBE_RATE } from "../../../workers/ingest/publisher-keys.ts";
import { testBindings, testEdge } from "../../../workers/testing.ts";
import { TestPublisher } from "../../support/publisher.ts";
import { figure, whole } from "../scale.ts";
import { CountedGateway, objects } from "./counting.ts";

const admin = { authorization: `Bearer ${testEdge.adminToken}` };
const publisher = { authorization: `Bearer corral_${"x".repeat(43)}`, [PUBLISHER_HEADER]: "stranger-1" };
const MEDIA = "/live/:stream/broadcast1/video";

interface Cost {
  /** The request besides a route's path. */
  readonly init?: RequestInit;
  readonly query?: string;
  readonly status: number;
  /** Only the operator's secret gets this far. */
  readonly operator?: true;
}

/** OBS's request with a well-formed key; a refusal is answered with 200. */
const obs = (authentication: string): Cost => {
  const preferences = { width: 1280, height: 720, framerate: { numerator: 30, denominator: 1 } };
  return { init: { method: "POST", body: JSON.stringify({ authentication, client: {}, preferences }) }, status: 200 };
};

/** Every route, and the delivery paths outside the router: the response for an unknown stream. */
const ROUTES: Readonly<Record<string, Cost>> = {
  "/live/:stream/multivariant.m3u8": { status: 404 },
  "/live/:stream/invented/multivariant.m3u8": { status: 404 },
  [`${MEDIA}/media.m3u8`]: { status: 404 },
  [`${MEDIA}/media.m3u8?_HLS_msn=1`]: { status: 404 },
  [`${MEDIA}/vod.m3u8`]: { status: 404 },
  [`${MEDIA}/init-1.mp4`]: { status: 404 },
  [`${MEDIA}/7.m4s`]: { status: 404 },
  [`${MEDIA}/7.1.m4s`]: { status: 404 },
  "/api/streams/:stream": { status: 404 },
  "/api/streams/:stream/broadcasts": { status: 404 },
  "/api/streams/:stream/details": { status: 404 },
  "/api/streams/:stream/images/:image": { status: 404 },
  "/api/oembed": { query: "?url=http%3A%2F%2Fedge.test%2Fwatch%2F:stream", status: 404 },
  "/api/streams/:stream/keys": { init: { method: "POST" }, status: 401 },
  "/api/streams/:stream/keys/:key": { init: { method: "DELETE" }, status: 401 },
  "/api/streams/:stream/keys/:key/rotate": { init: { method: "POST" }, status: 401 },
  "/api/streams/:stream/ingest": { status: 401 },
  "/api/streams/:stream/health": { status: 401 },
  "/api/streams/:stream/health/history": { status: 401 },
  "/api/streams/:stream/quality": { status: 401 },
  "/api/streams/:stream/cmcd": { init: { method: "POST", body: "v=2" }, status: 404 },
  "/api/obs/GetClientConfiguration": obs(`invented?key=corral_${"x".repeat(43)}`),
  "/api/obs/:stream/GetClientConfiguration": obs(`corral_${"x".repeat(43)}`),
  "/api/streams/:stream/restart": { init: { method: "POST" }, status: 401 },
  "/api/streams/:stream/access": { status: 401 },
  "/api/streams/:stream/revocations": { init: { method: "POST" }, status: 401 },
  "/api/streams/:stream/crowd": { init: { method: "PUT", body: '{"viewers":9}' }, status: 401 },
  "/api/streams/:stream/jurisdiction": { init: { method: "PUT" }, status: 401 },
  "/api/subjects/:id": { init: { method: "DELETE" }, status: 401 },
  "/api/subjects/:id/export": { status: 401 },
  "/api/streams/:stream/stop": { init: { method: "POST" }, status: 401 },
  "/api/dispatch": { status: 401 },
  "/api/dispatch/nodes/:node": { init: { method: "PUT", body: "{}" }, status: 401 },
  "/rooms/:stream/ticket": { init: { method: "POST", body: "{}" }, status: 200 },
  "/rooms/:stream/socket": { init: { headers: { upgrade: "websocket" } }, status: 101 },
  "/rooms/:stream/beacon": { init: { method: "POST", body: "{}" }, status: 404 },
  "/rooms/:stream/replay": { query: "?from=1700000000000", status: 404 },
  "/ingest/:stream/session": { init: { method: "POST", headers: publisher }, status: 403 },
  "/ingest/:stream/health": { init: { method: "PUT", headers: publisher, body: "{}" }, status: 403 },
  "/ingest/:stream/srt-passphrase": { init: { method: "POST", body: '{"keyId":"0123456789"}' }, status: 401 },
  "/ingest/:stream/:broadcast": { init: { method: "PUT", headers: publisher, body: "{}" }, status: 403 },
  "/whip/:stream": { init: { method: "POST", headers: { ...publisher, "content-type": SDP_MEDIA_TYPE } }, status: 403 },
  "/whip/:stream/:session": { init: { method: "DELETE", headers: publisher }, status: 403 },
  "/metrics": { init: { headers: admin }, query: "?stream=:stream", status: 200, operator: true },
  "/watch/:stream": { status: 200 },
  "/embed/:stream": { status: 200 },
  "/studio/:stream": { status: 200 },
  "/golive/:stream": { status: 200 },
};

const OTHER_ROUTES = new Set([
  // No stream's: each data centre asks the directory once in two seconds.
  "/api/directory",
  "/*",
  "/dev/token",
  "/openapi.json",
  "/api/*",
  "/rooms/*",
  "/ingest/*",
  "/whip/*",
  // The edge's own sign-in, where there is one, issues no token for an unregistered name (tests/edge/sign-in.test.ts).
  "/sign-in/*",
  // A key is checked before the path is parsed, as at the opening of a broadcast.
  "/ingest/:stream/:broadcast/handover",
  "/ingest/:stream/:broadcast/end",
  "/ingest/:stream/:broadcast/chunks",
  "/ingest/:stream/:broadcast/:track/:file",
]);
let invented = 0;

/** A route's path with a name that was never requested. */
function pathOf(route: string, { query = "" }: Cost): string {
  invented += 1;
  return (route + query)
    .replaceAll(":stream", `invented-${invented}`)
    .replace(":id", `nobody-${invented}`)
    .replace(":key", "0123456789")
    .replace(":image", "poster")
    .replace(":node", "node-1")
    .replace(":session", "0".repeat(32))
    .replace(":broadcast", "broadcast1");
}

test("every route has its cost in the table", () => {
  const routes = new Set(app.routes.map(({ path }) => path).filter((path) => !OTHER_ROUTES.has(path)));
  expect([...routes].filter((route) => ROUTES[route] === undefined)).toEqual([]);
});

test("a stranger's request for an unknown stream creates no object and calls only the registry, on any route", async () => {
  const before = await objects();
  const many = 20;
  for (const [route, cost] of Object.entries(ROUTES)) {
    const gateway = new CountedGateway();
    const beganMs = Date.now();
    const asked = Array.from({ length: many }, async () => {
      const status = await gateway.ask(pathOf(route, cost), cost.init);
      // A name from before the registry could have this key: a few are looked up, the others get Retry-After.
      expect(status === 503 && cost.status === 403 ? 403 : status, route).toBe(cost.status);
    });
    await Promise.all(asked);
    const probes = gateway.calls.filter((call) => call === "LIVE.keyHashes").length;
    expect(
      gateway.calls.filter((call) => !["REGISTRY.names", "LIVE.keyHashes"].includes(call)),
      route,
    ).toEqual([]);
    expect(probes, route).toBeLessThanOrEqual(2);
    expect(gateway.calls.length - probes, route).toBeLessThanOrEqual(mostReads(Date.now() - beganMs));
  }
  expect((await objects()) - before).toBeLessThanOrEqual(2);
});

test("in a flood of one network, beacons and sockets for unknown names are refused before the rate limiters are called", async () => {
  const gateway = new CountedGateway();
  const from = { "cf-connecting-ip": "203.0.113.77" };
  for (let n = 0; n < 2 * REGISTRY_LIMITS.floodNames; n += 1) {
    invented += 1;
    const room = `/rooms/invented-${invented}`;
    expect(await gateway.ask(`${room}/beacon`, { method: "POST", body: "{}", headers: from })).toBe(404);
    expect(await gateway.ask(`${room}/socket`, { headers: { ...from, upgrade: "websocket" } })).toBe(101);
  }
  expect(gateway.calls.filter((call) => call.startsWith("LIMIT_"))).toEqual([]);
  expect(await gateway.ask("/rooms/invented/ticket", { method: "POST", body: "{}", headers: from })).toBe(200);
  expect(gateway.calls).toContain("LIMIT_SOCKETS.limit");
});

test("requests for unknown names on all routes store nothing and cost upstream requests by time, not by number", async () => {
  const total = whole ? 10_000 : 2_000;
  const gateway = new CountedGateway();
  const open = Object.entries(ROUTES).filter(
    ([route, { operator }]) => operator !== true && !/watch|embed|studio/.test(route),
  );
  const beganMs = Date.now();
  // Publishers wait for a registry answer newer than their request; others do not wait for them.
  const publishing: Promise<unknown>[] = [];
  for (let done = 0; done < total; ) {
    const round: Promise<unknown>[] = [];
    for (const end = Math.min(total, done + 200); done < end; done += 1) {
      const [route, cost] = open[done % open.length] ?? ["/", { status: 200 }];
      const asked = gateway.ask(pathOf(route, cost), cost.init);
      (/^\/(ingest|whip|api\/obs)\//.test(route) ? publishing : round).push(asked);
    }
    await Promise.all(round);
  }
  await Promise.all(publishing);
  const tookMs = Date.now() - beganMs;
  const stored = await storedObjects();
  figure(`objects with storage after ${total} requests for invented names`, stored, 0);
  figure(`upstream requests for ${total} invented names`, gateway.calls.length, "10");
  expect(stored).toBe(0);
  expect(gateway.calls.length).toBeLessThanOrEqual(mostReads(tookMs) + 2 + Math.ceil(tookMs / 5_000));
});

test("a stream is found by all as soon as the operator has issued a key for it", async () => {
  const stream = `awaited-${Date.now()}`;
  expect((await testEdge.ask(`/live/${stream}/multivariant.m3u8`)).status).toBe(404);
  const later = new TestPublisher(testEdge, { stream });
  await later.openWithInits();
  await later.putParts(0, 2);
  expect((await testEdge.ask(`/live/${stream}/multivariant.m3u8`)).status).toBe(200);
});

test("a name registered by another isolate is known within a second, and its publisher is never refused", async () => {
  const stream = "registered-elsewhere" as StreamName;
  const key = `corral_${"k".repeat(43)}`;
  expect((await testEdge.ask(`/api/streams/${stream}`)).status).toBe(404);
  await testBindings.REGISTRY.getByName(registryObjectName(selectRegistryShard(stream))).register(stream);
  await testBindings.LIVE.getByName(stream).addKey(await storedKey(key));
  const elsewhere = new TestPublisher(testEdge, { stream, key });
  await elsewhere.openWithInits();
  expect((await elsewhere.putPart("video", 0)).status).toBe(200);
  const beganMs = Date.now();
  while ((await testEdge.ask(`/api/streams/${stream}`)).status === 404) await scheduler.wait(20);
  expect(Date.now() - beganMs).toBeLessThan(2_000);
});

test("wrong keys for unknown names do not delay the key check of a publisher in another network", async () => {
  const gateway = new CountedGateway();
  const looked = (): number => gateway.calls.filter((call) => call === "LIVE.keyHashes").length;
  const strangerAt = (network: number): Promise<number> =>
    gateway.ask(pathOf("/ingest/:stream/:broadcast", { status: 403 }), {
      method: "PUT",
      headers: { ...publisher, "cf-connecting-ip": `2001:db8:6:${network.toString(16)}::1` },
    });
  while ((await strangerAt(0)) !== 503);
  const key = `corral_${"d".repeat(43)}`;
  const old = "older-and-not-drained" as StreamName;
  await testBindings.LIVE.getByName(old).addKey(await storedKey(key));
  const opened = await gateway.ask(`/ingest/${old}/broadcast1/end`, {
    method: "PUT",
    headers: { ...publisher, authorization: `Bearer ${key}`, "cf-connecting-ip": "198.51.100.61" },
  });
  // The key is right, but there is no such broadcast to end.
  expect([403, 503]).not.toContain(opened);

  const before = looked();
  const beganMs = Date.now();
  const many = 120;
  await Promise.all(Array.from({ length: many }, (_, network) => strangerAt(network + 1)));
  const most = PROBE_RATE.all.burst + (PROBE_RATE.all.perSecond * (Date.now() - beganMs)) / 1_000;
  figure(`look-ups for ${many} networks' keys of invented names`, looked() - before, Math.floor(most));
  expect(looked() - before).toBeLessThanOrEqual(most);
});

test("streams from before the registry continue: a stored one is found, and another registers with its key", async () => {
  const key = `corral_${"o".repeat(43)}`;
  const old = "older-than-the-registry" as StreamName;
  await testBindings.LIVE.getByName(old).addKey(await storedKey(key));
  const publishing = new TestPublisher(testEdge, { stream: old, key });
  let status = 0;
  // Others may have used up the look-ups of unregistered names: then the response has Retry-After.
  while (status !== 200) {
    status = (await publishing.open()).status;
    expect([200, 503]).toContain(status);
    if (status !== 200) await scheduler.wait(200);
  }
  expect((await testEdge.ask(`/api/streams/${old}`)).status).toBe(200);

  const stored = "stored-before" as StreamName;
  await testBindings.MEDIA.put(`${stored}/broadcast1/video/0.m4s`, "bytes");
  const registry = testBindings.REGISTRY.getByName(registryObjectName(selectRegistryShard(stored)));
  await runInDurableObject(registry as unknown as DurableObjectStub, (_object, { storage }) => {
    storage.kv.delete("import");
  });
  await runInDurableObject(registry as unknown as DurableObjectStub, (_object, state) => state.abort("a crash")).catch(
    () => {},
  );
  await testBindings.REGISTRY.getByName(registryObjectName(selectRegistryShard(stored))).names();
  const names = await runInDurableObject(
    testBindings.REGISTRY.getByName(registryObjectName(selectRegistryShard(stored))) as unknown as DurableObjectStub,
    (_object, { storage }) => storage.sql.exec("SELECT name FROM names").toArray(),
  );
  expect(names).toContainEqual({ name: stored });
});

/** Reads of all registry objects that this time permits. */
function mostReads(tookMs: number): number {
  return REGISTRY_LIMITS.shards * (2 + Math.ceil(tookMs / REGISTRY_LIMITS.trustMs));
}

/** Objects of unknown names with stored data. */
async function storedObjects(): Promise<number> {
  let stored = 0;
  for (let n = 1; n <= invented; n += Math.max(1, Math.floor(invented / 200))) {
    for (const stub of [testBindings.LIVE.getByName(`invented-${n}`), testBindings.ROOM.getByName(`invented-${n}`)]) {
      await runInDurableObject(stub as unknown as DurableObjectStub, (_object, { storage }) => {
        if (
          storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray().length > 0
        )
          stored += 1;
      });
    }
  }
  return stored;
}

let storedKeys = 0;

/** A key without an id in its text, as a Live object stores it. */
async function storedKey(key: string): Promise<NewStreamKey> {
  storedKeys += 1;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const id = String(storedKeys).padStart(10, "0");
  return { id, hash, label: "", role: "primary", expiresMs: null, usesLeft: null };
}
