import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";

let edge: LocalEdge;
let dataDir: string;
/** Each isolate's own URL; they share the objects, and the cache of their data centre. */
let isolates: string[];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-room-"));
  const others = [await freePort(), await freePort()];
  edge = await startEdge({
    port: await freePort(),
    dataDir,
    adminToken: ADMIN_TOKEN,
    isolatePorts: others,
  });
  isolates = [edge.url, ...others.map((port) => `http://127.0.0.1:${port}`)];
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  await fetchEdge(`${edge.url}/api/streams/crowded/keys`, { method: "POST", headers });
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Somebody with a token says something in the room, about a picture of this program time. */
async function say(room: string, programmeMs: number): Promise<void> {
  const body = JSON.stringify({ room, sub: "ann" });
  const { token } = (await (await fetchEdge(`${edge.url}/dev/token`, { method: "POST", body })).json()) as {
    token: string;
  };
  const socket = new WebSocket(`${edge.url.replace("http", "ws")}/rooms/${room}/socket?token=${token}`);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello" }));
    socket.onerror = () => reject(new Error("no socket"));
    socket.onmessage = ({ data }) => {
      const { type } = JSON.parse(String(data)) as { type: string };
      const act = { type: "act", id: "m1", act: { kind: "chat", text: "hello" }, programmeMs };
      if (type === "welcome") socket.send(JSON.stringify(act));
      if (type === "ack") resolve();
    };
  });
  socket.close();
}

test("a replay window is requested from the room once, for any number of requests and isolates", async () => {
  const saidMs = Date.now() - 60_000;
  await say("replayed", saidMs);
  const from = saidMs - (saidMs % 10_000);
  const statuses = async (isolate: string, query: string): Promise<string> => {
    const answer = await fetchEdge(`${isolate}/rooms/replayed/replay?${query}`);
    expect(await answer.json()).toMatchObject({ from, next: from + 10_000 });
    return answer.headers.get("cache-status") ?? "";
  };
  const first = isolates[0] ?? "";
  // The isolate learns within seconds when the room's events begin; until then it answers that there are none.
  await expect.poll(() => statuses(first, `from=${from}`), { timeout: 10_000 }).toContain("corral-room");
  const herd = await Promise.all(Array.from({ length: 20 }, () => statuses(first, `from=${from}`)));
  const asked = herd.filter((status) => status.includes("corral-room") && !status.includes("collapsed"));
  expect(asked.length).toBeLessThanOrEqual(1);
  for (const isolate of isolates.slice(1)) {
    // The window is independent of other query parameters. An open one is cached for 2 s.
    const besides = async (): Promise<string> => {
      await statuses(first, `from=${from}`);
      return statuses(isolate, `player=1&from=${from}`);
    };
    await expect.poll(besides).toBe("corral-colo-cache; hit, corral-isolate; fwd=uri-miss");
  }
});

test("windows before a room's first event, and future ones, are empty without a request to the room", async () => {
  await say("young", Date.now());
  for (const from of [20_000, Date.now() - (Date.now() % 10_000) + 60_000]) {
    const answer = await fetchEdge(`${edge.url}/rooms/young/replay?from=${from}`);
    expect(answer.headers.get("cache-status")).toBe("corral-isolate; hit");
    expect(await answer.json()).toEqual({ from, next: from + 10_000, events: [] });
  }
});

/** Opens a socket, sends hello, and returns the first event. */
function welcomed(isolate: string): Promise<string> {
  const socket = new WebSocket(`${isolate.replace("http", "ws")}/rooms/crowded/socket`);
  return new Promise((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello" }));
    socket.onerror = () => reject(new Error("no socket"));
    socket.onmessage = ({ data }) => {
      resolve(JSON.parse(String(data)).type);
      socket.close();
    };
  });
}

test("viewers that join at once through several isolates are all welcomed", async () => {
  const comers = Array.from({ length: 30 }, (_, index) => welcomed(isolates[index % isolates.length] ?? ""));
  expect(new Set(await Promise.all(comers))).toEqual(new Set(["welcome"]));
});

/** The status of a response to a raw request. */
function statusOf(path: string, headers: Record<string, string>, method = "GET"): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(`${edge.url}${path}`, { method, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on("upgrade", (_answer, socket) => {
      socket.destroy();
      resolve(101);
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("a wrong upgrade, no upgrade, another method and oversized headers are refused, without effect on others", async () => {
  const path = "/rooms/crowded/socket";
  expect(await statusOf(path, {})).toBe(400);
  expect(await statusOf(path, { upgrade: "h2c" })).toBe(400);
  expect(await statusOf(path, {}, "POST")).toBe(405);
  expect(await statusOf("/rooms/No%20room/socket", {})).toBe(404);
  const huge = await statusOf(path, { "x-filler": "x".repeat(512 * 1024) }).catch(() => 0);
  expect(huge === 0 || huge >= 400).toBe(true);
  expect(await welcomed(edge.url)).toBe("welcome");
});
