/** Floods from one address on a whole edge: a publisher, viewers and chat continue as before. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { percentile } from "../../../bench/stats.ts";
import { PUBLISHER_HEADER } from "../../../core/ingest/publish-api.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { cpuMs, descendantPids } from "../../../loadtest/processes.ts";
import { type LocalEdge, startEdge } from "../../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../support/admin-token.ts";
import { httpTestEdge } from "../../support/edge-requests.ts";
import { freePort } from "../../support/ports.ts";
import { figure, whole } from "../scale.ts";
import { Flood, type FloodRequest, type FloodStatuses, requestsIn } from "./flood.ts";
import { noWaits, WAITED_FOR, Witness } from "./witness.ts";

const MEASURED_MS = whole ? 2_000 : 500;
/** Measurement windows per kind, in turn, and the flood's maximum rate. */
const ROUNDS = whole ? 5 : 1;
const PER_SECOND = 1_000;

/** In memory: locally a write to disk blocks workerd longer and less evenly than any flood. */
const FOLDER = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** The minimum cost of any Worker, which inspects nothing. */
const BARE = "export default { fetch: () => new Response(null, { status: 404 }) };";

let edge: LocalEdge;
/** The edge's process. */
let workerd: number;
let port: number;
/** Bare Workers: in the edge's own workerd, and in another one. */
let within: number;
let beside: number;
let other: Miniflare;
let dataDir: string;
let witness: Witness;
const door = httpTestEdge(() => edge.url, ADMIN_TOKEN);

beforeAll(async () => {
  dataDir = await mkdtemp(join(FOLDER, "corral-floods-"));
  port = await freePort();
  within = await freePort();
  beside = await freePort();
  const services = { BARE: { script: BARE, port: within } };
  edge = await startEdge({ port, dataDir, adminToken: door.adminToken, services });
  [workerd = 0] = descendantPids(process.pid, "workerd");
  other = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      workers: [
        {
          name: "bare",
          modules: [{ type: "ESModule", path: "index.js", contents: BARE }],
          compatibilityDate: "2026-11-02",
          unsafeDirectSockets: [{ host: "127.0.0.1", port: beside }],
        },
      ],
    } as Parameters<typeof convertV4MiniflareOptions>[0]),
  );
  await other.ready;
  witness = new Witness(door);
  await witness.begin(edge.url);
  await witness.measure(500, noWaits());
});

afterAll(async () => {
  witness.end();
  await Promise.all([edge.stop(), other.dispose()]);
  await rm(dataDir, { recursive: true, force: true });
});

/** The requests of a stranger's flood. */
interface Attack {
  readonly requests: readonly FloodRequest[];
  readonly perSecond?: number;
}

function attackOf(name: string, stranger: Readonly<Record<string, string>>): Attack {
  const { stream, config } = witness.publisher;
  const { broadcast } = config;
  const get = (path: string): FloodRequest => ({ method: "GET", path, headers: stranger });
  const wrong = { ...stranger, authorization: `Bearer corral_${"w".repeat(43)}`, [PUBLISHER_HEADER]: "a-stranger" };
  const nowMs = Date.now();
  const attacks: Record<string, Attack> = {
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
      requests: [{ method: "HEAD", path: `/live/${stream}/multivariant.m3u8`, headers: stranger }],
    },
    "joins by GET": { requests: [get(`/live/${stream}/multivariant.m3u8`)] },
    "replay windows": {
      requests: [
        get(`/rooms/${stream}/replay?from={n}0000`),
        get(`/rooms/${stream}/replay?from=${nowMs - (nowMs % ROOM_LIMITS.replayWindowMs)}`),
      ],
    },
    beacons: {
      requests: [{ method: "POST", path: `/rooms/${stream}/beacon`, headers: stranger, body: "{}" }],
    },
    tickets: { requests: [{ method: "POST", path: `/rooms/${stream}/ticket`, headers: stranger, body: "{}" }] },
    "sockets that say hello": {
      requests: [{ ...get(`/rooms/${stream}/socket`), hello: JSON.stringify({ type: "hello" }) }],
    },
  };
  return attacks[name] ?? expect.fail(`no attack is called ${name}`);
}

const NAMES = [
  "invented names",
  "invented media",
  "wrong keys with bodies of 1 MiB",
  "joins by HEAD",
  "joins by GET",
  "replay windows",
  "beacons",
  "tickets",
  "sockets that say hello",
] as const;

/** The windows of one kind. */
class Windows {
  readonly waits = noWaits();
  readonly statuses: Record<number, number> = {};
  /** CPU of the edge. */
  cpuMs = 0;

  get requests(): number {
    return requestsIn(this.statuses);
  }

  /** Measures for some time. */
  async quiet(): Promise<void> {
    const before = cpuMs(workerd);
    await witness.measure(MEASURED_MS, this.waits);
    this.cpuMs += cpuMs(workerd) - before;
  }

  /** Measures for some time during a flood of a port. */
  async flooded(at: number, { requests, perSecond = PER_SECOND }: Attack): Promise<FloodStatuses> {
    const flood = new Flood(at, requests, { perSecond });
    await flood.begun;
    await this.quiet();
    if (at === port) expect(await witness.newcomer()).toBe(200);
    const statuses = await flood.stop();
    for (const [status, count] of Object.entries(statuses)) {
      this.statuses[Number(status)] = (this.statuses[Number(status)] ?? 0) + count;
    }
    return statuses;
  }
}

/** The edge's delays compared with a quiet time, and with as many requests to bare Workers. */
function told(quiet: Windows, flood: Windows, within: Windows, beside: Windows): string {
  const waits = WAITED_FOR.map((name) => {
    const at = ({ waits }: Windows, p: number): number => percentile(waits[name], p);
    const times = (all: Windows, p: number): string => (at(all, p) / at(quiet, p)).toFixed(1);
    const of = (all: Windows): string => `${times(all, 50)}, ${times(all, 99)}`;
    const ms = [at(quiet, 50), at(quiet, 99)].map((each) => each.toFixed(1)).join(", ");
    return `${name} ${ms} ms × ${of(flood)} (bare × ${of(within)}; elsewhere × ${of(beside)})`;
  });
  const each = (all: Windows): string => (((all.cpuMs - quiet.cpuMs) * 1_000) / all.requests).toFixed();
  return `${waits.join("; ")}; CPU a request ${each(flood)} µs (bare ${each(within)} µs)`;
}

test.each(NAMES)(
  "under a flood of %s from one address parts are accepted, playlists and messages answered, and new viewers admitted",
  async (name) => {
    const windows = { quiet: new Windows(), edge: new Windows(), within: new Windows(), beside: new Windows() };
    for (let round = 0; round < ROUNDS; round += 1) {
      // Another address in each round, so that each is unknown to the rate limits at first.
      const attack = attackOf(name, { "cf-connecting-ip": `203.0.113.${NAMES.indexOf(name) * ROUNDS + round}` });
      if (whole) await windows.quiet.quiet();
      const answered = await windows.edge.flooded(port, attack);
      const asMany = { ...attack, perSecond: (1_000 * requestsIn(answered)) / MEASURED_MS };
      if (whole) await windows.within.flooded(within, asMany);
      if (whole) await windows.beside.flooded(beside, asMany);
    }
    expect(windows.edge.requests).toBeGreaterThan(10);
    if (!whole) return;
    const measured = told(windows.quiet, windows.edge, windows.within, windows.beside);
    figure(`${name}: p50, p99`, `${measured}; ${JSON.stringify(windows.edge.statuses)}`, "p99 × 2");
  },
);
