/** Attacks on identity: chosen device names, ambiguous concatenated names, foreign pages. */
import { afterEach, expect, test, vi } from "vitest";
import { parseConfig } from "../../../core/api/config.ts";
import type { StreamName } from "../../../core/kit/ids.ts";
import { ROOM_SUBPROTOCOL } from "../../../core/room/room-protocol.ts";
import { SOCKET_CLOSES } from "../../../core/room/socket-closes.ts";
import {
  closeCodeOf,
  fetchPlaybackProof,
  gatewayHeaders,
  issueTestToken,
  openGatewaySocket,
  openTicketSocket,
  registerTestStream,
  requestTicket,
  TestParticipant,
  waitForCondition,
} from "../../../durable-objects/room/testing.ts";
import { isAllowedOrigin } from "../../../workers/access/page-origins.ts";
import { openTicket, sealTicket, TICKET_LIMITS } from "../../../workers/room/room-tickets.ts";
import { testBindings, testConfig, testEdge } from "../../../workers/testing.ts";

const NOBODY = { subject: null, name: "", roles: [], followerSinceMs: null, expiresMs: null } as const;

const viewers: TestParticipant[] = [];
let rooms = 0;

const newRoom = (): string => {
  rooms += 1;
  return `identity${rooms}`;
};

async function come(...args: Parameters<typeof TestParticipant.join>): Promise<TestParticipant> {
  const viewer = await TestParticipant.join(...args);
  viewers.push(viewer);
  return viewer;
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

/** The names of a participant in a ban list. */
async function banned(host: TestParticipant): Promise<string[]> {
  const outcome = await host.client.sendCommand({ kind: "list", what: "bans" });
  if (!outcome.ok || outcome.list?.what !== "bans") throw new Error("no list");
  return outcome.list.bans.map(({ key }) => key).sort();
}

/** Whether the opener of this socket is admitted; its close code otherwise. */
function entering(socket: WebSocket): Promise<number | "welcome"> {
  const closed = closeCodeOf(socket);
  const welcomed = new Promise<"welcome">((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      if (String(data).includes('"welcome"')) resolve("welcome");
    });
  });
  socket.accept();
  socket.send(JSON.stringify({ type: "hello" }));
  return Promise.race([closed, welcomed]);
}

test("a writer under another viewer's device key is banned alone: the victim's key can be neither guessed, made nor reused", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const { device: key = "" } = await requestTicket(room);
  const victim = await come(room, { sub: "victim" }, { device: key });
  await victim.say("hello");
  await host.client.sendCommand({ kind: "ban", subject: "victim", address: false });
  // What staff can read about the victim: the room's name of the device.
  const name = (await banned(host)).find((each) => each.startsWith("device:"))?.slice("device:".length) ?? "";
  expect(name).not.toBe("");
  await host.client.sendCommand({ kind: "unban", subject: "victim" });
  const flipped = (at: number): string => `${key.slice(0, at)}${key[at] === "A" ? "B" : "A"}${key.slice(at + 1)}`;
  const shown = [
    name,
    "device-of-victim-0000",
    flipped(3),
    flipped(30),
    flipped(50),
    `${key}A`,
    key.slice(1),
    "",
    "%%",
  ];
  for (const [index, device] of shown.entries()) {
    const thief = await come(room, { sub: `thief-${index}` }, { device });
    expect((await thief.say("spam")).ok).toBe(true);
    expect((await host.client.sendCommand({ kind: "ban", subject: `thief-${index}`, address: false })).ok).toBe(true);
  }
  // The socket's URL reveals nothing either.
  const bearer = await issueTestToken(room, { sub: "namer" });
  const namer = await openGatewaySocket(`/rooms/${room}/socket?token=${bearer}&device=${name}`);
  expect(await entering(namer)).toBe("welcome");
  expect(await banned(host)).not.toContain(`device:${name}`);
  const again = await come(room, { sub: "victim" }, { device: key });
  expect(again.closes).toEqual([]);
  expect((await again.say("still here")).ok).toBe(true);
});

test("a ban reaches account, device and network separately, and a renewed key is the same device", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] }, { ip: "198.51.100.1" });
  const { device = "" } = await requestTicket(room, { ip: "203.0.113.5" });
  const rude = await come(room, { sub: "rude" }, { device, ip: "203.0.113.5" });
  await rude.say("spam");
  expect((await host.client.sendCommand({ kind: "ban", subject: "rude", address: true })).ok).toBe(true);
  await waitForCondition(() => rude.closes.length > 0);
  const by = async (claims: string | null, key: string | null, ip: string): Promise<number | "welcome"> => {
    const more = claims === null ? {} : { token: await issueTestToken(room, { sub: claims }) };
    const { ticket } = await requestTicket(room, { ...more, device: key, ip });
    return entering(await openTicketSocket(room, ticket, ip));
  };
  expect(await by("rude", null, "192.0.2.1")).toBe(SOCKET_CLOSES.banned.code);
  expect(await by("other", device, "192.0.2.1")).toBe(SOCKET_CLOSES.banned.code);
  expect(await by(null, device, "192.0.2.1")).toBe(SOCKET_CLOSES.banned.code);
  expect(await by("other", null, "203.0.113.5")).toBe(SOCKET_CLOSES.banned.code);
  expect(await by("other", null, "192.0.2.1")).toBe("welcome");
});

