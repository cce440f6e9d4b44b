/**
 * WebSockets between a client's process and an object, or an isolate that only closes them. Messages of one direction stay in
 * order; what a link loses ends the connection, as TCP would: one end or both hear of it, soon or late.
 */
import type { SimulatedProcess } from "./process.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { Simulation } from "./simulation.ts";

/** One direction of a connection whose messages keep their order. */
export interface MessageLane {
  readonly from: string;
  readonly to: string;
  /** When the last message arrives. */
  arrivesMs: number;
}

/** The network, as connections use it. */
export interface MessageCarrier {
  readonly random: SeededRandom;
  /** Sends a message behind the others of its lane. False: it is lost. */
  carryMessage(lane: MessageLane, bytes: number, arrive: () => void): boolean;
}

/** What the client's end gets. */
export interface SocketClient {
  onMessage(text: string): void;
  onClose(code: number, reason: string): void;
  /** It reads what arrives. One that does not answers no close either. */
  readonly isReading: boolean;
}

/** The object at the server's end. */
export interface SocketHost {
  readonly simulation: Simulation;
  readonly place: string;
  /** What the object sends waits for its writes. */
  gate(): Promise<void> | null;
  onSocketMessage(socket: SimulatedWebSocket, text: string): void;
  onSocketClose(socket: SimulatedWebSocket, code: number, reason: string, isError: boolean): void;
}

type ServerItem =
  | { readonly kind: "message"; readonly text: string }
  | { readonly kind: "close"; readonly code: number; readonly reason: string };

interface QueuedItem {
  readonly item: ServerItem;
  gate: Promise<void> | null;
}

/** An end of a broken connection hears of it within this, or, where it is silent, within that. */
const RESET_NOTICED_MS = 2_000;
const SILENCE_NOTICED_MS = { min: 5_000, max: 40_000 } as const;
/** A socket that was accepted, and whose answer never reached its client, is closed within this. */
const UNATTACHED_MS = 15_000;
const ABNORMAL = 1006;

/** The server's end of a connection, as product code has it; the other one of a pair stands for the connection in a response. */
export class SimulatedWebSocket {
  #attachment: string | null = null;
  #host: SocketHost | null = null;
  #place = "";
  #network: MessageCarrier | null = null;
  #process: SimulatedProcess | null = null;
  #client: SocketClient | null = null;
  readonly #queue: QueuedItem[] = [];
  #toClient: MessageLane | null = null;
  #toServer: MessageLane | null = null;
  #isBroken = false;
  /** The server sent its close. */
  #isClosing = false;
  /** The server heard the end. */
  #isOver = false;
  #hasClientClosed = false;
  /** When the platform last answered a heartbeat, in true time. */
  answeredMs: number | null = null;
  /** Of a pair: the end that product code sends with. */
  readonly server: SimulatedWebSocket = this;

  constructor(server?: SimulatedWebSocket) {
    if (server !== undefined) this.server = server;
  }

  // ── product code ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes the socket in an isolate. */
  accept(): void {}

