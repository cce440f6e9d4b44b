/** Floods from one address on a whole edge: whoever publishes and watches beside them goes on as before. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PUBLISHER_HEADER } from "../../../core/ingest/publish-api.ts";
import { type LocalEdge, startEdge } from "../../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../support/admin-token.ts";
import { freePort } from "../../support/ports.ts";
import { type TestEdge, TestPublisher } from "../../support/publisher.ts";
import { figure, whole } from "../scale.ts";
import { Flood, type FloodRequest } from "./flood.ts";

const STRANGER = { "cf-connecting-ip": "203.0.113.66" };
const VIEWER = { "cf-connecting-ip": "198.51.100.20" };
const MEASURED_MS = whole ? 5_000 : 800;
/** Between two PUTs of the publisher. */
const PAUSE_MS = 25;

let edge: LocalEdge;
let port: number;
let dataDir: string;
const door: TestEdge = {
  ask: (path, init) => fetch(`${edge.url}${path}`, init),
  adminToken: ADMIN_TOKEN,
};

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-floods-"));
  port = await freePort();
  edge = await startEdge({ port, dataDir, adminToken: door.adminToken });
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Milliseconds that publisher's PUTs and playlists took. */
interface Took {
  readonly puts: readonly number[];
  readonly playlists: readonly number[];
}

/** Publishes and reads a playlist for a while. */
class Witness {
  readonly #publisher = new TestPublisher(door);
  #part = 0;

  get stream(): string {
    return this.#publisher.stream;
  }

  path(file: string): string {
    return this.#publisher.path("video", file);
  }

  get publisher(): TestPublisher {
    return this.#publisher;
  }

  async begin(): Promise<void> {
    await this.#publisher.openWithInits();
    await this.#publisher.putParts(0, 6);
    this.#part = 6;
    await this.measure(500);
  }

  async measure(ms: number): Promise<Took> {
    const puts: number[] = [];
    const playlists: number[] = [];
    const untilMs = performance.now() + ms;
    while (performance.now() < untilMs) {
      for (const track of ["video", "audio"]) {
        const sent = await timed(() => this.#publisher.putPart(track, this.#part));
        expect(sent.status).toBe(200);
        puts.push(sent.tookMs);
      }
      this.#part += 1;
      const read = await timed(() => door.ask(this.path("media.m3u8"), { headers: VIEWER }));
      expect(read.status).toBe(200);
      playlists.push(read.tookMs);
      await sleep(PAUSE_MS);
    }
    return { puts, playlists };
  }
}

async function timed(ask: () => Promise<Response>): Promise<{ status: number; tookMs: number }> {
  const beganMs = performance.now();
  const answer = await ask();
  await answer.arrayBuffer();
  return { status: answer.status, tookMs: performance.now() - beganMs };
}

function percentile(all: readonly number[], part: number): number {
  return all.toSorted((a, b) => a - b)[Math.ceil(part * all.length) - 1] ?? 0;
}

/** Medians and 99th percentiles, beside those of a quiet time. */
function told({ puts, playlists }: Took, quiet: Took): string {
  const of = (name: string, all: readonly number[], calm: readonly number[]): string => {
    const [p50, p99] = [0.5, 0.99].map((part) => percentile(all, part));
    const ratios = [0.5, 0.99].map((part) => (percentile(all, part) / percentile(calm, part)).toFixed(1));
    return `${name} ${p50?.toFixed(1)} and ${p99?.toFixed(1)} ms (× ${ratios.join(" and ")})`;
  };
  return `${of("PUT", puts, quiet.puts)}, ${of("playlist", playlists, quiet.playlists)}`;
}

function floods(witness: Witness): Record<string, { requests: FloodRequest[]; perSecond?: number }> {
  const { stream } = witness;
  const { broadcast } = witness.publisher.config;
  const get = (path: string): FloodRequest => ({ method: "GET", path, headers: STRANGER });
  const wrong = { ...STRANGER, authorization: `Bearer corral_${"w".repeat(43)}`, [PUBLISHER_HEADER]: "a-stranger" };
  return {
    "invented names": {
      requests: [
        get("/live/invented-{n}/multivariant.m3u8"),
        get("/api/streams/invented-{n}"),
        { ...get("/rooms/invented-{n}/beacon"), method: "POST" },
        get("/rooms/invented-{n}/replay?from=1700000000000"),
      ],
    },
    "invented media": {
      requests: [
        get(`/live/${stream}/invented{n}/video/0.m4s`),
        get(`/live/${stream}/${broadcast}/video/init-1{n}.mp4`),
        get(`/live/${stream}/${broadcast}/track{n}/media.m3u8`),
        get(`/live/${stream}/${broadcast}/video/vod.m3u8`),
      ],
    },
    "wrong keys with bodies of 1 MiB": {
      requests: [{ method: "PUT", path: `/ingest/${stream}/${broadcast}/end`, headers: wrong, bodyBytes: 1_048_576 }],
      perSecond: 50,
    },
    "joins by HEAD": {
      requests: [{ method: "HEAD", path: `/live/${stream}/multivariant.m3u8`, headers: STRANGER }],
    },
    "joins by GET": { requests: [get(`/live/${stream}/multivariant.m3u8`)] },
    "replay windows": { requests: [get(`/rooms/${stream}/replay?from={n}0000`)] },
  };
}

test("under each flood of one address the publisher's parts are taken, playlists are answered and newcomers come in", async () => {
  const witness = new Witness();
  await witness.begin();
  const quiet = await witness.measure(MEASURED_MS);
  figure("quiet: p50 and p99 of publisher's PUT and of a playlist", told(quiet, quiet));
  for (const [name, { requests, perSecond }] of Object.entries(floods(witness))) {
    const flood = new Flood(port, requests, perSecond === undefined ? {} : { perSecond });
    await sleep(100);
    const took = await witness.measure(MEASURED_MS);
    const newcomer = await door.ask(`/live/${witness.stream}/multivariant.m3u8`, { headers: VIEWER });
    const statuses = await flood.stop();
    figure(name, `${told(took, quiet)}; ${JSON.stringify(statuses)}`, "× 2");
    expect(newcomer.status, name).toBe(200);
    expect(
      Object.values(statuses).reduce((sum, count) => sum + count, 0),
      name,
    ).toBeGreaterThan(10);
  }
});
