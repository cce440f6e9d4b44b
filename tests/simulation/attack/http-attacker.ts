/**
 * Somebody who sends requests that no client of the product sends: absurd addresses and directives, wrong keys, bodies that
 * are none. Each is answered, none with what its sender has no right to, and nobody else notices.
 */
import type { SimulatedResponse } from "../kernel/fetch-types.ts";
import { ConnectionLostError, SimulatedProcess } from "../kernel/process.ts";
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { EdgeRequest } from "../media/edge-fleet.ts";
import type { MediaWorld } from "../media/media-world.ts";
import { distort, drawAbsurdText, drawAbsurdValue, drawNumberText } from "./absurd-values.ts";

/** What an attacker knows of a stream. */
export interface HttpAttackOptions {
  readonly world: MediaWorld;
  readonly stream: string;
  readonly number: number;
  /** Nobody without a token may watch. */
  readonly needsTokens: boolean;
  /** It requests media or playlists. */
  readonly onMediaRequest?: () => void;
}

const EVERY_MS = { min: 50, max: 1_800 } as const;
/** Networks that it has. */
const NETWORKS = 6;
const FILES = ["media.m3u8", "iframes.m3u8", "vod.m3u8", "vod-iframes.m3u8", "multivariant.m3u8", "x.mp4", ""] as const;
/** Wishes that no flow response fulfils. */
const FLOW_QUERIES = [
  "join=first",
  "join=",
  "video=nobody",
  "audio=nobody",
  "video=none&audio=none",
  "video=%00",
] as const;
const PREFIXES = ["/", "/live//", "/live/%2e%2e/", "/ingest/", "/rooms/", "/api/", "//live/"] as const;

/** One attacker. */
export class HttpAttacker {
  readonly #options: HttpAttackOptions;
  readonly #process: SimulatedProcess;
  readonly #random: SeededRandom;
  requests = 0;

  constructor(options: HttpAttackOptions) {
    this.#options = options;
    const { world, number } = options;
    const { site } = world.simulation.random.fork(`attacker ${number}`).pick(world.fleet.slots);
    this.#process = new SimulatedProcess(world.simulation, `viewer${8_000 + number}@${site}`, 1);
    this.#random = this.#process.random.fork("requests");
  }

  /** Attacks until a time of the simulation. */
  async attack(untilMs: number): Promise<void> {
    const { simulation } = this.#options.world;
    while (simulation.nowMs < untilMs) {
      await simulation.sleep(this.#random.integer(EVERY_MS.min, EVERY_MS.max));
      this.#send(this.#drawRequest());
    }
    this.#process.end("gives up");
  }

  #send(request: EdgeRequest): void {
    const { world } = this.#options;
    this.requests += 1;
    const slot = this.#random.pick(world.fleet.slots);
    const headers = { ...request.headers, "cf-connecting-ip": `10.66.6.${this.#random.integer(1, NETWORKS)}` };
    world.fleet.fetch(this.#process, slot, { ...request, headers }).then(
      (response) => this.#judge(request, response),
      (error: unknown) => {
        if (!(error instanceof ConnectionLostError)) this.#fail(request, `made the edge throw ${String(error)}`);
      },
    );
  }

  #judge(request: EdgeRequest, { status }: SimulatedResponse): void {
    const isDone = status >= 200 && status < 300;
    const isRead = request.method === undefined || request.method === "GET" || request.method === "HEAD";
    if (status === 500) this.#fail(request, "was answered 500");
    if (isDone && !isRead && !/^\/rooms\//.test(request.path)) this.#fail(request, `was answered ${status}`);
    if (isDone && this.#options.needsTokens && /^\/+live\//.test(request.path))
      this.#fail(request, `was answered ${status} without a token`);
  }

  #fail({ method = "GET", path }: EdgeRequest, why: string): void {
    this.#options.world.simulation.fail("attack", `${method} ${path} ${why}`);
  }

