import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PlaybackPolicy } from "../../core/access/access-policy.ts";
import type { StreamStatus, TierCounters } from "../../core/broadcast/stream-status.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge, httpTestEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";
import { TestPublisher, testPartBytes } from "../support/publisher.ts";

let edge: LocalEdge;
let dataDir: string;
/** Each isolate's own URL; they share the objects. */
let isolates: string[];
const door = httpTestEdge(() => edge.url, ADMIN_TOKEN);

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-gating-"));
  const others = [await freePort(), await freePort()];
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: door.adminToken, isolatePorts: others });
  isolates = [edge.url, ...others.map((port) => `http://127.0.0.1:${port}`)];
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function token(stream: string, claims: object = {}): Promise<string> {
  const body = JSON.stringify({ room: stream, sub: "ann", ...claims });
  return ((await (await door.ask("/dev/token", { method: "POST", body })).json()) as { token: string }).token;
}

function control(stream: string, rest: string, method: string, body: object): Promise<Response> {
  const headers = { authorization: `Bearer ${door.adminToken}` };
  return door.ask(`/api/streams/${stream}/${rest}`, { method, headers, body: JSON.stringify(body) });
}

async function setPlayback(stream: string, playback: PlaybackPolicy): Promise<void> {
  expect((await control(stream, "access", "PUT", { playback })).status).toBe(200);
}

/** A broadcast with three parts of a token stream. */
async function gated(playback: PlaybackPolicy = "token"): Promise<TestPublisher> {
  const publisher = new TestPublisher(door);
  await setPlayback(publisher.stream, playback);
  await publisher.openWithInits();
  await publisher.putParts(0, 3);
  return publisher;
}

const bearer = (value: string): RequestInit => ({ headers: { authorization: `Bearer ${value}` } });

async function problem(answer: Response): Promise<[number, string]> {
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  return [answer.status, ((await answer.json()) as { type: string }).type];
}

/** Less than the renewal interval of feeds: a change must arrive on the current feed. */
const PATIENCE_MS = 15_000;

