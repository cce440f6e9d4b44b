/** The Worker's isolates in their data centres, each with the whole Worker in memory, and the front door that leads to them. */
import type { DurableObjects } from "../kernel/durable-objects.ts";
import { SimulatedRequest, type SimulatedRequestInit, SimulatedResponse } from "../kernel/fetch-types.ts";
import { cutBody, type Network } from "../kernel/network.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import type { ProductCode } from "../kernel/product-code.ts";
import type { Simulation } from "../kernel/simulation.ts";
import { type Bucket, ColoCache } from "../kernel/stores.ts";
import { OBJECT_BINDINGS, SIMULATED_SECRETS } from "../object-classes.ts";

/** A stream in an isolate, as far as checkers look into it. */
export interface InspectedEdgeStream {
  readonly stream: string;
  readonly parkedCount: number;
  readonly waiterCount: number;
  readonly currentReplica: { readonly tail: { readonly heldBytes: number } } | null;
  /** Its flow responses. */
  readonly flow: { readonly viewers: number };
}

/** What the part `edge` exports. */
interface EdgeExports {
  serveRequest(request: SimulatedRequest, env: object, context: object): Promise<SimulatedResponse> | SimulatedResponse;
  listEdgeStreams(): InspectedEdgeStream[];
}

/** The part of the product that an isolate runs. */
export const EDGE_PART = {
  name: "edge",
  entry: `export { serveRequest } from "./workers/app.ts";
    export { listEdgeStreams } from "./workers/delivery/edge-streams.ts";`,
} as const;

interface Isolate {
  readonly process: SimulatedProcess;
  readonly exports: EdgeExports;
  readonly env: object;
}

/** The platform ends what a request left in `waitUntil` so long after its response. */
const WAIT_UNTIL_MS = 30_000;

/** One place for an isolate: an isolate that ends gives way to a new one. */
export class IsolateSlot {
  readonly site: string;
  readonly place: string;
  readonly #fleet: EdgeFleet;
  #isolate: Isolate | null = null;
  #clockOffsetMs = 0;
  #lives = 0;

  constructor(fleet: EdgeFleet, site: string, index: number) {
    this.#fleet = fleet;
    this.site = site;
    this.place = `isolate${index}@${site}`;
  }

  /** The name of the life that answers now, or of the one that did last. */
  get lifeName(): string {
    return `${this.place}#${this.#lives}`;
  }

  /** The isolate's process, which begins with the first request. */
  receiver(): SimulatedProcess {
    return this.#get().process;
  }

  /** The streams that the isolate holds, for checkers. */
  inspect(): { readonly process: SimulatedProcess; readonly streams: readonly InspectedEdgeStream[] } | null {
    return this.#isolate === null
      ? null
      : { process: this.#isolate.process, streams: this.#isolate.exports.listEdgeStreams() };
  }

  /** Ends the isolate with all requests in it. */
  end(why: string): void {
    this.#isolate?.process.end(why);
    this.#isolate = null;
  }

  /** Sets the wall clock of this machine ahead by so much. */
  setClock(offsetMs: number): void {
    this.#clockOffsetMs = offsetMs;
    if (this.#isolate !== null) this.#isolate.process.clockOffsetMs = offsetMs;
  }

  /** Runs the Worker's handler. `onSent` gets what a body without an end consists of. */
  async serve(request: SimulatedRequest, onSent?: (bytes: Uint8Array) => void): Promise<SimulatedResponse> {
    const { exports, env, process } = this.#get();
    let pending = 0;
    const settle = (): void => {
      pending -= 1;
    };
    const context = {
      waitUntil: (work: Promise<unknown>) => {
        pending += 1;
        work.then(settle, settle);
      },
      passThroughOnException: () => {},
    };
    const response = await exports.serveRequest(request, env, context);
    const watchWork = (): void => {
      if (pending === 0) return;
      this.#fleet.simulation.after(WAIT_UNTIL_MS, () => {
        if (pending > 0 && process.isAlive) this.#fleet.onLateWork(process, request);
      });
    };
    const { body, status, headers } = response;
    if (onSent === undefined || response.heldBytes !== null || body === null) {
      watchWork();
      return response;
    }
    return new SimulatedResponse(watchStream(body, onSent, watchWork), { status, headers });
  }

  #get(): Isolate {
    if (this.#isolate !== null) return this.#isolate;
    this.#lives += 1;
    const process = new SimulatedProcess(this.#fleet.simulation, this.place, this.#lives);
    process.clockOffsetMs = this.#clockOffsetMs;
    this.#isolate = {
      process,
      exports: this.#fleet.evaluate(process, this.site),
      env: this.#fleet.environment(process, this.site),
    };
    process.log("begins");
    return this.#isolate;
  }
}

