/** Viewers of flow in a separate thread: each checks every byte of its media. k6 cannot read a response that goes on. */
import { Agent, type ClientRequest, get, type IncomingMessage } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import { partAt } from "../publisher.ts";
import { FlowCheck, type FlowCheckHandler, type PublishedPart } from "./flow-check.ts";
import type { FlowViewersJob, FlowViewersMessage, FlowViewersReport } from "./flow-fleet.ts";
import { PartLateness } from "./part-lateness.ts";

const job = workerData as FlowViewersJob;
const { partMs, partsPerSegment, tracks } = job.shape;
const trackCount = Object.keys(tracks).length;
/** Texts that are kept, of each track. */
const KEPT_PARTS = 300;
/** A viewer's second failure in a row waits so long. */
const RETRY_MS = 300;
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
  longestStallMs: number;
  parts: number;
}

const counts: Counts = {
  ...{ watching: 0, responses: 0, refused: 0, failed: 0, ended: 0 },
  ...{ wrongBytes: 0, outOfOrder: 0, skipped: 0, stalls: 0, longestStallMs: 0, parts: 0 },
};
let joinsMs: number[] = [];
let endsMs: number[] = [];
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

/** A viewer, over all its responses. */
class Viewer {
  readonly #lateness = new PartLateness(partMs);
  /** Index in `urls` of the isolate. */
  #isolate: number;
  #request: ClientRequest | null = null;
  #isWatching = false;
  /** Responses in a row without media. */
  #failures = 0;

  constructor(index: number) {
    this.#isolate = index % job.urls.length;
  }

  /** The isolate number `index` is lost: its viewers go to those that are next to it, in turn. */
  lose(index: number, turn: number): void {
    const others = job.urls.length - 1;
    if (this.#isolate !== index || others === 0) return;
    this.#isolate = (index + 1 + (turn % others)) % job.urls.length;
    this.#request?.destroy(new Error("the isolate is lost"));
  }

  open(): void {
    const openedMs = performance.now();
    let isOver = false;
    // A reset connection is an error of the request and one of its response.
    const finish = (react: () => void): void => {
      if (isOver) return;
      isOver = true;
      react();
    };
    const request = get(job.urls[this.#isolate] ?? "", { agent }, (response: IncomingMessage) => {
      counts.responses += 1;
      if (response.statusCode !== 200) {
        response.on("error", () => {}).resume();
        finish(() => {
          if (response.statusCode === 503) counts.refused += 1;
          else counts.failed += 1;
          setTimeout(() => this.open(), 1_000 * Number(response.headers["retry-after"] ?? 1));
        });
        return;
      }
      const check = new FlowCheck(partsPerSegment, this.#handler(openedMs));
      response
        .on("data", (chunk: Buffer) => check.take(chunk))
        .on("error", () => finish(() => this.#broke()))
        .on("end", () => {
          finish(() => {
            counts.ended += 1;
            endsMs.push(performance.timeOrigin + performance.now());
            this.#openAgain();
          });
        });
    });
    request.on("error", () => finish(() => this.#broke()));
    this.#request = request;
  }

  #broke(): void {
    counts.failed += 1;
    this.#openAgain();
  }

  #openAgain(): void {
    if (job.isPersistent !== true) return;
    this.#failures += 1;
    setTimeout(() => this.open(), this.#failures > 1 ? RETRY_MS : 0);
  }

  /** Checks of one response that was asked for at `openedMs`. */
  #handler(openedMs: number): FlowCheckHandler {
    const seen = new Set<string>();
    return {
      textOf,
      wrongBytes: (count) => {
        counts.wrongBytes += count;
      },
      partCame: (part, skipped) => {
        const nowMs = performance.now();
        counts.parts += 1;
        this.#failures = 0;
        if (skipped > 0) counts.skipped += skipped;
        // -1 is a response's first part of a track, or one that comes again.
        if (skipped < 0 && seen.has(part.track)) counts.outOfOrder += 1;
        seen.add(part.track);
        const lateMs = this.#lateness.recordPart(part.track, nowMs);
        if (lateMs !== null) {
          counts.stalls += 1;
          counts.longestStallMs = Math.max(counts.longestStallMs, lateMs);
        }
        arrived(part, nowMs);
        if (this.#isWatching || this.#lateness.trackCount < trackCount) return;
        this.#isWatching = true;
        counts.watching += 1;
        joinsMs.push(nowMs - openedMs);
      },
    };
  }

  /** Stalls that go on, ms; none before it watches. */
  pendingStallsMs(nowMs: number): number[] {
    return this.#isWatching ? this.#lateness.pendingMs(nowMs) : [];
  }
}

const viewers = Array.from({ length: job.viewers }, (_, index) => new Viewer(index));
for (const [index, viewer] of viewers.entries()) setTimeout(() => viewer.open(), (job.arrivalMs * index) / job.viewers);

parentPort?.on("message", (message: FlowViewersMessage) => {
  if (message === "report") report();
  else for (const [turn, viewer] of viewers.entries()) viewer.lose(message.lostIsolate, turn);
});

function report(): void {
  const whole = [...arrivals.values()].filter(({ viewers }) => viewers === job.viewers);
  const spreadsMs = whole.map(({ firstMs, lastMs }) => lastMs - firstMs);
  const nowMs = performance.now();
  const pendingMs = viewers.flatMap((viewer) => viewer.pendingStallsMs(nowMs));
  const stalls = counts.stalls + pendingMs.length;
  const longestStallMs = pendingMs.reduce((longestMs, lateMs) => Math.max(longestMs, lateMs), counts.longestStallMs);
  parentPort?.postMessage({
    ...counts,
    ...{ stalls, longestStallMs, joinsMs, endsMs, spreadsMs },
  } satisfies FlowViewersReport);
  arrivals.clear();
  joinsMs = [];
  endsMs = [];
}
