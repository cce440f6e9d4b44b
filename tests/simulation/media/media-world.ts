/** Everything that a simulated broadcast needs: network, storage, objects, isolates, and who publishes and watches. */
import { DurableObjects, type HostedObject } from "../kernel/durable-objects.ts";
import { SimulatedResponse } from "../kernel/fetch-types.ts";
import { Network } from "../kernel/network.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import { type BundledScript, ProductCode, type ProductPart } from "../kernel/product-code.ts";
import type { Simulation } from "../kernel/simulation.ts";
import { Bucket } from "../kernel/stores.ts";
import { defineObjectClasses, HOME_REGION, OBJECT_PARTS, SIMULATED_SECRETS } from "../object-classes.ts";
import { CHAT_PART } from "../room/chat-part.ts";
import { Reviewer } from "../room/reviewer.ts";
import { SMALL_LIMITS } from "../small-limits.ts";
import { CHECKER_PART } from "./checker-part.ts";
import { EDGE_PART, EdgeFleet, type EdgeRequest } from "./edge-fleet.ts";
import { Ledger } from "./ledger.ts";
import { PUBLISHER_PART } from "./publisher-process.ts";

/** The parts of the product that a deployment and its clients run. */
const PRODUCT_PARTS: readonly ProductPart[] = [EDGE_PART, PUBLISHER_PART, CHAT_PART, CHECKER_PART, ...OBJECT_PARTS];

/** Bundles the product below `root` for simulations, with its limits and with small ones. */
export const loadMediaCode = (root: string, onScript?: (script: BundledScript) => void): Promise<ProductCode> =>
  ProductCode.load(root, PRODUCT_PARTS, { limits: SMALL_LIMITS, ...(onScript === undefined ? {} : { onScript }) });

/** One way through a data centre, a region, the world, and the last mile, milliseconds. */
const LATENCY_MS = { colo: 1, region: 6, world: 45, lastMile: 12, storage: 10 } as const;

/** `region/colo…` of a place like `isolate0@weur/FRA`. */
const siteOf = (place: string): string => place.slice(place.indexOf("@") + 1);

function latencyMs(from: string, to: string): number {
  if (from === "r2" || to === "r2") return LATENCY_MS.storage;
  const [a, b] = [siteOf(from).split("/"), siteOf(to).split("/")];
  const isClient = /^(viewer|publisher|admin)/.test(from) || /^(viewer|publisher|admin)/.test(to);
  const way =
    a[0] !== b[0] ? LATENCY_MS.world : a[1] === b[1] && a[1] !== undefined ? LATENCY_MS.colo : LATENCY_MS.region;
  return way + (isClient ? LATENCY_MS.lastMile : 0);
}

/** What a world is made of. */
export interface MediaWorldOptions {
  readonly simulation: Simulation;
  readonly code: ProductCode;
  /** Data centres with their numbers of isolates. */
  readonly sites: Readonly<Record<string, number>>;
  /** Of the deployment, beside its secrets. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Messages are reviewed. */
  readonly withReviewer?: boolean;
}

/** The media side of a deployment. */
export class MediaWorld {
  readonly simulation: Simulation;
  readonly code: ProductCode;
  readonly network: Network;
  readonly bucket: Bucket;
  readonly objects: DurableObjects;
  readonly fleet: EdgeFleet;
  readonly ledger: Ledger = new Ledger((stream, broadcast) => this.isReplaced(stream, broadcast));
  readonly reviewer: Reviewer | null;
  readonly #admin: SimulatedProcess;

  constructor({ simulation, code, sites, variables = {}, withReviewer = false }: MediaWorldOptions) {
    this.simulation = simulation;
    this.code = code;
    this.network = new Network(simulation, latencyMs);
    this.bucket = new Bucket(simulation, this.network, new SimulatedProcess(simulation, "r2", 1));
    this.objects = new DurableObjects(simulation, this.network, code);
    this.reviewer = withReviewer ? new Reviewer(simulation, this.network) : null;
    defineObjectClasses(this.objects, this.bucket, variables, this.reviewer);
    const { network, bucket, objects } = this;
    this.fleet = new EdgeFleet({ simulation, network, objects, bucket, code, sites, variables });
    this.#admin = new SimulatedProcess(simulation, `admin@${HOME_REGION}/FRA`, 1);
  }

  /** The Live object of a stream. */
  live(stream: string): HostedObject {
    return this.objects.find("LIVE", stream);
  }

  /** Whether the Live object has begun another broadcast after this one, which its publisher may not know yet. */
  isReplaced(stream: string, broadcast: string): boolean {
    const sql = "SELECT id FROM broadcasts ORDER BY sequence DESC LIMIT 1";
    const [latest] = this.live(stream).storage.query<{ id: string }>(sql);
    return latest?.id !== broadcast;
  }

  /** A request of the operator: repeated until it is answered. */
  async administer(request: EdgeRequest & { readonly method: string }, attempts = 40): Promise<SimulatedResponse> {
    for (let attempt = 1; ; attempt += 1) {
      const slot = this.#admin.random.pick(this.fleet.slots);
      const headers = {
        authorization: `Bearer ${SIMULATED_SECRETS.CORRAL_ADMIN_TOKEN}`,
        "content-type": "application/json",
      };
      const response = await this.#attempt(fetchWhole(this.fleet.fetch(this.#admin, slot, { ...request, headers })));
      if (response !== null && response.status < 500) return response;
      if (attempt >= attempts) throw new Error(`${request.method} ${request.path} was never answered`);
      await this.simulation.sleep(500);
    }
  }

  async #attempt(work: Promise<SimulatedResponse>): Promise<SimulatedResponse | null> {
    try {
      return await Promise.race([work, this.simulation.sleep(5_000).then(() => null)]);
    } catch {
      return null;
    }
  }

  /** Issues a stream key. */
  async issueKey(stream: string): Promise<string> {
    const response = await this.administer({ method: "POST", path: `/api/streams/${stream}/keys` });
    const { key } = (await response.json()) as { readonly key: string };
    return key;
  }

  /** Ends every process of the deployment at once: new code has come. */
  deploy(): void {
    this.simulation.log("deploy", "all isolates and objects begin anew");
    this.fleet.endAll("deploy");
    this.objects.endAll("crashed");
  }

  /** Frees what the run held. */
  close(): void {
    this.objects.close();
  }
}

/** The response with its whole body; rejects where that is cut. */
async function fetchWhole(work: Promise<SimulatedResponse>): Promise<SimulatedResponse> {
  const response = await work;
  return new SimulatedResponse(await response.bytes(), { status: response.status, headers: response.headers });
}
