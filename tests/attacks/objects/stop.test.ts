/** Attempts to publish, watch and read a stopped stream, at the Worker and its objects. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { SOCKET_CLOSES } from "../../../core/room/socket-closes.ts";
import {
  issueTestToken,
  openGatewaySocket,
  openShardSocket,
  roomStub,
  shardStub,
  TestParticipant,
  waitForCondition,
} from "../../../durable-objects/room/testing.ts";
import { getLiveObject, testBindings, testEdge } from "../../../workers/testing.ts";
import { readJson, TestPublisher, testPartBytes } from "../../support/publisher.ts";

const OPERATOR = `Bearer ${testEdge.adminToken}`;
const BODY = { category: "legal", reason: "A court has ordered this." };

const viewers: TestParticipant[] = [];
afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

function change(stream: string, method: "POST" | "DELETE", body: object | null, by = OPERATOR): Promise<Response> {
  const headers = { authorization: by };
  return testEdge.ask(`/api/streams/${stream}/stop`, {
    method,
    headers,
    body: body === null ? null : JSON.stringify(body),
  });
}

async function stop(stream: string, over: object = {}): Promise<void> {
  expect((await change(stream, "POST", { ...BODY, ...over })).status).toBe(200);
}

async function undo(stream: string): Promise<void> {
  expect((await change(stream, "DELETE", null)).status).toBe(200);
}

/** A stream with an ended and a live broadcast, both with a stored segment. */
async function streams(): Promise<{ live: TestPublisher; over: TestPublisher }> {
  const over = new TestPublisher(testEdge);
  await over.openWithInits();
  await over.putParts(0, 8);
  await over.waitUntilStored(0);
  expect((await over.end()).status).toBe(200);
  const live = new TestPublisher(testEdge, { stream: over.stream, key: over.key });
  await live.openWithInits();
  await live.putParts(0, 8);
  await live.waitUntilStored(0);
  return { live, over };
}

/** Every kind of address of a stream. */
function addresses({ live, over }: { live: TestPublisher; over: TestPublisher }): string[] {
  const files = ["media.m3u8", "iframes.m3u8", "init-1.mp4", "0.m4s"];
  return [
    `/live/${live.stream}/multivariant.m3u8`,
    ...[...files, "1.1.m4s", "0.0.m4s", "media.m3u8?_HLS_msn=1&_HLS_part=0"].map((file) => live.path("video", file)),
    ...[...files, "vod.m3u8", "vod-iframes.m3u8"].map((file) => over.path("video", file)),
  ];
}

async function statuses(paths: readonly string[], init: RequestInit = {}): Promise<number[]> {
  const seen = new Set<number>();
  for (const path of paths) {
    const answer = await testEdge.ask(path, init);
    await answer.arrayBuffer();
    seen.add(answer.status);
  }
  return [...seen];
}

/** Waits for the isolate's feed: some milliseconds. */
async function becomes(path: string, status: number): Promise<void> {
  await waitForCondition(async () => (await statuses([path]))[0] === status);
}

async function problem(answer: Response): Promise<unknown> {
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const { type, status, detail, category, until: end } = await readJson(answer);
  return [type, status, detail, category, end];
}

const STOPPED = ["/problems/stopped", 451, BODY.reason, BODY.category, null];

test("nothing of a stopped stream is delivered with any token: no playlist, media, I-frames, recording or init section", async () => {
  const both = await streams();
  const all = addresses(both);
  const { stream } = both.live;
  expect(await statuses(all)).toEqual([200]);
  await stop(stream);
  await becomes(all[0] ?? "", 451);
  for (const path of all) expect(await problem(await testEdge.ask(path)), path).toEqual(STOPPED);
  const host = await issueTestToken(stream, { sub: "host", roles: ["host", "moderator", "subscriber"] });
  for (const bearer of [host, testEdge.adminToken, both.live.key]) {
    expect(await statuses(all, { headers: { authorization: `Bearer ${bearer}` } })).toEqual([451]);
  }
  expect(await statuses(all, { method: "HEAD" })).toEqual([451]);
  expect(await statuses(all, { headers: { range: "bytes=0-3" } })).toEqual([451]);
  expect(await statuses(all.map((path) => path.replace("/live/", "/l%69ve/")))).toEqual([451]);
  expect((await testEdge.ask(all[1] ?? "", { headers: { "if-none-match": "*" } })).status).toBe(451);
  const status = await readJson(await testEdge.ask(`/api/streams/${stream}`));
  expect(status["stop"]).toEqual({ ...BODY, until: null });
  await stop(stream, { category: "rules", reason: "Not here." });
  await becomes(all[0] ?? "", 410);
  expect(await statuses(all)).toEqual([410]);
  await undo(stream);
  await becomes(all[0] ?? "", 200);
  expect(await statuses(all)).toEqual([200]);
  expect(await readJson(await testEdge.ask(`/api/streams/${stream}`))).not.toHaveProperty("stop");
});

