/** The platform's rate limits: they affect floods of one network, but not its neighbours or holders of the secret. */
import { expect, test } from "vitest";
import { DEFAULT_JOIN_RATES } from "../../../core/delivery/join-admission.ts";
import { PUBLISHER_HEADER } from "../../../core/ingest/publish-api.ts";
import { ROOM_SUBPROTOCOL } from "../../../core/room/room-protocol.ts";
import { issueTestToken } from "../../../durable-objects/room/testing.ts";
import { testEdge } from "../../../workers/testing.ts";
import { TestPublisher } from "../../support/publisher.ts";
import { CountedGateway } from "./counting.ts";

const from = (ip: string, more: Record<string, string> = {}): Record<string, string> => ({
  "cf-connecting-ip": ip,
  ...more,
});

/** As in `vitest.config.ts`. */
const LIMITS = { secrets: 20, sockets: 90 } as const;
/** More than the limit, even if a minute ends in between. */
const A_MINUTE_OF_SECRETS = 2 * LIMITS.secrets + 1;

/** Statuses of this many requests, and the last response. */
async function flood(
  count: number,
  ask: (n: number) => Promise<Response>,
): Promise<{ statuses: number[]; last: Response }> {
  const statuses: number[] = [];
  let last = new Response();
  for (let n = 0; n < count; n += 1) {
    last = await ask(n);
    statuses.push(last.status);
    if (n < count - 1) await last.arrayBuffer();
  }
  return { statuses, last };
}

test("repeated wrong admin tokens of one network get 429, another network's 403, and the right token never", async () => {
  const ask = (ip: string, token: string): Promise<Response> =>
    testEdge.ask("/api/streams/guarded/access", { headers: from(ip, { authorization: `Bearer ${token}` }) });
  const { statuses, last } = await flood(A_MINUTE_OF_SECRETS, (n) => ask("2001:db8:1:1::1", `wrong-${n}`));
  expect(statuses[0]).toBe(403);
  expect([last.status, last.headers.get("content-type")]).toEqual([429, "application/problem+json"]);
  expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await ask("2001:db8:1:1:ffff::2", "wrong")).status).toBe(429);
  expect((await ask("2001:db8:1:2::1", "wrong")).status).toBe(403);
  expect((await ask("2001:db8:1:1::1", testEdge.adminToken)).status).toBe(200);
});

test("repeated wrong stream keys of one network get 429, and the publisher in that network continues", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  const gateway = new CountedGateway();
  const put = (n: number): Promise<number> =>
    gateway.ask(`/ingest/${publisher.stream}/${publisher.config.broadcast}/end`, {
      method: "PUT",
      headers: from("198.51.100.7", { authorization: `Bearer wrong-${n}`, [PUBLISHER_HEADER]: "a-stranger" }),
    });
  const statuses = new Set<number>();
  for (let n = 0; n < A_MINUTE_OF_SECRETS && !statuses.has(429); n += 40) {
    const round = await Promise.all(Array.from({ length: 40 }, (_, index) => put(n + index)));
    for (const status of round) statuses.add(status);
  }
  expect([...statuses].sort()).toEqual([403, 429]);
  await publisher.putParts(0, 2);
});

test("a flood of joins from one network gets 429, while others join and current viewers are not counted", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 6);
  const join = (ip: string, method = "GET"): Promise<Response> =>
    testEdge.ask(`/live/${publisher.stream}/multivariant.m3u8`, { method, headers: from(ip) });
  // One request opens the feed: Vitest's runtime sets `no_handle_cross_request_promise_resolution`, so requests that wait for
  // another's feed would hang in it.
  await join("203.0.113.4");
  const heads = await flood(700, () => join("203.0.113.5", "HEAD"));
  expect(new Set(heads.statuses)).toEqual(new Set([200]));
  const beganMs = Date.now();
  // One after another: Vitest's runtime sets `no_handle_cross_request_promise_resolution`, so a request that waits for another's
  // feed hangs in it.
  const answers: Response[] = [];
  for (let n = 0; n < 200; n += 1) answers.push(await join("203.0.113.5"));
  const refused = answers.filter(({ status }) => status === 429);
  const most = 0.1 * (DEFAULT_JOIN_RATES.burst + (DEFAULT_JOIN_RATES.joinsPerSecond * (Date.now() - beganMs)) / 1_000);
  expect(answers.length - refused.length).toBeLessThanOrEqual(Math.max(most + 1, 61));
  for (const { headers } of refused) {
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  }
  for (let n = 0; n < 100; n += 1) expect((await join(`203.0.113.${n + 100}`)).status).toBe(200);
  const watching = await flood(50, () =>
    testEdge.ask(publisher.path("video", "0.m4s"), { headers: from("203.0.113.5") }),
  );
  expect(new Set(watching.statuses)).toEqual(new Set([200]));
});

