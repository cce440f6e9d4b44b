/** Several edges of one checkout that start while others run. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";

let folder: string;
const edges: LocalEdge[] = [];

async function start(name: string): Promise<LocalEdge> {
  const edge = await startEdge({
    port: await freePort(),
    dataDir: join(folder, name),
    adminToken: ADMIN_TOKEN,
  });
  edges.push(edge);
  return edge;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corral-starts-"));
});

afterAll(async () => {
  await Promise.all(edges.map((edge) => edge.stop()));
  await rm(folder, { recursive: true, force: true });
});

test("edges that start at the same moment all start, and a running one serves its pages meanwhile", async () => {
  const running = await start("running");
  let started = false;
  const others = Promise.all(["one", "two"].map(start)).finally(() => {
    started = true;
  });
  const statuses = new Set<number>();
  while (!started) {
    const answer = await fetchEdge(`${running.url}/watch/demo`);
    await answer.arrayBuffer();
    statuses.add(answer.status);
  }
  await others;
  expect([...statuses]).toEqual([200]);
  for (const { url } of edges) {
    const page = await (await fetchEdge(`${url}/watch/demo`)).text();
    const script = /src="(\/assets\/watch-[^"]+)"/.exec(page)?.[1];
    expect((await fetchEdge(`${url}${script}`)).status).toBe(200);
  }
});

test("an edge that stops removes its pages", async () => {
  const edge = await start("short");
  await edge.stop();
  edges.splice(edges.indexOf(edge), 1);
  expect((await readdir(join(folder, "short"))).filter((name) => name.startsWith("pages-"))).toEqual([]);
});
