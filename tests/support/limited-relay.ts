/** A relay before an edge whose link carries a limited number of bits a second towards the viewer. */
import { connect, createServer, type Server, type Socket } from "node:net";

/** Interval at which bytes are passed on. */
const TICK_MS = 5;
/** Bytes that wait in the relay for the link; the rest waits in the sender, as behind a router with a small buffer. */
const QUEUED_BYTES = 16_384;

interface RelayedConnection {
  readonly near: Socket;
  readonly far: Socket;
  readonly queue: Buffer[];
  queuedBytes: number;
  isFarOver: boolean;
}

/** See the file's first line. */
export class LimitedRelay {
  readonly #connections = new Set<RelayedConnection>();
  readonly #server: Server;
  readonly #timer: NodeJS.Timeout;
  readonly #target: number;
  #bytesPerMs = Number.POSITIVE_INFINITY;
  #tickedMs = performance.now();
  #credit = 0;

  /** Listens at `port`, and connects to `target`. */
  constructor(port: number, target: number) {
    this.#target = target;
    this.#server = createServer((near) => this.#accept(near));
    this.#server.listen(port, "127.0.0.1");
    this.#timer = setInterval(() => this.#pass(), TICK_MS);
  }

  /** From now on all connections together carry this much. */
  setRate(bitsPerSecond: number): void {
    this.#bytesPerMs = bitsPerSecond / 8000;
    this.#credit = 0;
  }

  /** Ends all connections. */
  cut(): void {
    for (const { near, far } of this.#connections) {
      near.destroy();
      far.destroy();
    }
  }

  /** Ends it. */
  stop(): void {
    clearInterval(this.#timer);
    this.#server.close();
    this.cut();
  }

  #accept(near: Socket): void {
    const far = connect(this.#target, "127.0.0.1");
    const connection: RelayedConnection = { near, far, queue: [], queuedBytes: 0, isFarOver: false };
    this.#connections.add(connection);
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.pipe(far);
    far.on("data", (chunk: Buffer) => {
      connection.queue.push(chunk);
      connection.queuedBytes += chunk.length;
      if (this.#bytesPerMs === Number.POSITIVE_INFINITY) this.#pass();
      else if (connection.queuedBytes > QUEUED_BYTES) far.pause();
    });
    far.on("end", () => {
      connection.isFarOver = true;
    });
    const end = (): void => {
      this.#connections.delete(connection);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.on("error", end);
    near.on("close", end);
    far.on("close", () => {
      connection.isFarOver = true;
    });
  }

  /** Passes on what the time since the last call allows, in turns. */
  #pass(): void {
    const nowMs = performance.now();
    const elapsedMs = nowMs - this.#tickedMs;
    this.#tickedMs = nowMs;
    // What was not used is not saved up, but for a few ticks: timers are late.
    this.#credit = Math.min(this.#credit + elapsedMs * this.#bytesPerMs, 10 * TICK_MS * this.#bytesPerMs);
    for (let isMoving = true; isMoving; ) {
      isMoving = false;
      for (const connection of this.#connections) isMoving = this.#passOne(connection) || isMoving;
    }
  }

  /** Up to a packet of one connection. */
  #passOne(connection: RelayedConnection): boolean {
    const { near, far, queue } = connection;
    const chunk = queue.shift();
    if (chunk === undefined) {
      if (connection.isFarOver) near.end();
      return false;
    }
    const isUnlimited = this.#bytesPerMs === Number.POSITIVE_INFINITY;
    const length = isUnlimited ? chunk.length : Math.min(chunk.length, 1448, Math.floor(this.#credit));
    if (length <= 0) {
      queue.unshift(chunk);
      return false;
    }
    near.write(chunk.subarray(0, length));
    if (length < chunk.length) queue.unshift(chunk.subarray(length));
    connection.queuedBytes -= length;
    if (!isUnlimited) this.#credit -= length;
    if (connection.queuedBytes <= QUEUED_BYTES) far.resume();
    return true;
  }
}
