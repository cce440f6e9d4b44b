/** Entries of load tests and benchmarks, which replace some of the Worker's objects: each starts. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";

test.each(["loadtest/model/probe-worker.ts", "loadtest/room/worker.ts", "bench/long-windows-edge.ts"])(
  "%s has every object, and answers",
  async (path) => {
    const entry = fileURLToPath(new URL(`../../${path}`, import.meta.url));
    const dataDir = await mkdtemp(join(tmpdir(), "corral-entry-"));
    const edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN, entry });
    try {
      const answer = await fetchEdge(`${edge.url}/api/streams/nope`);
      expect(answer.status).toBe(404);
    } finally {
      await edge.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
);
