/** Several data centres on one machine: a core with the objects and R2, and isolates with simulated locations. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { REGIONS } from "../../core/delivery/tree/node-address.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../tests/support/admin-token.ts";
import { freePort } from "../../tests/support/ports.ts";

/** The configuration. */
export interface ColoHarnessOptions {
  readonly colos: number;
  readonly regions: number;
  /** Isolates per data centre. */
  readonly isolates: number;
  /** Round trip to the Live object in milliseconds; a region shield is at half the distance, a colo shield at a tenth. */
  readonly latencyMs: number;
}

/** A fault: `refuse` fails at once, a number is a delay in milliseconds. */
export type NetworkFaults = Partial<Record<"colo" | "region" | "live" | "r2", "refuse" | number>>;

/** Running data centres. */
export interface ColoHarness {
  /** The URL of publishing and of the control API. */
  readonly coreUrl: string;
  readonly adminToken: string;
  /** One URL per isolate, with its site. */
  readonly edges: readonly { readonly url: string; readonly site: string }[];
  /** URL that accepts the current faults as JSON by PUT. */
  readonly faultsUrl: string;
  /** Sets the current faults; `{}` removes all. */
  setFaults(faults: NetworkFaults): Promise<void>;
  /** Discards a node's memory: `live`, a region or `weur.C00.0`. */
  restartNode(stream: string, node: string): Promise<void>;
  /** Makes every counter arrive at the Live object, one tree level per step. */
  collectCounters(stream: string): Promise<void>;
  stop(): Promise<void>;
}

/** Levels that counters pass: isolate, data centre, region, Live object. */
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

/** Starts them. Throws errors of `startEdge`. */
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