test("all addresses of an IPv6 network are one: other addresses of it do not evade a ban", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] }, { ip: "2001:db8:1::1" });
  const rude = await come(room, { sub: "rude" }, { ip: "2001:db8:2:3::1" });
  await rude.say("spam");
  expect((await host.client.sendCommand({ kind: "ban", subject: "rude", address: true })).ok).toBe(true);
  await waitForCondition(() => rude.closes.length > 0);
  const other = await come(room, { sub: "other" }, { ip: "2001:0db8:2:3:ffff:1:2:3" });
  expect(other.closes).toEqual([SOCKET_CLOSES.banned.code]);
  const neighbour = await come(room, { sub: "neighbour" }, { ip: "2001:db8:2:4::1" });
  expect(neighbour.closes).toEqual([]);
});

test("participants whose names and message ids concatenate alike have separate messages", async () => {
  const room = newRoom();
  const send = async (sub: string, id: string, text: string): Promise<unknown> => {
    const socket = await openGatewaySocket(`/rooms/${room}/socket?token=${await issueTestToken(room, { sub })}`);
    const answered = new Promise<string>((resolve) => {
      socket.addEventListener("message", ({ data }) => {
        const frame = JSON.parse(String(data)) as { type: string };
        if (frame.type === "welcome") {
          socket.send(JSON.stringify({ type: "act", id, act: { kind: "chat", text }, programmeMs: null }));
        }
        if (frame.type === "ack") resolve(String(data));
      });
    });
    socket.accept();
    socket.send(JSON.stringify({ type: "hello" }));
    return (JSON.parse(await answered) as { outcome: unknown }).outcome;
  };
  for (const [one, other] of [
    [
      ["al x", "1"],
      ["al", "x 1"],
    ],
    [
      ["al/x", "1"],
      ["al", "x/1"],
    ],
    [
      ["al:2", "1"],
      ["al", "2:1"],
    ],
  ] as const) {
    expect(await send(one[0], one[1], "the first")).toMatchObject({ ok: true, event: { by: { subject: one[0] } } });
    const second = await send(other[0], other[1], "the second");
    expect(second).toMatchObject({ ok: true, event: { by: { subject: other[0] }, text: "the second" } });
  }
});

test("held messages of participants whose names and message ids concatenate alike are separate", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  await host.client.sendCommand({ kind: "modes", modes: { review: true } });
  const held: unknown[] = [];
  for (const [sub, id] of [
    ["al/x", "1"],
    ["al", "x/1"],
  ] as const) {
    const socket = await openGatewaySocket(`/rooms/${room}/socket?token=${await issueTestToken(room, { sub })}`);
    socket.accept();
    const frame = new Promise<{ outcome: { held?: string } }>((resolve) => {
      socket.addEventListener("message", ({ data }) => {
        if (String(data).includes('"ack"')) resolve(JSON.parse(String(data)) as { outcome: { held?: string } });
      });
    });
    socket.send(JSON.stringify({ type: "hello" }));
    socket.send(JSON.stringify({ type: "act", id, act: { kind: "chat", text: `of ${sub}` }, programmeMs: null }));
    held.push((await frame).outcome.held);
  }
  expect(new Set(held).size).toBe(2);
  const [first] = held;
  expect((await host.client.sendCommand({ kind: "approve", held: String(first) })).ok).toBe(true);
  const list = await host.client.sendCommand({ kind: "list", what: "held" });
  expect(list).toMatchObject({ list: { held: [{ by: { subject: "al" }, text: "of al" }] } });
});