test("no key publishes to a stopped stream or opens another broadcast, and all do after the stop is undone", async () => {
  const { live } = await streams();
  const { stream } = live;
  await stop(stream);
  const other = new TestPublisher(testEdge, { stream, key: live.key });
  for (const answer of [
    await live.putPart("video", 8),
    await live.open(),
    await live.putInit("video", 2),
    await live.end(),
    await other.open(),
  ]) {
    expect(answer.status).toBe(403);
    expect(await readJson(answer)).toMatchObject({ type: "/problems/stopped", detail: BODY.reason });
  }
  // A key created meanwhile is suspended with the others, and an unknown one learns nothing.
  const made = await testEdge.ask(`/api/streams/${stream}/keys`, {
    method: "POST",
    headers: { authorization: OPERATOR },
  });
  const fresh = new TestPublisher(testEdge, { stream, key: String((await readJson(made))["key"]) });
  expect((await readJson(await fresh.open()))["type"]).toBe("/problems/stopped");
  expect((await readJson(await new TestPublisher(testEdge, { stream, key: "corral_wrong" }).open()))["type"]).toBe(
    "/problems/key-wrong",
  );
  await undo(stream);
  await live.putParts(8, 10);
  await becomes(live.path("video", "1.3.m4s"), 200);
});

test("the room of a stopped stream is closed: sockets are closed with the reason, and new ones, beacons and the replay are refused", async () => {
  const { live } = await streams();
  const { stream } = live;
  const host = await TestParticipant.join(stream, { sub: "host", roles: ["host"] });
  viewers.push(host);
  await host.say("hello");
  const reader = await openShardSocket(stream, 0, "reader");
  const closed = new Promise((resolve) =>
    reader.addEventListener("close", ({ code, reason }) => resolve([code, reason])),
  );
  reader.accept();
  reader.send(JSON.stringify({ type: "hello", from: null }));
  const mute = await openShardSocket(stream, 0, "mute");
  const mutes = new Promise((resolve) => mute.addEventListener("close", ({ code }) => resolve(code)));
  mute.accept();
  await stop(stream);
  expect(await closed).toEqual([SOCKET_CLOSES.stopped.code, "legal"]);
  // Also one that never sent hello.
  expect(await mutes).toBe(SOCKET_CLOSES.stopped.code);
  await waitForCondition(() => host.closes.includes(SOCKET_CLOSES.stopped.code));
  const refusedBy = async (open: () => Promise<WebSocket>): Promise<number> => {
    const socket = await open();
    const code = new Promise<number>((resolve) => socket.addEventListener("close", (event) => resolve(event.code)));
    socket.accept();
    socket.send(JSON.stringify({ type: "hello", from: null }));
    return code;
  };
  const good = await issueTestToken(stream, { sub: "host", roles: ["host"] });
  expect(await refusedBy(() => openGatewaySocket(`/rooms/${stream}/socket?token=${good}`))).toBe(
    SOCKET_CLOSES.stopped.code,
  );
  expect(await refusedBy(() => openShardSocket(stream, 0, "late"))).toBe(SOCKET_CLOSES.stopped.code);
  await evictDurableObject(shardStub(stream));
  await evictDurableObject(roomStub(stream));
  expect(await refusedBy(() => openShardSocket(stream, 0, "later"))).toBe(SOCKET_CLOSES.stopped.code);
  // A gateway's room summary is some seconds old at most; the policy from a feed is current.
  await waitForCondition(async () => (await testEdge.ask(`/rooms/${stream}/replay?from=1700000000000`)).status === 451);
  const beacon = await testEdge.ask(`/rooms/${stream}/beacon`, { method: "POST" });
  expect(await problem(beacon)).toEqual(STOPPED);
  expect(await problem(await testEdge.ask(`/rooms/${stream}/replay?from=1700000000000`))).toEqual(STOPPED);
  await undo(stream);
  await waitForCondition(async () => (await testEdge.ask(`/rooms/${stream}/replay?from=1700000000000`)).status === 200);
  const back = await TestParticipant.join(stream, { sub: "ann" });
  viewers.push(back);
  expect(await back.say("back")).toMatchObject({ ok: true });
});

test("a stop survives the memory loss of every object, new epochs and new broadcasts", async () => {
  const { live, over } = await streams();
  const { stream } = live;
  const all = addresses({ live, over });
  await stop(stream);
  await live.restartNode();
  expect((await live.open()).status).toBe(403);
  // No request in this isolate before.
  expect(await statuses(all)).toEqual([451]);
  await live.restartNode();
  expect(await statuses(all)).toEqual([451]);
  await undo(stream);
  await live.restartNode();
  expect((await live.open()).status).toBe(200);
  await becomes(over.path("video", "vod.m3u8"), 200);
});

