/** Every route × method × caller: the responses of a public stream and of a token stream. */
import { beforeAll, expect, test } from "vitest";
import type { StreamName } from "../../../core/kit/ids.ts";
import { issueTestToken, requestTicket, TestParticipant } from "../../../durable-objects/room/testing.ts";
import { app } from "../../../workers/app.ts";
import { findEdgeStream } from "../../../workers/delivery/edge-streams.ts";
import { testEdge } from "../../../workers/testing.ts";
import { TestPublisher } from "../../support/publisher.ts";
import {
  ALL_ADDRESSES,
  CALLERS,
  type Caller,
  pathAt,
  ROUTES,
  type RouteAddress,
  type RouteMethod,
  type RoutePolicy,
  requestInitFor,
  SOCKET_ROUTE,
  type TestStream,
} from "../../support/route-table.ts";

const METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"] as const;
const KINDS = ["public", "gated"] as const;

/** A live stream with every caller, by their credentials. */
interface Stage extends TestStream {
  readonly tokens: Readonly<Record<Caller, string>>;
  /** A device key. */
  readonly device: string;
  /** Sends again what is not stored: an idle object is evicted after ten seconds, and a request for its part waits. */
  resendParts(): Promise<void>;
}

const admin = { authorization: `Bearer ${testEdge.adminToken}` };

