/**
 * Requests of one isolate that share a load, with the compatibility flags of `wrangler.toml`: the workers of Vitest run without
 * `handle_cross_request_promise_resolution`, which a follower of another request's load needs.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";
import { readJson } from "../support/publisher.ts";

const REQUESTS = 100;

let edge: LocalEdge;
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-coalescing-"));
  const entry = fileURLToPath(new URL("../support/parallel-worker.ts", import.meta.url));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN, entry });
});

afterAll(async () => {
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test("requests of an isolate at once are each answered from one read of the object", async () => {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const details = await fetchEdge(`${edge.url}/api/streams/asked-by-many/details`, {
    method: "PUT",
    headers,
    body: JSON.stringify({ title: "Asked by many" }),
  });
  expect(details.status).toBe(200);
  const answer = await readJson(await fetchEdge(`${edge.url}/parallel/${REQUESTS}/asked-by-many`));
  expect(answer).toEqual({ statuses: Array(REQUESTS).fill(200), reads: 1 });
});
