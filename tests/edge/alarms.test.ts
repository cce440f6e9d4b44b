/** The platform's own alarms, which call objects that have lost their memory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge, httpTestEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";
import { readJson, TestPublisher } from "../support/publisher.ts";

/** An alarm that a test waits for rings after this. */
const ALARM_MS = 700;
const PATIENCE_MS = 5_000;

let edge: LocalEdge;
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-alarms-"));
  const entry = fileURLToPath(new URL("../support/early-alarm-worker.ts", import.meta.url));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN, entry });
});

afterAll(async () => {
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test("a broadcast whose object loses its memory before each alarm is reconnecting and ends with the alarms, not later", async () => {
  const publisher = new TestPublisher(httpTestEdge(() => edge.url, ADMIN_TOKEN));
  await publisher.openWithInits();
  await publisher.putParts(0, 3);
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const state = async (): Promise<unknown> =>
    (await readJson(await fetchEdge(`${edge.url}/api/streams/${publisher.stream}`)))["state"];
  for (const expected of ["live", "reconnecting", "ended"]) {
    await fetchEdge(`${edge.url}/early-alarm/${publisher.stream}/${ALARM_MS}`);
    await fetchEdge(`${edge.url}/api/streams/${publisher.stream}/restart?node=live`, { method: "POST", headers });
    // The alarm must find no object: a request would wake one.
    await new Promise((resolve) => setTimeout(resolve, ALARM_MS + 300));
    await expect.poll(state, { timeout: PATIENCE_MS }).toBe(expected);
  }
});