test("sockets of one network beyond the limit are closed with a reconnect delay, and other networks' are not", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  const closeOf = async (ip: string): Promise<number | null> => {
    const { webSocket } = await testEdge.ask(`/rooms/${publisher.stream}/socket?token=none`, {
      headers: from(ip, { upgrade: "websocket" }),
    });
    if (webSocket === null) return null;
    const closed = new Promise<number>((resolve) => webSocket.addEventListener("close", ({ code }) => resolve(code)));
    webSocket.accept();
    return closed;
  };
  for (let n = 0; n < 2 * LIMITS.sockets; n += 100) {
    await Promise.all(Array.from({ length: 100 }, () => closeOf("192.0.2.9")));
  }
  expect(await closeOf("192.0.2.9")).toBe(4503);
  expect(await closeOf("192.0.2.10")).toBe(4401);
});

test("a viewer with a token joins and counts, however many of its network come, and has its own limit", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  const { stream } = publisher;
  const ip = "192.0.2.77";
  const post = async (what: "ticket" | "beacon", bearer: string | null): Promise<Response> =>
    testEdge.ask(`/rooms/${stream}/${what}`, {
      method: "POST",
      headers: from(ip, bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      body: "{}",
    });
  const statusOf = async (what: "ticket" | "beacon", bearer: string | null): Promise<number> => {
    const answer = await post(what, bearer);
    await answer.arrayBuffer();
    return answer.status;
  };
  /** The first event on a socket: a close code, or the welcome. */
  const entering = async (query: string, headers: Record<string, string> = {}): Promise<unknown> => {
    const { webSocket } = await testEdge.ask(`/rooms/${stream}/socket${query}`, {
      headers: from(ip, { upgrade: "websocket", ...headers }),
    });
    if (webSocket === null) return null;
    const first = new Promise<unknown>((resolve) => {
      webSocket.addEventListener("close", ({ code }) => resolve(code));
      webSocket.addEventListener("message", ({ data }) => resolve((JSON.parse(String(data)) as { type: string }).type));
    });
    webSocket.accept();
    webSocket.send(JSON.stringify({ type: "hello" }));
    const got = await first;
    if (got === "welcome") webSocket.close(1000);
    return got;
  };
  const ann = await issueTestToken(stream, { sub: "ann" });
  const anonymous = ((await (await post("ticket", null)).json()) as { ticket: string }).ticket;
  const floodOf = async (bearer: string | null): Promise<void> => {
    for (let n = 0; n < 2 * LIMITS.sockets; n += 100) {
      await Promise.all(Array.from({ length: 100 }, () => statusOf("ticket", bearer)));
    }
  };

  await floodOf(null);
  expect(await statusOf("ticket", null)).toBe(429);
  expect(await statusOf("ticket", "none")).toBe(429);
  expect(await entering("?token=none")).toBe(4503);
  expect(await entering("")).toBe(4503);
  expect(await entering("", { "sec-websocket-protocol": `${ROOM_SUBPROTOCOL}, ${anonymous}` })).toBe(4503);

  expect(await statusOf("beacon", ann)).toBe(200);
  const answer = await post("ticket", ann);
  expect(answer.status).toBe(200);
  const { ticket } = (await answer.json()) as { ticket: string };
  expect(await entering("", { "sec-websocket-protocol": `${ROOM_SUBPROTOCOL}, ${ticket}` })).toBe("welcome");
  expect(await entering(`?token=${ann}`)).toBe("welcome");

  await floodOf(ann);
  expect(await statusOf("ticket", ann)).toBe(429);
  expect(await statusOf("ticket", await issueTestToken(stream, { sub: "bob" }))).toBe(200);
});