async function control(stream: string, rest: string, method: string, body: object): Promise<void> {
  const answer = await testEdge.ask(`/api/streams/${stream}/${rest}`, {
    method,
    headers: admin,
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
}

async function stage(kind: keyof RoutePolicy): Promise<Stage> {
  const live = new TestPublisher(testEdge);
  const { stream } = live;
  if (kind === "gated") await control(stream, "access", "PUT", { playback: "token" });
  await live.openWithInits();
  await live.putParts(0, 14);
  const of = (sub: string, roles: string[] = []): Promise<string> => issueTestToken(stream, { sub, roles, ver: 1 });
  const [viewer, banned, revoked, moderator, host] = await Promise.all([
    of("ann"),
    of("bob"),
    of("cy"),
    of("mo", ["moderator"]),
    of("hana", ["host"]),
  ]);
  await control(stream, "revocations", "POST", { subject: "cy", version: 2 });
  const person = await TestParticipant.join(stream, { sub: "hana", roles: ["host"], ver: 1 });
  expect(await person.client.sendCommand({ kind: "ban", subject: "bob", address: false })).toMatchObject({ ok: true });
  person.client.stop();
  return {
    stream,
    broadcast: live.config.broadcast,
    publisher: live.id,
    device: (await requestTicket(stream)).device ?? "",
    resendParts: () => live.putParts(12, 14),
    tokens: {
      nobody: "",
      anonymous: "",
      viewer,
      banned,
      revoked,
      moderator,
      host,
      publisher: live.key,
      operator: testEdge.adminToken,
    },
  };
}

/** Attempts of a request that gets Retry-After: feeds are late on a busy machine. */
const MOST_TRIES = 10;

/** How long a late feed may take to come back, milliseconds. */
const MOST_LATE_MS = 5_000;

/**
 * Waits while the feed of a stream is late. Vitest's runtime sets `no_handle_cross_request_promise_resolution`: a request
 * that waits for the feed, which another request reads, would hang.
 */
async function feedSettled(path: string): Promise<void> {
  const stream = /^\/live\/([a-z0-9][a-z0-9_-]*)\//.exec(path)?.[1];
  if (stream === undefined) return;
  const untilMs = Date.now() + MOST_LATE_MS;
  while (findEdgeStream(stream as StreamName)?.isStale === true && Date.now() < untilMs) await scheduler.wait(20);
}

/** The status, and the problem's name. */
async function answerTo(path: string, init: RequestInit): Promise<string> {
  await feedSettled(path);
  let answer = await testEdge.ask(path, { redirect: "manual", ...init });
  for (let tries = 1; answer.status === 503 && tries < MOST_TRIES; tries += 1) {
    await scheduler.wait(Number(answer.headers.get("retry-after") ?? 0) * 1_000);
    await feedSettled(path);
    answer = await testEdge.ask(path, { redirect: "manual", ...init });
  }
  const isProblem = answer.headers.get("content-type") === "application/problem+json";
  const text = await answer.text();
  if (!isProblem || text === "") return String(answer.status);
  return `${answer.status} ${String((JSON.parse(text) as { type: unknown }).type).replace("/problems/", "")}`;
}

function sentBy(caller: Caller, { tokens }: Stage, init: RequestInit): RequestInit {
  const authorization = tokens[caller] === "" ? {} : { authorization: `Bearer ${tokens[caller]}` };
  return { ...init, headers: { ...(init.headers as Record<string, string>), ...authorization } };
}

/** The device proofs of a page without a token, if any. */
function shownBy(caller: Caller, { path }: RouteAddress, { device }: Stage, method: string): RequestInit {
  const shows = caller === "anonymous" && method === "POST" && /\/(ticket|beacon)$/.test(path);
  return shows ? { body: JSON.stringify({ device }) } : {};
}

/** An unsupported method is refused for every caller: the least and the most privileged are tried. */
const EXTREMES: readonly Caller[] = ["nobody", "operator"];

const askingOf = ({ methods }: RouteAddress, method: (typeof METHODS)[number]): RouteMethod | undefined =>
  methods[method === "HEAD" ? "GET" : (method as "GET")];

/** The responses to each caller by method, as lines. */
async function observed(address: RouteAddress, at: Stage): Promise<string[]> {
  const lines: string[] = [];
  for (const method of METHODS) {
    const asking = askingOf(address, method);
    for (const caller of asking === undefined ? EXTREMES : CALLERS) {
      const init = { ...requestInitFor(asking, at), ...shownBy(caller, address, at, method), method };
      const answer = await answerTo(pathAt(address, at), sentBy(caller, at, init));
      lines.push(`${method} ${caller}: ${answer}`);
    }
  }
  return lines;
}

function expected(address: RouteAddress, kind: keyof RoutePolicy): string[] {
  const refused = address.isUnknown === true ? "404 not-found" : "405 method-not-allowed";
  return METHODS.flatMap((method) => {
    const answers = askingOf(address, method)?.policy[kind];
    const callers = answers === undefined ? EXTREMES : CALLERS;
    return callers.map((caller) => {
      const answer = answers?.[caller] ?? (method === "OPTIONS" ? "204" : refused);
      // Without a body there is no problem's name.
      return `${method} ${caller}: ${method === "HEAD" ? answer.split(" ", 1)[0] : answer}`;
    });
  });
}

let stages: Readonly<Record<keyof RoutePolicy, Stage>>;
beforeAll(async () => {
  stages = { public: await stage("public"), gated: await stage("gated") };
});

test("every route has a row, and every row a route", () => {
  expect([...new Set(app.routes.map(({ path }) => path))].sort()).toEqual(Object.keys(ROUTES).sort());
});

const TABLE_TEST = "$path answers each caller by every method as the table says";

test.each(ALL_ADDRESSES.filter(({ changesStream }) => changesStream !== true))(TABLE_TEST, async (address) => {
  for (const kind of KINDS) {
    await stages[kind].resendParts();
    expect({ kind, lines: await observed(address, stages[kind]) }).toEqual({ kind, lines: expected(address, kind) });
  }
});

// Side by side, each at streams of its own: a stream's keys are looked up twice a second, and wrong ones wait for that.
test.concurrent.each(ALL_ADDRESSES.filter(({ changesStream }) => changesStream === true))(
  TABLE_TEST,
  async (address) => {
    const lines = await Promise.all(KINDS.map(async (kind) => observed(address, await stage(kind))));
    expect(lines).toEqual(KINDS.map((kind) => expected(address, kind)));
  },
);

/** The result of a socket after its hello: the first frame, or the close. */
async function opened(path: string, init: RequestInit): Promise<string> {
  const { status, webSocket } = await testEdge.ask(path, {
    ...init,
    headers: { ...(init.headers as Record<string, string>), upgrade: "websocket" },
  });
  if (webSocket === null) return String(status);
  return new Promise((resolve) => {
    const end = (outcome: string): void => {
      resolve(`${status} ${outcome}`);
      webSocket.close();
    };
    webSocket.addEventListener("message", ({ data }) => end((JSON.parse(String(data)) as { type: string }).type));
    webSocket.addEventListener("close", ({ code }) => resolve(`${status} closed ${code}`));
    webSocket.accept();
    webSocket.send('{"type":"hello","from":null}');
  });
}

test.each(KINDS)("a socket of a %s stream is open to those that the table lists", async (kind) => {
  const at = stages[kind];
  const path = SOCKET_ROUTE.path.replace("{stream}", at.stream);
  const outcomes: Partial<Record<Caller, string>> = {};
  for (const caller of CALLERS) outcomes[caller] = await opened(path, sentBy(caller, at, {}));
  expect(outcomes).toEqual(SOCKET_ROUTE.policy[kind]);
});