  send(text: string): void {
    if (this.#isClosing || this.#isOver) throw new TypeError("send() after close()");
    this.sendFromServer({ kind: "message", text });
  }

  close(code = 1000, reason = ""): void {
    if (this.#isClosing || this.#isOver) return;
    this.#isClosing = true;
    this.sendFromServer({ kind: "close", code, reason });
  }

  serializeAttachment(value: unknown): void {
    this.#attachment = JSON.stringify(value);
  }

  deserializeAttachment(): unknown {
    return this.#attachment === null ? null : JSON.parse(this.#attachment);
  }

  // ── platform ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether the object still has the socket. */
  get isOpen(): boolean {
    return !this.#isOver;
  }

  /** Whether messages of the object still leave: false once it is broken or closed. */
  get isLive(): boolean {
    return !this.#isOver && !this.#isBroken;
  }

  /** An object takes the socket. */
  acceptBy(host: SocketHost): void {
    this.#host = host;
    host.simulation.after(UNATTACHED_MS, () => {
      if (this.#client === null) this.#endServer(ABNORMAL, "", false);
    });
  }

  /** Sends from the server's end, what the platform answers by itself included. */
  sendFromServer(item: ServerItem): void {
    if (this.#isBroken) return;
    this.#queue.push({ item, gate: this.#host?.gate() ?? null });
    this.#pump();
  }

  /** The server's end has lost the connection: its process is gone. */
  dropByServer(): void {
    this.#isOver = true;
    this.#queue.length = 0;
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#notifyClient(RESET_NOTICED_MS);
  }

  // ── the client ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The client has the connection: the response has arrived. `place`: of the server's end. */
  connect(network: MessageCarrier, process: SimulatedProcess, place: string, client: SocketClient): void {
    this.#network = network;
    this.#process = process;
    this.#place = this.#host?.place ?? place;
    this.#client = client;
    this.#toClient = { from: this.#place, to: process.place, arrivesMs: 0 };
    this.#toServer = { from: process.place, to: this.#place, arrivesMs: 0 };
    if (this.#isOver && this.#host !== null) this.#notifyClient(RESET_NOTICED_MS);
    else {
      process.onEnd(() => this.#vanish());
      this.#pump();
    }
  }

  /** The client sends a text. */
  sendFromClient(text: string): void {
    if (this.#hasClientClosed) return;
    this.#carryToServer(text.length, (host) => host.onSocketMessage(this, text));
  }

  /** The client closes. */
  closeFromClient(code = 1000): void {
    if (this.#hasClientClosed) return;
    this.#hasClientClosed = true;
    this.#carryToServer(0, () => this.#endServer(code, "", false));
  }

  #carryToServer(bytes: number, arrive: (host: SocketHost) => void): void {
    const [network, lane] = [this.#network, this.#toServer];
    if (this.#isBroken || network === null || lane === null) return;
    const isCarried = network.carryMessage(lane, bytes, () => {
      if (!this.#isBroken && !this.#isOver && this.#host !== null) arrive(this.#host);
    });
    if (!isCarried) this.#break();
  }

  #pump(): void {
    const [network, lane] = [this.#network, this.#toClient];
    if (network === null || lane === null) return;
    for (let next = this.#queue[0]; next !== undefined && !this.#isBroken; next = this.#queue[0]) {
      if (next.gate !== null) {
        const { gate } = next;
        const waiting = next;
        void gate.then(() => {
          waiting.gate = null;
          this.#pump();
        });
        return;
      }
      this.#queue.shift();
      const { item } = next;
      const bytes = item.kind === "message" ? item.text.length : 0;
      if (!network.carryMessage(lane, bytes, () => this.#arriveAtClient(item))) this.#break();
    }
  }

  #arriveAtClient(item: ServerItem): void {
    const client = this.#client;
    if (this.#isBroken || client === null || this.#process?.isAlive !== true || !client.isReading) return;
    if (item.kind === "message") {
      if (!this.#hasClientClosed) client.onMessage(item.text);
      return;
    }
    const isAnswer = this.#hasClientClosed;
    this.#hasClientClosed = true;
    if (isAnswer) return;
    client.onClose(item.code, item.reason);
    this.#carryToServer(0, () => this.#endServer(item.code, item.reason, false));
  }

  /** A message was lost: the connection is. Half of the ends do not hear of it for long. */
  #break(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#queue.length = 0;
    const random = this.#network?.random;
    const isSilent = random?.chance(0.5) === true;
    this.#notifyClient(isSilent ? null : RESET_NOTICED_MS);
    this.#notifyServer(random?.chance(0.5) === true);
  }

  /** Breaks the connection from outside. */
  breakConnection(): void {
    this.#break();
  }

  /** The client's process is gone, or its network. */
  #vanish(): void {
    if (this.#isBroken || this.#isOver) return;
    this.#isBroken = true;
    this.#queue.length = 0;
    this.#notifyServer(this.#network?.random.chance(0.4) === true);
  }

  #notifyClient(withinMs: number | null): void {
    const [process, client, network] = [this.#process, this.#client, this.#network];
    if (process === null || client === null || network === null || this.#hasClientClosed) return;
    const { min, max } = SILENCE_NOTICED_MS;
    const delayMs = withinMs === null ? network.random.integer(min, max) : network.random.integer(1, withinMs);
    process.startTimer(delayMs, () => {
      if (this.#hasClientClosed) return;
      this.#hasClientClosed = true;
      client.onClose(ABNORMAL, "");
    });
  }

  #notifyServer(isSilent: boolean): void {
    const [host, network] = [this.#host, this.#network];
    if (host === null || network === null) return;
    const { min, max } = SILENCE_NOTICED_MS;
    const delayMs = isSilent ? network.random.integer(min, max) : network.random.integer(1, RESET_NOTICED_MS);
    const isError = network.random.chance(0.3);
    host.simulation.after(delayMs, () => this.#endServer(ABNORMAL, "", isError));
  }

  #endServer(code: number, reason: string, isError: boolean): void {
    if (this.#isOver) return;
    const host = this.#host;
    // The handler may still answer the close.
    host?.onSocketClose(this, code, reason, isError);
    this.#isOver = true;
  }
}

/** `WebSocketPair`. */
export class SimulatedWebSocketPair {
  readonly 0: SimulatedWebSocket;
  readonly 1: SimulatedWebSocket;

  constructor() {
    this[1] = new SimulatedWebSocket();
    this[0] = new SimulatedWebSocket(this[1]);
  }
}

/** An automatic answer of the platform. */
export class SimulatedRequestResponsePair {
  readonly request: string;
  readonly response: string;

  constructor(request: string, response: string) {
    this.request = request;
    this.response = response;
  }
}
