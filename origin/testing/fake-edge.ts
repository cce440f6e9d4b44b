/** A small edge with the publish API of `core/ingest/publish-api.ts` and injected faults. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { BroadcastConfig, PartMeta } from "../../core/broadcast/broadcast-log.ts";
import type { HealthReport } from "../../core/ingest/health/health-check.ts";
import { PART_HEADER, PUBLISH_PROBLEM_TYPES, PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";

/** The fault of a request: `drop-after` accepts it and breaks the connection before the response. */
export type EdgeFault = "none" | "busy" | "slow-down" | "drop-before" | "drop-after" | "crash" | "stopped";

/** One track as the edge holds it. */
export interface FakeEdgeTrack {
  readonly name: string;
  readonly parts: { readonly meta: PartMeta; readonly bytes: Buffer }[];
  durableMsn: number;
  inits: Map<number, Buffer>;
}

/** The edge; `url` is set once `start` has resolved. */
export class FakeEdge {
  url = "";
  key = "secret";
  /** Further keys that are accepted. */
  readonly keys: Set<string> = new Set<string>();
  /** Keys that have taken the broadcast over, in order. */
  readonly handovers: string[] = [];
  config: BroadcastConfig | null = null;
  ended = false;
  /** Broadcasts that were opened, the newest last. */
  readonly opened: string[] = [];
  /** Reports of health, the newest last. */
  readonly health: HealthReport[] = [];
  epoch = 0;
  leases = 0;
  requests = 0;
  readonly tracks: Map<string, FakeEdgeTrack> = new Map();
  /** Called for each request; by default without a fault. */
  fault: (request: { readonly method: string; readonly path: string; readonly index: number }) => EdgeFault = () =>
    "none";
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Loses the memory: what is not durable is lost, and the broadcast must be opened again. */
  crash(): void {
    this.epoch += 1;
    this.config = null;
    for (const track of this.tracks.values()) {
      const kept = track.parts.filter(({ meta }) => meta.msn <= track.durableMsn);
      track.parts.splice(0, track.parts.length, ...kept);
      track.inits.clear();
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? "";
    if (request.method === "GET") return this.#get(path, response);
    if (path.endsWith("/health")) return answer(response, this.#putHealth(request, Buffer.concat(chunks)));
    const fault = this.fault({ method: request.method ?? "", path, index: this.requests++ });
    if (fault === "busy")
      return answer(response, { status: 503, json: { type: PUBLISH_PROBLEM_TYPES.unavailable, title: "fault" } });
    if (fault === "stopped") {
      return answer(response, {
        status: 403,
        json: { type: PUBLISH_PROBLEM_TYPES.stopped, title: "stopped", detail: "Not here." },
      });
    }
    if (fault === "slow-down") return answer(response, { status: 429, json: { title: "fault" } });
    if (fault === "crash") this.crash();
    const taken = fault === "drop-before" ? null : this.#put(request, Buffer.concat(chunks));
    if (taken === null || fault === "drop-after") request.socket.destroy();
    else answer(response, taken);
  }

  /** Any part by the last three components of its path. */
  #get(path: string, response: ServerResponse): void {
    const [track, file] = path.split("/").slice(-2);
    const [msn, part] = (file ?? "").split(".").map(Number);
    const found = this.tracks.get(track ?? "")?.parts.find(({ meta }) => meta.msn === msn && meta.part === part);
    response.writeHead(found === undefined ? 404 : 200).end(found?.bytes);
  }

  /** Not among the requests that faults are for. */
  #putHealth(request: IncomingMessage, body: Buffer): Answer {
    if (!this.#accepts(keyOf(request))) return { status: 403, json: { type: PUBLISH_PROBLEM_TYPES.keyWrong } };
    this.health.push(JSON.parse(body.toString()) as HealthReport);
    return { status: 200, json: {} };
  }

  #put(request: IncomingMessage, body: Buffer): Answer {
    const refuse = (status: number, type: string, more: object = {}): Answer => ({
      status,
      json: { type, title: type, ...more },
    });
    const accept = (): Answer => ({ status: 200, json: this.#answer() });
    const key = keyOf(request);
    if (!this.#accepts(key)) return refuse(403, PUBLISH_PROBLEM_TYPES.keyWrong);
    if (typeof request.headers[PUBLISHER_HEADER] !== "string") return refuse(400, PUBLISH_PROBLEM_TYPES.malformed);
    const [, , , trackName, file] = (request.url ?? "").split("/").slice(1);
    if (trackName === undefined) {
      if (this.leases > 0) {
        this.leases -= 1;
        return refuse(409, PUBLISH_PROBLEM_TYPES.alreadyLive);
      }
      const config = JSON.parse(body.toString()) as BroadcastConfig;
      this.config = config;
      if (this.opened.at(-1) !== config.broadcast) {
        if (this.opened.length > 0) this.tracks.clear();
        this.opened.push(config.broadcast);
        this.ended = false;
      }
      for (const { name } of config.tracks) {
        if (!this.tracks.has(name)) this.tracks.set(name, { name, parts: [], durableMsn: -1, inits: new Map() });
      }
      return accept();
    }
    if (this.config === null) return refuse(409, PUBLISH_PROBLEM_TYPES.notOpen);
    if (trackName === "handover") {
      this.handovers.push(key);
      return accept();
    }
    if (trackName === "end") {
      this.ended = true;
      for (const track of this.tracks.values()) track.durableMsn = track.parts.at(-1)?.meta.msn ?? -1;
      return accept();
    }
    if (this.ended) return refuse(410, PUBLISH_PROBLEM_TYPES.ended);
    const track = this.tracks.get(trackName);
    if (track === undefined) return refuse(400, PUBLISH_PROBLEM_TYPES.malformed);
    const init = /^init-(\d+)\.mp4$/.exec(file ?? "");
    if (init !== null) {
      track.inits.set(Number(init[1]), body);
      return accept();
    }
    const meta = JSON.parse(String(request.headers[PART_HEADER])) as PartMeta;
    if (track.parts.some((other) => other.meta.msn === meta.msn && other.meta.part === meta.part)) return accept();
    const next = nextOf(track);
    if (meta.msn !== next.msn || meta.part !== next.part)
      return refuse(409, PUBLISH_PROBLEM_TYPES.outOfOrder, this.#answer());
    if (meta.start !== undefined && !track.inits.has(meta.start.initVersion))
      return refuse(409, PUBLISH_PROBLEM_TYPES.initMissing);
    track.parts.push({ meta, bytes: body });
    // A segment becomes durable when the next one closes, as with a slow R2.
    if (meta.close !== undefined) track.durableMsn = Math.max(track.durableMsn, meta.msn - 1);
    return accept();
  }

  #accepts(key: string): boolean {
    return key === this.key || this.keys.has(key);
  }

  #answer(): object {
    const entries = [...this.tracks.values()].map((track) => [
      track.name,
      { durableMsn: track.durableMsn, next: nextOf(track), inits: [...track.inits.keys()] },
    ]);
    return { epoch: `e${this.epoch}`, tracks: Object.fromEntries(entries) };
  }
}

function nextOf(track: FakeEdgeTrack): { msn: number; part: number } {
  const last = track.parts.at(-1)?.meta;
  if (last === undefined) return { msn: track.durableMsn + 1, part: 0 };
  return last.close === undefined ? { msn: last.msn, part: last.part + 1 } : { msn: last.msn + 1, part: 0 };
}

function keyOf(request: IncomingMessage): string {
  return (request.headers.authorization ?? "").replace("Bearer ", "");
}

interface Answer {
  readonly status: number;
  readonly json: object;
}

function answer(response: ServerResponse, { status, json }: Answer): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
}
