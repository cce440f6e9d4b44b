import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Edge, startEdge } from "../../scripts/edge.ts";
import { freePort } from "../support/ports.ts";

let edge: Edge;
let dataDir: string;
/** Each isolate's own address; they share the objects, and the cache of their data centre. */
let isolates: string[];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-room-"));
  const others = [await freePort(), await freePort()];
  edge = await startEdge({
    port: await freePort(),
    dataDir,
    adminToken: "admin-token-of-32-bytes-for-tests",
    isolatePorts: others,
  });
  isolates = [edge.url, ...others.map((port) => `http://127.0.0.1:${port}`)];
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test("a window of the replay is asked of the room once, by however many requests and isolates", async () => {
  const statuses = async (isolate: string, query: string): Promise<string> => {
    const answer = await fetch(`${isolate}/rooms/replayed/replay?${query}`);
    expect(await answer.json()).toMatchObject({ from: 20_000, next: 30_000 });
    return answer.headers.get("cache-status") ?? "";
  };
  const first = isolates[0] ?? "";
  const herd = await Promise.all(Array.from({ length: 20 }, () => statuses(first, "from=20000")));
  const asked = herd.filter((status) => status.includes("corral-room") && !status.includes("collapsed"));
  expect(asked.length).toBe(1);
  // Whatever else is in the query, the window is the same.
  for (const isolate of isolates.slice(1)) {
    expect(await statuses(isolate, "player=1&from=20000")).toBe("corral-colo-cache; hit, corral-isolate; fwd=uri-miss");
  }
});

/** Opens a socket, says hello, and gives what comes first. */
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

test("those who come at once through several isolates are all welcomed", async () => {
  const comers = Array.from({ length: 30 }, (_, index) => welcomed(isolates[index % isolates.length] ?? ""));
  expect(new Set(await Promise.all(comers))).toEqual(new Set(["welcome"]));
});

/** The status of an answer to a raw request. */
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

test("a wrong upgrade, no upgrade, another method and headers beyond measure are refused, and nobody is disturbed", async () => {
  const path = "/rooms/crowded/socket";
  expect(await statusOf(path, {})).toBe(400);
  expect(await statusOf(path, { upgrade: "h2c" })).toBe(400);
  expect(await statusOf(path, {}, "POST")).toBe(405);
  expect(await statusOf("/rooms/No%20room/socket", {})).toBe(404);
  const huge = await statusOf(path, { "x-filler": "x".repeat(512 * 1024) }).catch(() => 0);
  expect(huge === 0 || huge >= 400).toBe(true);
  expect(await welcomed(edge.url)).toBe("welcome");
});
