/** A day's window and a recording of six hours: wait of a new subscriber, cost of a playlist, effect on a publisher. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { request } from "undici";
import type { Replica } from "../core/broadcast/replica.ts";
import { TailBuffer } from "../core/broadcast/tail-buffer.ts";
import { makeTestConfig, makeTestTrack } from "../core/broadcast/testing.ts";
import type { TrackName } from "../core/kit/ids.ts";
import { type LocalEdge, startEdge } from "../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../tests/support/admin-token.ts";
import { DAY_S, DAY_SEGMENTS, longReplica } from "../tests/support/long-window.ts";
import { freePort } from "../tests/support/ports.ts";
import { TestPublisher, testPartMeta } from "../tests/support/publisher.ts";
import { getPlaylistCache } from "../workers/delivery/playlist-cache.ts";
import { type BenchFigure, formatFixed, median, percentile } from "./stats.ts";

const TRACKS = ["high", "low", "sound"] as TrackName[];
const SIX_HOURS = 10_800;
const MIB = 1_048_576;
const ROUNDS = 10;

/** Every figure; takes some 40 s. */
export async function measureLongWindows(): Promise<BenchFigure[]> {
  const dataDir = await mkdtemp(join(tmpdir(), "corral-bench-long-"));
  const isolates = [await freePort(), await freePort(), await freePort()];
  const edge = await startEdge({
    port: await freePort(),
    dataDir,
    adminToken: ADMIN_TOKEN,
    isolatePorts: isolates,
    entry: fileURLToPath(new URL("long-windows-edge.ts", import.meta.url)),
  });
  try {
    return [...(await followFigures(edge, isolates)), ...renderFigures(), ...(await recordingFigures(edge))];
  } finally {
    await edge.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function publisherOn(edge: LocalEdge, overrides: { stream: string; key?: string; windowS?: number }): TestPublisher {
  const edgeClient = {
    adminToken: ADMIN_TOKEN,
    ask: (path: string, init?: RequestInit) => fetch(`${edge.url}${path}`, init),
  };
  const tracks = TRACKS.map((name) => makeTestTrack(name, name === "sound" ? "audio" : "video"));
  const { stream, key = "", windowS = 60 } = overrides;
  return new TestPublisher(edgeClient, { stream, key, config: { windowS, tracks } });
}

async function listSegments(edge: LocalEdge, { stream, config }: TestPublisher, segments: number): Promise<void> {
  const answer = await fetch(`${edge.url}/bench/list/${stream}/${config.broadcast}/${TRACKS.join(",")}/${segments}`);
  if (!answer.ok) throw new Error(`segments could not be listed: ${answer.status}`);
}

async function measureMs<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const beganMs = performance.now();
  const value = await work();
  return { ms: performance.now() - beganMs, value };
}

async function followFigures(edge: LocalEdge, isolates: readonly number[]): Promise<BenchFigure[]> {
  const publisher = publisherOn(edge, { stream: "bench-day", windowS: DAY_S });
  await publisher.openWithInits();
  await listSegments(edge, publisher, DAY_SEGMENTS);
  const restores: number[] = [];
  for (let time = 0; time < 3; time += 1) {
    await publisher.restartNode();
    restores.push((await measureMs(() => publisher.open())).ms);
  }
  await publisher.putParts(6 * DAY_SEGMENTS, 6 * DAY_SEGMENTS + 3);
  const follows: number[] = [];
  for (const port of isolates) {
    const path = publisher.path("high", "media.m3u8");
    const { ms, value } = await measureMs(async () => (await fetch(`http://127.0.0.1:${port}${path}`)).text());
    if (!value.includes(`URI="${DAY_SEGMENTS}.2.m4s"`)) throw new Error(`isolate ${port} does not follow`);
    follows.push(ms);
  }
  const { frames, bytes } = await readFeedFrames(edge, publisher.stream);
  const largest = Math.max(...frames);
  return [
    {
      figure: "a day of 3 tracks: a new isolate's first playlist, slowest of 3",
      goal: "≤ 1 s",
      measured: `${formatFixed(Math.max(...follows), 0)} ms (the object's restart ${formatFixed(Math.max(...restores), 0)} ms)`,
      met: Math.max(...follows) <= 1_000,
      values: { followsMs: follows.map((ms) => formatFixed(ms, 0)).join(" "), restoreMs: median(restores) },
    },
    {
      figure: "the same: largest frame of a new feed",
      goal: "≤ 1 MiB",
      measured: `${formatFixed(largest / MIB, 3)} MiB (${frames.length} frames, ${formatFixed(bytes / MIB, 1)} MiB in all)`,
      met: largest <= MIB,
      values: { largestBytes: largest, frames: frames.length, bytes },
    },
  ];
}

/** Bytes of a new feed's frames until it has caught up: half a second without another. */
async function readFeedFrames(edge: LocalEdge, stream: string): Promise<{ frames: number[]; bytes: number }> {
  const answer = await fetch(`${edge.url}/bench/feed/${stream}`);
  const reader = answer.body?.getReader();
  let pending = new Uint8Array(0);
  const frames: number[] = [];
  let bytes = 0;
  for (const untilMs = Date.now() + 1_500; Date.now() < untilMs; ) {
    const chunk = await reader?.read();
    if (chunk?.value === undefined) break;
    bytes += chunk.value.byteLength;
    pending = Buffer.concat([pending, chunk.value]);
    for (;;) {
      if (pending.byteLength < 4) break;
      const frame = 4 + (new DataView(pending.buffer, pending.byteOffset).getUint32(0) & 0x7fff_ffff);
      if (pending.byteLength < frame) break;
      frames.push(frame);
      pending = pending.subarray(frame);
    }
  }
  await reader?.cancel();
  return { frames, bytes };
}

/** A playlist of a day, rendered with each new part of its track: whole and compressed, and as a delta update. */
function renderFigures(): BenchFigure[] {
  const config = makeTestConfig({ windowS: DAY_S, tracks: TRACKS.map((name) => makeTestTrack(name)) });
  const before = heapMb();
  const replica = longReplica("bench", config, DAY_SEGMENTS, new TailBuffer(50_000_000));
  const replicaMb = heapMb() - before;
  const [track] = TRACKS as [TrackName];
  const first = renderMs(replica, track, "none");
  const textMb = heapMb() - before - replicaMb;
  const [whole, delta]: [number[], number[]] = [[], []];
  for (let index = 6 * DAY_SEGMENTS; index < 6 * DAY_SEGMENTS + 120; index += 1) {
    const meta = testPartMeta(index);
    replica.appendEntry({ kind: "part", track, meta, byteLength: 20 }, new Uint8Array(20));
    if (meta.close !== undefined) replica.appendEntry({ kind: "durable", track, msn: meta.msn }, null);
    whole.push(renderMs(replica, track, "none"));
    delta.push(renderMs(replica, track, "YES"));
  }
  const values = { firstMs: first, wholeMs: median(whole), deltaMs: median(delta), replicaMb, textMb };
  return [
    {
      figure: "a playlist of a day after each part, rendered and compressed (in Node): whole; delta update",
      goal: "≤ 5 ms; ≤ 1 ms",
      measured: `${formatFixed(values.wholeMs, 2)} ms (the first ${formatFixed(first, 0)} ms); ${formatFixed(values.deltaMs, 2)} ms`,
      met: values.wholeMs <= 5 && values.deltaMs <= 1,
      values,
    },
    {
      figure: "memory of a day of 3 tracks in a replica; of a track's text",
      goal: "≤ 16 MB; ≤ 16 MB",
      measured: `${formatFixed(replicaMb, 1)} MB; ${formatFixed(textMb, 1)} MB`,
      met: replicaMb <= 16 && textMb <= 16,
      values,
    },
  ];
}

function renderMs(replica: Replica, track: TrackName, skip: "none" | "YES"): number {
  const beganMs = performance.now();
  const playlist = getPlaylistCache(replica).render({ kind: "media", track, skip });
  playlist.etag(true, "");
  playlist.gzip();
  return performance.now() - beganMs;
}

const collectGarbage = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
})();

