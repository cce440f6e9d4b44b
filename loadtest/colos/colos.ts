/** Many data centres on one machine: a core with the objects and R2, and isolates that pretend to stand elsewhere. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { REGIONS } from "../../core/delivery/tree/node-address.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../tests/support/admin-token.ts";
import { freePort } from "../../tests/support/ports.ts";

/** What to start. */
export interface ColoHarnessOptions {
  readonly colos: number;
  readonly regions: number;
  /** Isolates in each data centre. */
  readonly isolates: number;
  /** Round trip to the Live object in milliseconds; a region's shield is half as far, a data centre's a tenth. */
  readonly latencyMs: number;
}

/** What can be broken: `refuse` fails at once, a number delays by as many milliseconds. */
export type NetworkFaults = Partial<Record<"colo" | "region" | "live" | "r2", "refuse" | number>>;

/** Data centres that run. */
export interface ColoHarness {
  /** Where the publisher sends, and the control API answers. */
  readonly coreUrl: string;
  readonly adminToken: string;
  /** One address for each isolate, with its site. */
  readonly edges: readonly { readonly url: string; readonly site: string }[];
  /** Takes what is broken from now on as JSON by PUT. */
  readonly faultsUrl: string;
  /** What is broken from now on; `{}` mends all. */
  setFaults(faults: NetworkFaults): Promise<void>;
  /** Throws a node's memory away: `live`, a region or `weur.C00.0`. */
  restartNode(stream: string, node: string): Promise<void>;
  /** Makes every counter ride up to the Live object, a level of the tree at a time. */
  collectCounters(stream: string): Promise<void>;
  stop(): Promise<void>;
}

/** Levels that counters ride up: isolate, data centre, region, Live object. */
const LEVELS = 4;
const LEVEL_MS = 700;

const FAULTS_WORKER = `
let faults = {};
export default {
  async fetch(request) {
    if (request.method === "PUT") faults = await request.json();
    return Response.json(faults);
  },
};`;

/** Starts them. Throws what `startEdge` throws. */
export async function startColoHarness({
  colos,
  regions,
  isolates,
  latencyMs,
}: ColoHarnessOptions): Promise<ColoHarness> {
  const dataDir = await mkdtemp(join(tmpdir(), "corral-colos-"));
  const sites = Array.from({ length: colos }, (_, index) => `${REGIONS[index % regions]}/${coloName(index)}`);
  const sited = await Promise.all(
    sites.flatMap((site) => Array.from({ length: isolates }, async () => ({ port: await freePort(), site }))),
  );
  const faultsPort = await freePort();
  const hops = { colo: latencyMs / 10, region: latencyMs / 2, live: latencyMs, r2: latencyMs / 2 };
  const edge: LocalEdge = await startEdge({
    port: await freePort(),
    dataDir,
    adminToken: ADMIN_TOKEN,
    isolatePorts: sited,
    entry: fileURLToPath(new URL("worker.ts", import.meta.url)),
    bindings: { HOPS: hops },
    services: { FAULTS: { script: FAULTS_WORKER, port: faultsPort } },
  });
  const faultsUrl = `http://127.0.0.1:${faultsPort}/`;
  return {
    coreUrl: edge.url,
    adminToken: ADMIN_TOKEN,
    edges: sited.map(({ port, site }) => ({ url: `http://127.0.0.1:${port}`, site })),
    faultsUrl,
    setFaults: async (faults) => {
      await fetch(faultsUrl, { method: "PUT", body: JSON.stringify(faults) });
    },
    restartNode: async (stream, node) => {
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
      await fetch(`${edge.url}/api/streams/${stream}/restart?node=${node}`, { method: "POST", headers });
    },
    collectCounters: async (stream) => {
      for (let level = 0; level < LEVELS; level += 1) {
        await Promise.all(sited.map(({ port }) => fetch(`http://127.0.0.1:${port}/harness/renew/${stream}/${level}`)));
        await new Promise((resolve) => setTimeout(resolve, LEVEL_MS + 2 * latencyMs));
      }
    },
    stop: async () => {
      await edge.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The name of data centre number `index`: `C00`, `C01`, … */
const coloName = (index: number): string => `C${String(index).padStart(2, "0")}`;