/** How a request reaches the edge. */
export interface EdgeRequest extends SimulatedRequestInit {
  readonly path: string;
  /** Bytes of the body, for slow links. */
  readonly bytes?: number;
  readonly mayDuplicate?: boolean;
  /** The answer's body has no end, and is read as it comes. */
  readonly streamed?: StreamedAnswer | undefined;
}

/** How a body without an end reaches its reader. */
export interface StreamedAnswer {
  /** What the connection holds at most. */
  readonly windowBytes: number;
  /** Gets each chunk as it leaves the isolate. */
  readonly onSent: (bytes: Uint8Array) => void;
}

/** All data centres. */
export class EdgeFleet {
  readonly simulation: Simulation;
  readonly #network: Network;
  readonly #objects: DurableObjects;
  readonly #bucket: Bucket;
  readonly slots: readonly IsolateSlot[];
  readonly caches: Map<string, ColoCache> = new Map();
  readonly #variables: Readonly<Record<string, string>>;
  code: ProductCode;
  /** Is called where work of a request goes on that the platform would have ended. */
  onLateWork: (process: SimulatedProcess, request: SimulatedRequest) => void = () => {};

  /** `sites`: places like `weur/FRA` with their numbers of isolates. */
  constructor(options: {
    readonly simulation: Simulation;
    readonly network: Network;
    readonly objects: DurableObjects;
    readonly bucket: Bucket;
    readonly code: ProductCode;
    readonly sites: Readonly<Record<string, number>>;
    readonly variables?: Readonly<Record<string, string>>;
  }) {
    this.simulation = options.simulation;
    this.#network = options.network;
    this.#objects = options.objects;
    this.#bucket = options.bucket;
    this.code = options.code;
    this.#variables = { ...SIMULATED_SECRETS, ...options.variables };
    this.slots = Object.entries(options.sites).flatMap(([site, count]) =>
      Array.from({ length: count }, (_, index) => new IsolateSlot(this, site, index)),
    );
    for (const site of Object.keys(options.sites)) this.caches.set(site, new ColoCache(options.simulation, site));
  }

  /** The isolates of a data centre. */
  slotsAt(site: string): IsolateSlot[] {
    return this.slots.filter((slot) => slot.site === site);
  }

  /** Sends a request from a client to an isolate. */
  fetch(
    client: SimulatedProcess,
    slot: IsolateSlot,
    { path, bytes, mayDuplicate, streamed, method, headers, body: given }: EdgeRequest,
  ): Promise<SimulatedResponse> {
    const isCut = typeof given === "object" && given !== null && this.#network.cutsBody(client.place, slot.place);
    const sent = { method, headers, body: isCut && given instanceof Uint8Array ? cutBody(given) : given };
    const serve = async (server: SimulatedProcess): Promise<SimulatedResponse> => {
      const request = new SimulatedRequest(`http://edge.test${path}`, sent);
      if (streamed === undefined) return slot.serve(request);
      const response = await slot.serve(request, streamed.onSent);
      const { body, status, headers } = response;
      if (response.heldBytes !== null || body === null) return response;
      if (!client.isAlive) {
        // Its client has gone meanwhile: the platform ends what nobody reads.
        void body.cancel().catch(() => {});
        return new SimulatedResponse(null, { status, headers });
      }
      const carried = this.#network.carryStream(server, client, body, undefined, streamed.windowBytes);
      return new SimulatedResponse(carried, { status, headers });
    };
    return this.#network.request(client, slot, `${method ?? "GET"} ${path}`, serve, {
      bytes,
      mayDuplicate,
    });
  }

  /** Ends every isolate at once, as a deploy does. */
  endAll(why: string): void {
    for (const slot of this.slots) slot.end(why);
  }

  /** The Worker's code, evaluated for an isolate. */
  evaluate(process: SimulatedProcess, site: string): EdgeExports {
    const caches = this.caches.get(site)?.bind(process);
    return this.code.evaluate<EdgeExports>(EDGE_PART.name, process, { caches });
  }

  /** The bindings of an isolate. */
  environment(process: SimulatedProcess, site: string): object {
    const namespaces = OBJECT_BINDINGS.map((name) => [name, this.#objects.namespace(name, process)] as const);
    return {
      ...Object.fromEntries(namespaces),
      CORRAL_SITE: site,
      ...this.#variables,
      MEDIA: this.#bucket.bind(process),
      ASSETS: { fetch: () => Promise.reject(new Error("no pages in the simulation")) },
    };
  }
}

/** The same stream; `onEnd` is called once it has ended, or its reader has gone. */
function watchStream(
  stream: ReadableStream<Uint8Array>,
  onChunk: (bytes: Uint8Array) => void,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          onEnd();
          return;
        }
        onChunk(value);
        controller.enqueue(value);
      },
      async cancel(reason) {
        await reader.cancel(reason);
        onEnd();
      },
    },
    { highWaterMark: 0 },
  );
}