function heapMb(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
}

/** A recording of six hours requested ten times per second while the next broadcast is published. */
async function recordingFigures(edge: LocalEdge): Promise<BenchFigure[]> {
  const old = publisherOn(edge, { stream: "bench-recording" });
  await old.openWithInits();
  await listSegments(edge, old, SIX_HOURS);
  await old.restartNode();
  await old.end();
  const now = publisherOn(edge, { stream: old.stream, key: old.key });
  await now.openWithInits();
  const path = `${edge.url}${old.path("high", "vod.m3u8")}`;
  // Left compressed: this process also measures the publisher.
  const fetchText = async (): Promise<number> => {
    const { body } = await request(path, { headers: { "accept-encoding": "gzip" } });
    return (await body.arrayBuffer()).byteLength;
  };
  const first = await measureMs(fetchText);
  const requestsBefore = await liveRequests(edge, old.stream);
  const [quiet, busy, answers]: [number[], number[], number[]] = [[], [], []];
  // In turn, so that other load affects both alike.
  for (let round = 0; round < ROUNDS; round += 1) {
    quiet.push(...(await timePartPuts(now, 4 * round, 4 * round + 2)));
    const asking = new AbortController();
    const asker = (async () => {
      while (!asking.signal.aborted) {
        answers.push((await measureMs(fetchText)).ms);
        await new Promise((resolve) => setTimeout(resolve, 90));
      }
    })();
    busy.push(...(await timePartPuts(now, 4 * round + 2, 4 * round + 4)));
    asking.abort();
    await asker;
  }
  // Requests at the Live object besides the publisher's PUTs, which are not counted: feeds and pulls.
  const pulls = (await liveRequests(edge, old.stream)) - requestsBefore;
  const [quietMs, busyMs] = [percentile(quiet, 99), percentile(busy, 99)];
  return [
    {
      figure: "vod.m3u8 of 6 h (first; then, median), ten a second: publisher's PUT, p99 beside quiet",
      goal: "≤ 2 × quiet",
      measured: `${formatFixed(first.ms, 0)} ms; ${formatFixed(median(answers), 1)} ms; ${formatFixed(busyMs, 1)} ms beside ${formatFixed(quietMs, 1)} ms`,
      met: busyMs <= 2 * quietMs && first.value > 50_000,
      values: {
        firstMs: first.ms,
        thenMs: median(answers),
        quietP99Ms: quietMs,
        busyP99Ms: busyMs,
        liveRequests: pulls,
      },
    },
  ];
}

/** Durations of the PUTs of parts over this many segments, at three per second and track, as from a packager. */
async function timePartPuts(publisher: TestPublisher, from: number, to: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 6 * from; index < 6 * to; index += 1) {
    for (const name of TRACKS) {
      const { ms, value } = await measureMs(() => publisher.putPart(name, index));
      if (value.status !== 200) throw new Error(`a part was refused: ${value.status}`);
      await value.arrayBuffer();
      times.push(ms);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return times;
}

async function liveRequests(edge: LocalEdge, stream: string): Promise<number> {
  const status = (await (await fetch(`${edge.url}/api/streams/${stream}`)).json()) as {
    tiers?: { tier: string; requests: number }[];
  };
  return status.tiers?.find(({ tier }) => tier === "live")?.requests ?? 0;
}