/** Repeats a request until the response is as expected. */
async function becomes(ask: () => Promise<Response>, status: number): Promise<void> {
  const untilMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    await answer.arrayBuffer();
    if (answer.status === status) return;
    if (Date.now() > untilMs) throw new Error(`still ${answer.status}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("without a valid token of the stream, nothing of it is delivered", async () => {
  const { stream, path } = await gated().then((publisher) => ({
    stream: publisher.stream,
    path: (file: string) => publisher.path("video", file),
  }));
  const good = await token(stream);
  const wrong: [RequestInit, number, string][] = [
    [{}, 401, "/problems/token-missing"],
    [bearer(`${good.slice(0, -4)}AAAA`), 401, "/problems/token-forged"],
    [bearer("not.a.token"), 401, "/problems/token-malformed"],
    [bearer(await token(stream, { seconds: -60 })), 401, "/problems/token-expired"],
    [bearer(await token("elsewhere")), 403, "/problems/token-wrong-room"],
  ];
  for (const address of [
    `/live/${stream}/multivariant.m3u8`,
    path("media.m3u8"),
    path("0.1.m4s"),
    path("init-1.mp4"),
  ]) {
    for (const [init, ...expected] of wrong) {
      expect(await problem(await door.ask(address, init)), address).toEqual(expected);
    }
    expect((await door.ask(address, bearer(good))).status).toBe(200);
    expect((await door.ask(`${address}?token=${good}`)).status).toBe(200);
  }
  const challenge = (await door.ask(path("0.1.m4s"))).headers.get("www-authenticate");
  expect(challenge).toContain("Bearer");
  const preflight = await door.ask(path("0.1.m4s"), { method: "OPTIONS" });
  expect(preflight.headers.get("access-control-allow-headers")).toContain("Authorization");
});

test("playlists pass the token to all their URIs, only if it came in the address", async () => {
  const publisher = await gated();
  const { stream } = publisher;
  const good = await token(stream);
  const query = `?token=${good}`;
  const addresses = (playlist: string): string[] =>
    playlist.split("\n").flatMap((line) => (/^[^#]/.test(line) ? [line] : (/URI="([^"]+)"/.exec(line)?.[1] ?? [])));
  const shared = await (await door.ask(`/live/${stream}/multivariant.m3u8`, bearer(good))).text();
  expect(shared).not.toContain("token");
  const multivariant = await (await door.ask(`/live/${stream}/multivariant.m3u8${query}`)).text();
  expect(addresses(multivariant).every((address) => address.endsWith(query))).toBe(true);
  expect(addresses(multivariant).length).toBe(addresses(shared).length);
  const base = new URL(`${edge.url}/live/${stream}/multivariant.m3u8`);
  const media = new URL(addresses(multivariant).find((address) => address.includes("/video/media.m3u8")) ?? "", base);
  media.searchParams.set("_HLS_msn", "0");
  media.searchParams.set("_HLS_part", "3");
  const parked = fetchEdge(media);
  await publisher.putParts(3, 4);
  const playlist = await parked;
  expect(playlist.headers.get("cache-control")).toMatch(/^private/);
  const named = addresses(await playlist.text());
  // The init section, four parts, the hinted part and the report of the other track.
  expect(named.length).toBeGreaterThanOrEqual(7);
  for (const address of named) {
    expect(address.endsWith(query)).toBe(true);
    if (address.startsWith("0.4.m4s")) continue;
    const answer = await fetchEdge(new URL(address, media));
    expect(answer.status, address).toBe(200);
    await answer.arrayBuffer();
  }
  media.searchParams.set("_HLS_skip", "YES");
  expect((await fetchEdge(media)).status).toBe(200);
});

test("ranges, HEAD, hinted parts and 404s work with authorization as without, and are not cached publicly", async () => {
  const publisher = await gated();
  const init = bearer(await token(publisher.stream));
  const part = publisher.path("video", "0.1.m4s");
  const range = await door.ask(part, { headers: { ...init.headers, range: "bytes=2-5" } });
  expect(range.status).toBe(206);
  expect(new Uint8Array(await range.arrayBuffer())).toEqual(testPartBytes(1).subarray(2, 6));
  const head = await door.ask(part, { ...init, method: "HEAD" });
  expect([head.status, head.headers.get("cache-control")]).toEqual([200, "private, max-age=31536000, immutable"]);
  expect((await door.ask(part, { method: "HEAD" })).status).toBe(401);
  const hinted = door.ask(publisher.path("video", "0.3.m4s"), init);
  await publisher.putParts(3, 4);
  expect(new Uint8Array(await (await hinted).arrayBuffer())).toEqual(testPartBytes(3));
  const nothing = await door.ask(publisher.path("video", "9.9.m4s"), init);
  expect([nothing.status, nothing.headers.get("cache-control")]).toEqual([404, "private, max-age=2"]);
  // Of the same objects, public ones are cacheable by everybody.
  await setPlayback(publisher.stream, "public");
  await becomes(() => door.ask(part), 200);
  expect((await door.ask(part)).headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect((await door.ask(`${part}?token=whatever`)).status).toBe(200);
});

test("viewers with different tokens share every object: no token is in a cache key or reaches a tier above", async () => {
  const publisher = new TestPublisher(door);
  await setPlayback(publisher.stream, "token");
  await publisher.openWithInits();
  await publisher.putParts(0, 60);
  await publisher.waitUntilStored(8);
  const viewers = await Promise.all(["ann", "bob", "cat", "dan"].map((sub) => token(publisher.stream, { sub })));
  const last = isolates[2] ?? "";
  // Segments that the last isolate's feed does not carry: each viewer requests the same ones, with its own token.
  const answers = await Promise.all(
    viewers.flatMap((value) =>
      [0, 1].map((msn) => fetchEdge(`${last}${publisher.path("video", `${msn}.m4s`)}?token=${value}`)),
    ),
  );
  for (const answer of answers) {
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
  }
  for (const value of viewers) {
    const playlist = await fetchEdge(`${last}${publisher.path("video", "vod.m3u8")}?token=${value}`);
    await playlist.arrayBuffer();
  }
  // An isolate reports with its next feed, which a request for a new track causes.
  const counters = async (): Promise<TierCounters[]> => {
    const status = (await (await fetchEdge(`${edge.url}/api/streams/${publisher.stream}`)).json()) as StreamStatus;
    return [...status.tiers];
  };
  const untilMs = Date.now() + 60_000;
  for (;;) {
    const isolate = (await counters()).find(({ tier }) => tier === "isolate");
    if ((isolate?.requests ?? 0) >= answers.length) break;
    if (Date.now() > untilMs) throw new Error("the isolate's report didn't come");
    await fetchEdge(`${last}${publisher.path("audio", "media.m3u8")}?token=${viewers[0]}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const r2 = (await counters()).find(({ tier }) => tier === "r2");
  expect(r2?.requests).toBe(2);
});

