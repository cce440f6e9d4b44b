/** From a sender's first picture to the edge, over a broken link, and to the end after its key is revoked. */
import { performance } from "node:perf_hooks";
import { rtmpOutput, startSender, startSenderRelay } from "../../tests/support/ffmpeg-senders.ts";
import type { IngestProcess } from "../../tests/support/ingest-process.ts";
import {
  awaitFirstPart,
  breaksOf,
  findTarget,
  longestPauseMs,
  watchPlaylist,
} from "../../tests/support/playlist-viewer.ts";
import { type BenchFigure, formatFixed, median } from "../stats.ts";

const STARTS = 5;
const REVOCATIONS = 3;
/** Time on the air before a fault, and after its end. */
const STEADY_MS = 8_000;
/** OBS comes back after this time. */
const RETURN_MS = 2_200;
const AFTER_REVOKE_MS = 4_000;

/** First picture sent → first part that can be fetched. */
export async function measureStart(node: IngestProcess, file: string): Promise<BenchFigure> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i += 1) {
    const stream = `bench-start-${i}`;
    const { key } = await node.issueKey(stream);
    const relay = await startSenderRelay(node.rtmpPort);
    const sender = startSender(file, rtmpOutput(relay.port, stream, key));
    // An edge that is asked before remembers for a second that the stream is not live.
    await node.origin.waitForOutput(`${stream}: on the air`);
    const atMs = await awaitFirstPart(await findTarget(`${node.edge.url}/live/${stream}`));
    times.push((atMs - (relay.firstMediaMs ?? Number.NaN)) / 1000);
    await sender.kill();
    await relay.close();
  }
  const p50 = median(times);
  return {
    figure: `first picture sent by RTMP → first part can be fetched at the edge, median of ${STARTS}`,
    goal: "≤ 1 s",
    measured: `${formatFixed(p50)} s (worst ${formatFixed(Math.max(...times))} s)`,
    met: p50 <= 1,
    values: { p50S: p50, worstS: Math.max(...times), starts: STARTS },
  };
}

/** The link breaks, and the sender comes back. */
export async function measureReturn(node: IngestProcess, file: string): Promise<BenchFigure> {
  const stream = "bench-return";
  const { key } = await node.issueKey(stream);
  const relay = await startSenderRelay(node.rtmpPort);
  const output = rtmpOutput(relay.port, stream, key);
  let sender = startSender(file, output);
  const base = `${node.edge.url}/live/${stream}`;
  const target = await findTarget(base);
  const stop = new AbortController();
  const watching = watchPlaylist(target, stop.signal);
  try {
    await sleep(STEADY_MS);
    relay.cut();
    await sender.kill();
    await sleep(RETURN_MS);
    sender = startSender(file, output);
    await sleep(STEADY_MS);
  } finally {
    stop.abort();
  }
  const readings = await watching;
  const broadcasts = (await findTarget(base)).broadcast === target.broadcast ? 1 : 2;
  const breaks = breaksOf(readings);
  const pauseMs = longestPauseMs(readings);
  await sender.kill();
  await relay.close();
  return {
    figure: `RTMP link cut, sender back after ${RETURN_MS / 1000} s: broadcasts; breaks of the viewer's playlist; longest time without a new part`,
    goal: "1; 0; ≤ 1.5 s",
    measured: `${broadcasts}; ${breaks}; ${formatFixed(pauseMs / 1000)} s`,
    met: broadcasts === 1 && breaks === 0 && pauseMs <= 1_500,
    values: { broadcasts, breaks, longestPauseMs: pauseMs, gapParts: Math.max(...readings.map(({ gaps }) => gaps)) },
  };
}

/** The key is revoked while its sender is on the air. */
export async function measureRevocation(node: IngestProcess, file: string): Promise<BenchFigure> {
  const cuts: number[] = [];
  const lastParts: number[] = [];
  for (let i = 0; i < REVOCATIONS; i += 1) {
    const stream = `bench-revoke-${i}`;
    const { id, key } = await node.issueKey(stream);
    const relay = await startSenderRelay(node.rtmpPort);
    const sender = startSender(file, rtmpOutput(relay.port, stream, key));
    const target = await findTarget(`${node.edge.url}/live/${stream}`);
    const stop = new AbortController();
    const watching = watchPlaylist(target, stop.signal);
    // Revocations fall at different places of a part.
    await sleep(STEADY_MS / 2 + 110 * i);
    const revokedMs = performance.now();
    await node.revokeKey(stream, id);
    await sleep(AFTER_REVOKE_MS);
    stop.abort();
    cuts.push(((relay.closedMs ?? Number.POSITIVE_INFINITY) - revokedMs) / 1000);
    lastParts.push(Math.max(0, ((await watching).at(-1)?.atMs ?? Number.POSITIVE_INFINITY) - revokedMs) / 1000);
    await sender.kill();
    await relay.close();
  }
  const cut = Math.max(...cuts);
  const part = Math.max(...lastParts);
  return {
    figure: `key revoked → last byte taken; → last part at the edge; worst of ${REVOCATIONS}`,
    goal: "≤ 1 s; ≤ 2 s",
    measured: `${formatFixed(cut)} s; ${formatFixed(part)} s`,
    met: cut <= 1 && part <= 2,
    values: { lastByteS: cut, lastPartS: part, revocations: REVOCATIONS },
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