test("pages of other origins open no socket, get no ticket and send no beacon; programs and the edge's own page do", async () => {
  const room = await registerTestStream(newRoom());
  const { ticket } = await requestTicket(room);
  const asked = async (origin: string | null): Promise<number[]> => {
    const from: Record<string, string> = origin === null ? {} : { origin };
    const opening = { upgrade: "websocket", "sec-websocket-protocol": `${ROOM_SUBPROTOCOL}, ${ticket}`, ...from };
    const socket = await testEdge.ask(`/rooms/${room}/socket`, { headers: opening });
    socket.webSocket?.accept();
    socket.webSocket?.close();
    const posts = ["ticket", "beacon"].map(
      async (what) => (await testEdge.ask(`/rooms/${room}/${what}`, { method: "POST", headers: from })).status,
    );
    return [socket.status, ...(await Promise.all(posts))];
  };
  const foreign = [
    "https://evil.example",
    "null",
    "http://edge.test.evil.example",
    "ftp://edge.test",
    "http://edge.test:81",
  ];
  for (const origin of foreign) expect([origin, await asked(origin)]).toEqual([origin, [403, 403, 403]]);
  expect(await asked(null)).toEqual([101, 200, 200]);
  expect(await asked("http://edge.test")).toEqual([101, 200, 200]);
  // Never a page that anybody on the path could modify.
  expect(isAllowedOrigin({ pageOrigins: [] }, "https://edge.test/rooms/r/socket", "http://edge.test")).toBe(false);
  const listing = parseConfig({ CORRAL_ORIGINS: "https://a.example, https://b.example:8443" });
  const others = [
    "https://a.example",
    "https://b.example:8443",
    "https://b.example",
    "http://a.example",
    "https://a.example.evil.example",
  ];
  const welcome = others.map((origin) => isAllowedOrigin(listing, "https://edge.test/", origin));
  expect(welcome).toEqual([true, true, false, false, false]);
});

test("a ticket opens one room for seconds, is unreadable, and cannot be changed", async () => {
  const room = newRoom();
  const bearer = await issueTestToken(room, { sub: "ann-of-the-ticket", roles: ["host"] });
  const { ticket } = await requestTicket(room, { token: bearer });
  expect(ticket).not.toContain(bearer);
  const bytes = ticket.split(".").map((part) => atob(part.replaceAll("-", "+").replaceAll("_", "/")));
  expect(bytes.join("")).not.toContain("ann-of-the-ticket");
  const status = async (path: string, text: string): Promise<number> => {
    const headers = { upgrade: "websocket", "sec-websocket-protocol": `${ROOM_SUBPROTOCOL}, ${text}` };
    const answer = await testEdge.ask(path, { headers });
    answer.webSocket?.accept();
    answer.webSocket?.close();
    return answer.status;
  };
  expect(await status(`/rooms/${room}/socket`, ticket)).toBe(101);
  expect(await status(`/rooms/${room}-else/socket`, ticket)).toBe(401);
  const [iv = "", sealed = ""] = ticket.split(".");
  const other = await requestTicket(room);
  const made = [
    `${iv}.${sealed.slice(0, -2)}AA`,
    `${iv}.${other.ticket.split(".")[1]}`,
    iv,
    `${iv}.`,
    "x.y",
    "A".repeat(9_000),
    bearer,
  ];
  for (const text of made) expect(await status(`/rooms/${room}/socket`, text)).toBe(401);
  const stream = room as StreamName;
  const short = await sealTicket(testConfig, stream, { ...NOBODY, device: "d" }, 1_000);
  const opens = async (nowMs: number): Promise<boolean> =>
    (await openTicket(testConfig, stream, short ?? "", nowMs)) !== null;
  const { lifetimeMs } = TICKET_LIMITS;
  expect([await opens(1_000), await opens(999 + lifetimeMs), await opens(1_000 + lifetimeMs)]).toEqual([
    true,
    true,
    false,
  ]);
  // A refused token gets no ticket, with the reason.
  const refused = await testEdge.ask(`/rooms/${room}/ticket`, {
    method: "POST",
    headers: gatewayHeaders({ token: `${bearer}x` }),
  });
  expect([refused.status, ((await refused.json()) as { type: string }).type]).toEqual([401, "/problems/token-forged"]);
  expect(await fetchPlaybackProof(room)).not.toBeNull();
});

test("an edge with a guessable secret answers every request with 503, and logs the secret's name", async () => {
  const { serveRequest } = await import("../../../workers/app.ts");
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const context = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext;
  for (const name of [
    "CORRAL_ADMIN_TOKEN",
    "CORRAL_METRICS_TOKEN",
    "CORRAL_INGEST_TOKEN",
    "CORRAL_VIEWER_SECRET",
    "CORRAL_EDGE_SECRET",
  ]) {
    const env = { ...testBindings, [name]: "a".repeat(31) };
    for (const path of ["/watch/show", "/live/show/multivariant.m3u8", "/rooms/show/socket", "/metrics"]) {
      const answer = await serveRequest(new Request(`http://edge.test${path}`), env, context);
      expect([path, answer.status]).toEqual([path, 503]);
      expect(await answer.json()).toMatchObject({ type: "/problems/misconfigured" });
    }
    expect(log).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(`${name} must have at least 32 bytes`));
    log.mockClear();
    const long = await serveRequest(
      new Request("http://edge.test/metrics"),
      { ...testBindings, [name]: "a".repeat(32) },
      context,
    );
    expect(long.status).toBe(401);
  }
  log.mockRestore();
});
