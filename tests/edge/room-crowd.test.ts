import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ViewerFleet } from "../../loadtest/room/viewer-fleet.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";

const HARNESS = fileURLToPath(new URL("../../loadtest/room/worker.ts", import.meta.url));
const VIEWERS = 60;

let edge: LocalEdge;
let dataDir = "";
let crowd: ViewerFleet;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-crowd-"));
  edge = await startEdge({
    port: await freePort(),
    dataDir,
    adminToken: ADMIN_TOKEN,
    entry: HARNESS,
  });
  crowd = new ViewerFleet(2);
});

afterAll(async () => {
  crowd.stopProcesses();
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function tokens(room: string, count: number): Promise<string[]> {
  const all: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const body = JSON.stringify({ room, sub: `writer${index}`, roles: ["moderator"] });
    const answer = await fetchEdge(`${edge.url}/dev/token`, { method: "POST", body });
    all.push(((await answer.json()) as { token: string }).token);
  }
  return all;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 100));
}

const socketUrl = (): string => edge.url.replace("http", "ws");

test("a crowd at a real edge receives every acknowledged message, none omitted and none twice", async () => {
  const job = { dialect: "corral", servers: [socketUrl()], room: "crowd", viewers: VIEWERS, perSecond: 500 } as const;
  await crowd.openSockets({ ...job, tokens: await tokens("crowd", VIEWERS) });
  await crowd.setWriteRate(20);
  await until(async () => (await crowd.socketStats()).acknowledged >= 40);
  await crowd.setWriteRate(0);
  await until(async () => {
    const { acknowledged, sent, delivered } = await crowd.socketStats();
    return acknowledged === sent && delivered === sent * VIEWERS;
  });
  const { holes, repeats, closes } = await crowd.socketStats();
  expect({ holes, repeats, closes }).toEqual({ holes: 0, repeats: 0, closes: {} });
  await crowd.setPlayingShare(1);
  await until(async () => (await crowd.socketStats()).watching === VIEWERS);
  await crowd.setPlayingShare(0.5);
  await until(async () => (await crowd.socketStats()).watching === VIEWERS / 2);
  await crowd.closeSockets();
});

test("participants whose room and shards are lost while they write reconnect, and miss nothing", async () => {
  const room = "people";
  await crowd.openClients({
    server: socketUrl(),
    room,
    viewers: 12,
    tokens: await tokens(room, 6),
    perSecond: 500,
  });
  await crowd.setWriteRate(10);
  for (const what of ["lose?object=room", "lose?object=0", "drop"]) {
    await fetchEdge(`${edge.url}/harness/room/${room}/${what}`);
    const before = (await crowd.clientStats()).acknowledged.length;
    await until(async () => (await crowd.clientStats()).acknowledged.length > before + 5);
  }
  await crowd.setWriteRate(0);
  await until(async () => {
    const { people, acknowledged } = await crowd.clientStats();
    return people.every(({ connected, shown }) => connected && shown >= acknowledged.length);
  });
  const { people, acknowledged, shownToFirst } = await crowd.clientStats();
  expect(acknowledged.filter((text) => !shownToFirst.includes(text))).toEqual([]);
  expect(new Set(people.map(({ order }) => order)).size).toBe(1);
  for (const person of people) {
    expect(person).toMatchObject({ duplicates: 0, disorders: 0, unseen: 0, resets: 0 });
    expect(person.losses).toBeGreaterThan(0);
  }
  const calls = (await (await fetchEdge(`${edge.url}/harness/room/${room}/calls`)).json()) as Record<string, number>;
  expect(Object.values(calls).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(10);
});
