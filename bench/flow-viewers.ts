/** Viewers of flow in a separate thread: each checks every byte of its media. */
import { Agent, get, type IncomingMessage } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import { partBytes } from "../loadtest/publisher.ts";

/** The viewers' job: `viewers` open `url` within a second and stay until a message comes. */
export interface FlowViewersJob {
  readonly url: string;
  readonly viewers: number;
  readonly track: string;
  readonly partsPerSegment: number;
  /** Bytes of one part's text. */
  readonly partLength: number;
}

/** What they saw since the last question. */
export interface FlowViewersReport {
  /** Viewers that have media. */
  readonly watching: number;
  /** Responses other than 200; their viewers come again. */
  readonly refused: number;
  /** Responses that ended. */
  readonly ended: number;
  readonly wrongBytes: number;
  /** Parts that viewers did not get, because they were behind. */
  readonly skipped: number;
  readonly parts: number;
  /** Time between the first and the last viewer to have a part, of each part that all got, milliseconds. */
  readonly spreadsMs: readonly number[];
}

const job = workerData as FlowViewersJob;
/** Parts that are compared stay this long; a viewer that is further behind counts as wrong. */
const KEPT_PARTS = 300;
const OPENINGS_A_SECOND = 500;

let [watching, refused, ended, wrongBytes, skipped, parts] = [0, 0, 0, 0, 0, 0];
const expected = new Map<number, Buffer>();
const arrivals = new Map<number, { readonly firstMs: number; lastMs: number; viewers: number }>();

/** The text of part number `index`. */
function textOf(index: number): Buffer {
  const known = expected.get(index);
  if (known !== undefined) return known;
  const { track, partsPerSegment, partLength } = job;
  const text = partBytes(track, Math.floor(index / partsPerSegment), index % partsPerSegment, partLength);
  expected.set(index, text);
  expected.delete(index - KEPT_PARTS);
  return text;
}

function arrived(index: number): void {
  parts += 1;
  const nowMs = performance.now();
  const known = arrivals.get(index);
  if (known === undefined) arrivals.set(index, { firstMs: nowMs, lastMs: nowMs, viewers: 1 });
  else {
    known.lastMs = nowMs;
    known.viewers += 1;
  }
}

/** Number of the part that a text begins with, or -1. */
function indexOfText(head: Buffer): number {
  const [, msn, part] = /^corral \S+ (\d+)\.(\d+) /.exec(head.toString("latin1")) ?? [];
  return msn === undefined ? -1 : Number(msn) * job.partsPerSegment + Number(part);
}

/** Reads boxes, and compares each `mdat` with the part that follows the last one. */
class FlowCheck {
  #head = Buffer.alloc(0);
  /** Bytes of the current box that are to come. */
  #left = 0;
  #isMedia = false;
  #index = -1;
  #at = 0;

  take(chunk: Buffer): void {
    let bytes = chunk;
    while (bytes.length > 0) bytes = this.#left === 0 ? this.#readHeader(bytes) : this.#readBody(bytes);
  }

  #readHeader(bytes: Buffer): Buffer {
    const missing = 8 - this.#head.length;
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, missing)]);
    if (this.#head.length < 8) return bytes.subarray(missing);
    this.#left = this.#head.readUInt32BE(0) - 8;
    this.#isMedia = this.#head.toString("latin1", 4, 8) === "mdat";
    if (this.#isMedia && this.#index >= 0) this.#index += 1;
    this.#at = 0;
    this.#head = Buffer.alloc(0);
    return bytes.subarray(missing);
  }

  #readBody(bytes: Buffer): Buffer {
    const piece = bytes.subarray(0, this.#left);
    this.#left -= piece.length;
    if (this.#isMedia) this.#compare(piece);
    return bytes.subarray(piece.length);
  }

  /** Media begins where the viewer joins, and goes on later where it was skipped. */
  #follow(piece: Buffer): void {
    if (this.#index >= 0 && piece.equals(textOf(this.#index).subarray(0, piece.length))) return;
    const index = indexOfText(piece);
    if (index <= this.#index) return;
    if (this.#index < 0) watching += 1;
    else skipped += index - this.#index;
    this.#index = index;
  }

  #compare(piece: Buffer): void {
    if (this.#at === 0) this.#follow(piece);
    const text = textOf(Math.max(0, this.#index));
    if (!text.subarray(this.#at, this.#at + piece.length).equals(piece)) wrongBytes += piece.length;
    this.#at += piece.length;
    if (this.#left > 0) return;
    if (this.#at !== text.length) wrongBytes += 1;
    arrived(this.#index);
  }
}

const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });

function openViewer(): void {
  const request = get(job.url, { agent }, (response: IncomingMessage) => {
    if (response.statusCode !== 200) {
      refused += 1;
      response.resume();
      setTimeout(openViewer, 1_000 * Number(response.headers["retry-after"] ?? 1));
      return;
    }
    const check = new FlowCheck();
    response.on("data", (chunk: Buffer) => check.take(chunk)).on("end", () => (ended += 1));
  });
  request.on("error", () => (ended += 1));
}

for (let viewer = 0; viewer < job.viewers; viewer += 1) setTimeout(openViewer, (1_000 * viewer) / OPENINGS_A_SECOND);

parentPort?.on("message", () => {
  const whole = [...arrivals.values()].filter(({ viewers }) => viewers === job.viewers);
  const spreadsMs = whole.map(({ firstMs, lastMs }) => lastMs - firstMs);
  parentPort?.postMessage({
    watching,
    refused,
    ended,
    wrongBytes,
    skipped,
    parts,
    spreadsMs,
  } satisfies FlowViewersReport);
  arrivals.clear();
  parts = 0;
});