  #drawRequest(): EdgeRequest {
    const kind = this.#random.fraction();
    if (kind < 0.5) return this.#drawMediaRequest();
    if (kind < 0.65) return this.#drawPublishRequest();
    if (kind < 0.9) return this.#drawRoomRequest();
    if (kind < 0.97) return this.#drawControlRequest();
    return {
      path: this.#random.pick(PREFIXES) + encodeURIComponent(drawAbsurdText(this.#random).toWellFormed()).slice(0, 200),
    };
  }

  #drawMediaRequest(): EdgeRequest {
    this.#options.onMediaRequest?.();
    const random = this.#random;
    const { stream, world } = this.#options;
    const broadcast = world.ledger.broadcasts.at(-1);
    const tracks = broadcast?.config.tracks.map(({ name }) => String(name)) ?? [];
    const track = random.chance(0.85) && tracks.length > 0 ? random.pick(tracks) : "nobody";
    const msn = broadcast?.parts(track).at(-1)?.meta.msn ?? 0;
    const id = broadcast === undefined || random.chance(0.15) ? "b0000000000" : broadcast.config.broadcast;
    const folder = `/live/${random.chance(0.9) ? stream : "nobody"}/${id}/${track}`;
    const number = (near: number): string => drawNumberText(random, near);
    const path = random.pick([
      () => `${folder}/media.m3u8?_HLS_msn=${number(msn)}&_HLS_part=${number(1)}`,
      () => `${folder}/media.m3u8?_HLS_msn=${number(msn)}&_HLS_skip=${random.pick(["YES", "v2", "NO", ""])}`,
      () => `${folder}/media.m3u8?_HLS_part=${number(1)}`,
      () => `${folder}/iframes.m3u8?_HLS_msn=${number(msn)}`,
      () => `${folder}/${number(msn)}.m4s`,
      () => `${folder}/${number(msn)}.${number(2)}.m4s`,
      () => `${folder}/init-${number(1)}.mp4`,
      () => `/live/${stream}/${id}/flow.mp4?${random.pick(FLOW_QUERIES)}`,
      () => `${folder}/${random.pick(FILES)}`,
      () =>
        `/live/${stream}/multivariant.m3u8?token=${encodeURIComponent(drawAbsurdText(random).toWellFormed()).slice(0, 300)}`,
    ])();
    const range = random.pick(["bytes=0-0", "bytes=5-1", "bytes=-0", "bytes=0-1,3-4", "bytes=999999999-", "lines=1-2"]);
    return {
      path,
      ...(random.chance(0.1) ? { method: random.pick(["HEAD", "POST", "PUT", "DELETE", "PATCH"]) } : {}),
      headers: {
        ...(random.chance(0.3) ? { range } : {}),
        ...(random.chance(0.2) ? { "if-none-match": '"x", *' } : {}),
      },
    };
  }

  #drawPublishRequest(): EdgeRequest {
    const random = this.#random;
    const { stream, world } = this.#options;
    const broadcast = world.ledger.broadcasts.at(-1)?.config;
    const id = broadcast?.broadcast ?? "b0000000000";
    const file = random.pick([
      "",
      "/end",
      "/handover?handover",
      "/v0/0.0.m4s",
      "/v0/init-1.mp4",
      "/v0/-1.m4s",
      "/../x",
    ]);
    const headers: Record<string, string> = {
      "corral-publisher": random.pick(["publisher-of-nobody", "x", "", "ü"]),
      "corral-part": random.pick(["{}", "null", JSON.stringify(distort(random, { msn: 0, part: 0, gap: false }))]),
    };
    const key = random.pick(["", "Bearer ", "Bearer sk_wrong", `Bearer ${"x".repeat(5_000)}`, "Basic eDp4"]);
    if (key !== "") headers["authorization"] = key;
    const opening = distort(random, { ...broadcast });
    const body = random.chance(0.5) ? JSON.stringify(opening) : drawAbsurdText(random);
    headers["content-length"] = String(new TextEncoder().encode(body).byteLength);
    return {
      method: random.pick(["PUT", "PUT", "PUT", "POST"]),
      path: `/ingest/${stream}/${id}${file}`,
      headers,
      body,
    };
  }

  #drawRoomRequest(): EdgeRequest {
    const random = this.#random;
    const { stream } = this.#options;
    const body = JSON.stringify(
      random.chance(0.7) ? distort(random, { device: null, playback: null }) : drawAbsurdValue(random),
    );
    const headers: Record<string, string> = { "content-length": String(new TextEncoder().encode(body).byteLength) };
    if (random.chance(0.3)) headers["authorization"] = `Bearer ${random.pick(["a.b.c", "", "x".repeat(9_000)])}`;
    return random.pick<() => EdgeRequest>([
      () => ({ method: "POST", path: `/rooms/${stream}/ticket`, headers, body }),
      () => ({ method: "POST", path: `/rooms/${stream}/beacon`, headers, body }),
      () => ({ path: `/rooms/${stream}/replay?from=${drawNumberText(random, 0)}&to=${drawNumberText(random, 9)}` }),
      () => ({
        path: `/rooms/${stream}/socket`,
        headers: { upgrade: "websocket", "sec-websocket-protocol": random.pick(["corral, x.y", "corral", "other"]) },
      }),
      () => ({ path: `/rooms/${stream}/socket` }),
      () => ({ method: "POST", path: "/rooms/nobody/ticket", headers, body }),
    ])();
  }

  #drawControlRequest(): EdgeRequest {
    const random = this.#random;
    const { stream } = this.#options;
    const path = random.pick(["keys", "stop", "access", "revocations", "crowd", "jurisdiction", "restart?node=live"]);
    const body = JSON.stringify(drawAbsurdValue(random));
    const headers = {
      "content-length": String(new TextEncoder().encode(body).byteLength),
      ...(random.chance(0.5) ? { authorization: "Bearer admin" } : {}),
    };
    return { method: random.pick(["POST", "PUT", "DELETE"]), path: `/api/streams/${stream}/${path}`, headers, body };
  }
}
