/** A flood from a thread of its own, so that it doesn't take the time of those whose waiting is measured. */
import { Worker } from "node:worker_threads";

/** One request of a flood; `{n}` in its path becomes another number each time. */
export interface FloodRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes of the body. */
  readonly bodyBytes?: number;
}

/** How large a flood is. */
export interface FloodBounds {
  readonly connections?: number;
  readonly perSecond?: number;
  readonly most?: number;
}

/** What came of a flood: requests by status, 0 for those whose connection broke. */
export type FloodStatuses = Readonly<Record<number, number>>;

const SCRIPT = `
const { parentPort, workerData } = require("node:worker_threads");
const { Agent, request } = require("node:http");
const { port, requests, connections, perSecond, most } = workerData;
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const statuses = {};
let sent = 0, under = 0, stopped = false;
const began = Date.now();
const body = Buffer.alloc(Math.max(0, ...requests.map(({ bodyBytes = 0 }) => bodyBytes)));
function fire() {
  const { method, path, headers = {}, bodyBytes = 0 } = requests[sent % requests.length];
  sent += 1; under += 1;
  let settled = false;
  const done = (status) => { if (settled) return; settled = true; under -= 1; statuses[status] = (statuses[status] ?? 0) + 1; tick(); };
  const asked = request({ agent, host: "127.0.0.1", port, method, path: path.replaceAll("{n}", sent), headers }, (answer) => {
    answer.resume(); answer.on("end", () => done(answer.statusCode)); answer.on("error", () => done(answer.statusCode));
  });
  asked.on("error", () => done(0));
  asked.end(bodyBytes > 0 ? body.subarray(0, bodyBytes) : undefined);
}
function tick() {
  if (stopped || sent >= most) { if (under === 0) { agent.destroy(); clearInterval(timer); parentPort.postMessage(statuses); } return; }
  while (under < connections && sent < most && sent < perSecond * (Date.now() - began + 5) / 1000) fire();
}
const timer = setInterval(tick, 5);
parentPort.on("message", () => { stopped = true; tick(); parentPort.unref(); });
`;

/** A flood under way. */
export class Flood {
  readonly #worker: Worker;
  readonly #over: Promise<FloodStatuses>;

  /** At most `perSecond` requests over `connections` at once, `most` in all. */
  constructor(
    port: number,
    requests: readonly FloodRequest[],
    { connections = 16, perSecond = 1_000, most = Number.MAX_SAFE_INTEGER }: FloodBounds = {},
  ) {
    this.#worker = new Worker(SCRIPT, { eval: true, workerData: { port, requests, connections, perSecond, most } });
    this.#over = new Promise((resolve, reject) => {
      this.#worker.once("message", resolve);
      this.#worker.once("error", reject);
    });
  }

  /** Waits for the last request. */
  over(): Promise<FloodStatuses> {
    return this.#over.finally(() => this.#worker.terminate());
  }

  /** Sends no more, and waits for what is under way. */
  stop(): Promise<FloodStatuses> {
    this.#worker.postMessage("stop");
    return this.over();
  }
}
