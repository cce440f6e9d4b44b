/** The process of a flood: sends its parent's requests, and ends with it. */
import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import type { Socket } from "node:net";
import type { FloodJob, FloodRequest } from "./flood.ts";

const TICK_MS = 5;
/** A request without an answer within this time is abandoned. */
const PATIENCE_MS = 2_000;
const HANDSHAKE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  "sec-websocket-version": "13",
};

class Sending {
  readonly #job: FloodJob;
  readonly #agent: Agent;
  readonly #body: Buffer;
  readonly #statuses: Record<number, number> = {};
  readonly #beganMs = performance.now();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS);
  #sent = 0;
  #under = 0;
  stopped = false;

  constructor(job: FloodJob) {
    this.#job = job;
    this.#agent = new Agent({ keepAlive: true, maxSockets: job.connections });
    this.#body = Buffer.alloc(Math.max(0, ...job.requests.map(({ bodyBytes = 0 }) => bodyBytes)));
  }

  #tick(): void {
    const { connections, perSecond, most } = this.#job;
    if (this.stopped || this.#sent >= most) {
      if (this.#under === 0) this.#end();
      return;
    }
    const due = Math.min(most, (perSecond * (performance.now() - this.#beganMs + TICK_MS)) / 1_000);
    while (this.#under < connections && this.#sent < due) this.#fire();
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
    process.send?.({ statuses: this.#statuses }, () => process.disconnect());
  }

  #fire(): void {
    const { port, requests } = this.#job;
    const asked = requests[this.#sent % requests.length];
    if (asked === undefined) return;
    this.#sent += 1;
    this.#under += 1;
    const { method, path, headers = {}, bodyBytes = 0, body, hello } = asked;
    const options: RequestOptions = {
      agent: this.#agent,
      host: "127.0.0.1",
      port,
      method,
      path: path.replaceAll("{n}", String(this.#sent)),
      headers: hello === undefined ? headers : { ...headers, ...HANDSHAKE },
    };
    let settled = false;
    const done = (status: number): void => {
      if (settled) return;
      settled = true;
      this.#under -= 1;
      this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
      this.#tick();
    };
    const sending = request(options, (answer) => drained(answer, done));
    sending.on("upgrade", ({ statusCode = 0 }, socket) => greeted(socket as Socket, asked, () => done(statusCode)));
    sending.on("error", () => done(0));
    if (hello !== undefined) sending.setTimeout(PATIENCE_MS, () => sending.destroy());
    sending.end(body ?? (bodyBytes > 0 ? this.#body.subarray(0, bodyBytes) : undefined));
  }
}

function drained(answer: IncomingMessage, done: (status: number) => void): void {
  answer.resume();
  answer.on("close", () => done(answer.statusCode ?? 0));
  answer.on("error", () => {});
}

/** Sends a frame over a new socket, and closes at the server's first frame. */
function greeted(socket: Socket, { hello = "" }: FloodRequest, done: () => void): void {
  const text = Buffer.from(hello);
  // One masked text frame; a mask of zeros leaves the text unchanged.
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
  socket.once("data", () => socket.destroy());
  socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  socket.on("error", () => {});
  socket.once("close", done);
}

let sending: Sending | null = null;
process.on("message", (message: FloodJob | "stop") => {
  if (message === "stop") {
    if (sending !== null) sending.stopped = true;
    return;
  }
  sending = new Sending(message);
  process.send?.("begun");
});
process.once("disconnect", () => process.exit());
