/** Viewers of flow in a separate thread: each checks every byte of its media. k6 cannot read a response that goes on. */
import { Agent, get, type IncomingMessage } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import { partAt } from "../publisher.ts";
import { FlowCheck, type FlowCheckHandler, type PublishedPart } from "./flow-check.ts";
import type { FlowViewersJob, FlowViewersReport } from "./flow-fleet.ts";

const job = workerData as FlowViewersJob;
const { partMs, partsPerSegment, tracks } = job.shape;
const trackCount = Object.keys(tracks).length;
/** Texts that are kept, of each track. */
const KEPT_PARTS = 300;
/** A part that comes this much later than one part after the last one is a stall. */
const LATE_MS = 500;
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });

interface Counts {
  watching: number;
  responses: number;
  refused: number;
  failed: number;
  ended: number;
  wrongBytes: number;
  outOfOrder: number;
  skipped: number;
  stalls: number;
  parts: number;
}

const counts: Counts = {
  ...{ watching: 0, responses: 0, refused: 0, failed: 0, ended: 0 },
  ...{ wrongBytes: 0, outOfOrder: 0, skipped: 0, stalls: 0, parts: 0 },
};
let joinsMs: number[] = [];
const texts = new Map<string, Buffer>();
const arrivals = new Map<string, { readonly firstMs: number; lastMs: number; viewers: number }>();

function textOf({ track, index }: PublishedPart): Buffer {
  const key = `${track} ${index}`;
  const known = texts.get(key);
  if (known !== undefined) return known;
  const text = partAt(track, index, job.shape);
  texts.set(key, text);
  texts.delete(`${track} ${index - KEPT_PARTS}`);
  return text;
}

function arrived({ track, index }: PublishedPart, nowMs: number): void {
  const key = `${track} ${index}`;
  const known = arrivals.get(key);
  if (known === undefined) arrivals.set(key, { firstMs: nowMs, lastMs: nowMs, viewers: 1 });
  else {
    known.lastMs = nowMs;
    known.viewers += 1;
  }
}

/** One viewer's checks; `openedMs` is when it asked. */
function viewerHandler(openedMs: number): FlowCheckHandler {
  const lastMs = new Map<string, number>();
  let isWatching = false;
  return {
    textOf,
    wrongBytes: (count) => {
      counts.wrongBytes += count;
    },
    partCame: (part, skipped) => {
      const nowMs = performance.now();
      counts.parts += 1;
      if (skipped > 0) counts.skipped += skipped;
      // -1 is a first part, or one that comes again.
      if (skipped < 0 && lastMs.has(part.track)) counts.outOfOrder += 1;
      if (nowMs - (lastMs.get(part.track) ?? nowMs) > partMs + LATE_MS) counts.stalls += 1;
      lastMs.set(part.track, nowMs);
      arrived(part, nowMs);
      if (isWatching || lastMs.size < trackCount) return;
      isWatching = true;
      counts.watching += 1;
      joinsMs.push(nowMs - openedMs);
    },
  };
}

function openViewer(viewer: number): void {
  const openedMs = performance.now();
  const url = job.urls[viewer % job.urls.length] ?? "";
  const request = get(url, { agent }, (response: IncomingMessage) => {
    counts.responses += 1;
    if (response.statusCode !== 200) {
      response.resume();
      if (response.statusCode === 503) counts.refused += 1;
      else counts.failed += 1;
      setTimeout(openViewer, 1_000 * Number(response.headers["retry-after"] ?? 1), viewer);
      return;
    }
    const check = new FlowCheck(partsPerSegment, viewerHandler(openedMs));
    response.on("data", (chunk: Buffer) => check.take(chunk)).on("end", () => (counts.ended += 1));
  });
  request.on("error", () => (counts.failed += 1));
}

for (let viewer = 0; viewer < job.viewers; viewer += 1)
  setTimeout(openViewer, (job.arrivalMs * viewer) / job.viewers, viewer);

parentPort?.on("message", () => {
  const whole = [...arrivals.values()].filter(({ viewers }) => viewers === job.viewers);
  const spreadsMs = whole.map(({ firstMs, lastMs }) => lastMs - firstMs);
  parentPort?.postMessage({ ...counts, joinsMs, spreadsMs } satisfies FlowViewersReport);
  arrivals.clear();
  joinsMs = [];
});