test("a stop ends by itself at its expiry", async () => {
  const { live, over } = await streams();
  const untilMs = Date.now() + 400;
  await stop(live.stream, { until: new Date(untilMs).toISOString() });
  await becomes(live.path("video", "0.m4s"), 451);
  expect(await runInDurableObject(getLiveObject(live), async (_, { storage }) => storage.getAlarm())).toBeGreaterThan(
    untilMs,
  );
  await becomes(live.path("video", "0.m4s"), 200);
  expect(Date.now()).toBeGreaterThanOrEqual(untilMs);
  expect(await statuses(addresses({ live, over }))).toEqual([200]);
  await live.putParts(8, 9);
  expect(await readJson(await change(live.stream, "GET" as "POST", null))).toMatchObject({
    stop: null,
    records: [{ act: "stop" }],
  });
  expect((await change(live.stream, "POST", { ...BODY, until: new Date(untilMs).toISOString() })).status).toBe(400);
});

test("a host stops and starts its own stream, the operator's stop stays, and the actors are recorded", async () => {
  const { live } = await streams();
  const { stream } = live;
  const bearer = async (sub: string, ...roles: string[]): Promise<string> =>
    `Bearer ${await issueTestToken(stream, { sub, roles })}`;
  const host = await bearer("ann", "host");
  const strangers = [
    await bearer("mod", "moderator", "subscriber"),
    `Bearer ${await issueTestToken("other", { sub: "x", roles: ["host"] })}`,
    `Bearer ${live.key}`,
    "Bearer x.y.z",
    "",
  ];
  for (const stranger of strangers) {
    for (const method of ["POST", "DELETE", "GET"] as const) {
      expect([401, 403]).toContain(
        (await change(stream, method as "POST", method === "POST" ? BODY : null, stranger)).status,
      );
    }
  }
  expect((await change(stream, "POST", { ...BODY, by: "somebody else" }, host)).status).toBe(200);
  await becomes(live.path("video", "0.m4s"), 451);
  expect((await change(stream, "DELETE", null, host)).status).toBe(200);
  await becomes(live.path("video", "0.m4s"), 200);
  expect((await change(stream, "POST", { ...BODY, by: "Jo of the night shift" })).status).toBe(200);
  expect((await change(stream, "POST", { ...BODY, by: "Jo of the night shift" })).status).toBe(200);
  for (const [method, body] of [
    ["DELETE", null],
    ["POST", { ...BODY, until: new Date(Date.now() + 1_000).toISOString() }],
  ] as const) {
    expect(await readJson(await change(stream, method, body, host))).toMatchObject({
      type: "/problems/stopped-by-operator",
    });
  }
  await becomes(live.path("video", "0.m4s"), 451);
  const told = await readJson(await change(stream, "DELETE", { by: "Sam" }));
  expect(told).toMatchObject({
    stop: null,
    records: [
      { act: "undo", authority: "operator", by: "Sam" },
      {
        act: "stop",
        authority: "operator",
        by: "Jo of the night shift",
        category: "legal",
        reason: BODY.reason,
        until: null,
      },
      { act: "undo", authority: "host", by: "ann" },
      { act: "stop", authority: "host", by: "ann" },
    ],
  });
  expect((told["records"] as unknown[]).length).toBe(4);
  // A host with a revoked token is no host.
  await testEdge.ask(`/api/streams/${stream}/revocations`, {
    method: "POST",
    headers: { authorization: OPERATOR },
    body: JSON.stringify({ subject: "ann", version: 1 }),
  });
  expect((await change(stream, "POST", BODY, host)).status).toBe(403);
});

test("an invalid stop is refused, and a stream can be stopped before its first broadcast", async () => {
  const publisher = new TestPublisher(testEdge);
  const { stream } = publisher;
  const wrong = [
    {},
    { ...BODY, category: "mood" },
    { ...BODY, reason: "" },
    { ...BODY, reason: "x".repeat(301) },
    { ...BODY, until: "soon" },
    { ...BODY, more: 1 },
    { ...BODY, by: "x".repeat(65) },
  ];
  for (const body of wrong) expect((await change(stream, "POST", body)).status).toBe(400);
  expect((await change(stream, "DELETE", { who: "me" })).status).toBe(400);
  await stop(stream);
  await publisher.openWithInits();
  expect((await publisher.open()).status).toBe(403);
  expect(testBindings.LIVE).toBeDefined();
  await undo(stream);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  expect(new Uint8Array(await (await testEdge.ask(publisher.path("video", "0.1.m4s"))).arrayBuffer())).toEqual(
    testPartBytes(1),
  );
});