test("followers are admitted, and a policy change during a broadcast reaches every isolate with its feed", async () => {
  const publisher = await gated("followers");
  const part = publisher.path("video", "0.1.m4s");
  const follower = await token(publisher.stream, { follower_since: 1_700_000_000 });
  const subscriber = await token(publisher.stream, { sub: "sue", roles: ["subscriber"] });
  const other = await token(publisher.stream, { sub: "bob" });
  for (const isolate of isolates) {
    for (const value of [follower, subscriber]) {
      expect((await fetchEdge(`${isolate}${part}`, bearer(value))).status).toBe(200);
    }
    expect(await problem(await fetchEdge(`${isolate}${part}`, bearer(other)))).toEqual([
      403,
      "/problems/followers-only",
    ]);
  }
  await setPlayback(publisher.stream, "token");
  await Promise.all(isolates.map((isolate) => becomes(() => fetchEdge(`${isolate}${part}`, bearer(other)), 200)));
  await setPlayback(publisher.stream, "public");
  await Promise.all(isolates.map((isolate) => becomes(() => fetchEdge(`${isolate}${part}`), 200)));
  await setPlayback(publisher.stream, "followers");
  await Promise.all(isolates.map((isolate) => becomes(() => fetchEdge(`${isolate}${part}`), 401)));
});

test("a revoked token is refused by every isolate, replayed or not, also after the object's memory was lost", async () => {
  const publisher = await gated();
  const part = publisher.path("video", "0.1.m4s");
  const [old, next, bob] = await Promise.all([
    token(publisher.stream, { ver: 1 }),
    token(publisher.stream, { ver: 2 }),
    token(publisher.stream, { sub: "bob" }),
  ]);
  for (const isolate of isolates) expect((await fetchEdge(`${isolate}${part}`, bearer(old))).status).toBe(200);
  expect((await control(publisher.stream, "revocations", "POST", { subject: "ann", version: 2 })).status).toBe(200);
  await Promise.all(isolates.map((isolate) => becomes(() => fetchEdge(`${isolate}${part}`, bearer(old)), 403)));
  await publisher.restartNode();
  await publisher.putParts(0, 4);
  for (const isolate of isolates) {
    expect(await problem(await fetchEdge(`${isolate}${part}`, bearer(old)))).toEqual([403, "/problems/token-revoked"]);
    expect((await fetchEdge(`${isolate}${part}`, bearer(next))).status).toBe(200);
    expect((await fetchEdge(`${isolate}${part}`, bearer(bob))).status).toBe(200);
  }
  expect((await control(publisher.stream, "revocations", "POST", { subject: "ann", version: 0 })).status).toBe(200);
  await Promise.all(isolates.map((isolate) => becomes(() => fetchEdge(`${isolate}${part}`, bearer(old)), 200)));
});

test("a publisher may set the playback policy: it holds from the first part, and a repeated opening does not set it again", async () => {
  const publisher = new TestPublisher(door, { playback: "token" });
  await publisher.openWithInits();
  await publisher.putParts(0, 3);
  const part = publisher.path("video", "0.1.m4s");
  expect((await door.ask(part)).status).toBe(401);
  await setPlayback(publisher.stream, "public");
  await becomes(() => door.ask(part), 200);
  expect((await publisher.open()).status).toBe(200);
  expect((await door.ask(part)).status).toBe(200);
});

test("the access API requires the admin token and a valid body", async () => {
  expect((await door.ask("/api/streams/closed/access")).status).toBe(401);
  expect((await door.ask("/api/streams/closed/revocations", { method: "POST", body: "{}" })).status).toBe(401);
  expect((await control("closed", "access", "PUT", { playback: "friends" })).status).toBe(400);
  expect((await control("closed", "revocations", "POST", { subject: "ann" })).status).toBe(400);
  expect((await control("closed", "revocations", "POST", { subject: "", version: 1 })).status).toBe(400);
  expect((await control("closed", "revocations", "POST", { subject: "ann", version: 1.5 })).status).toBe(400);
});

test("tokens are issued to anybody in local runs only", async () => {
  const port = await freePort();
  const open = await startEdge({
    port,
    dataDir: join(dataDir, "open"),
    adminToken: ADMIN_TOKEN,
    host: "0.0.0.0",
  });
  try {
    const body = JSON.stringify({ room: "show", sub: "ann" });
    expect((await fetchEdge(`http://127.0.0.1:${port}/dev/token`, { method: "POST", body })).status).toBe(404);
    expect((await door.ask("/dev/token", { method: "POST", body })).status).toBe(200);
    // As in a browser's request for a page on the internet whose name resolves to 127.0.0.1.
    const { port: own } = new URL(edge.url);
    for (const host of ["evil.example", `127.0.0.1.evil.example:${own}`, "localhost."]) {
      const { statusCode, body: text } = await request(`${edge.url}/dev/token`, {
        method: "POST",
        headers: { host },
        body,
      });
      expect([statusCode, await text.text()], host).toEqual([403, expect.not.stringContaining("eyJ")]);
    }
  } finally {
    await open.stop();
  }
});
