/** Commands of the DevTools protocol over one connection, to Chromium or to the inspector of Node. */
import { WebSocket } from "ws";

/** Time for the connection, and for each command: a collection of a large heap on a busy machine. */
const COMMAND_MS = 30_000;

/** What a command answers. */
export type DevtoolsResult = Readonly<Record<string, unknown>>;

/** See the file's first line. */
export class DevtoolsConnection {
  readonly #socket: WebSocket;
  readonly #commandMs: number;
  readonly #pending = new Map<number, PromiseWithResolvers<DevtoolsResult>>();
  #commands = 0;

  /** Connects to `address`. Throws if that fails, or takes over `commandMs`. */
  static async open(address: string, commandMs: number = COMMAND_MS): Promise<DevtoolsConnection> {
    const socket = new WebSocket(address, { handshakeTimeout: commandMs });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return new DevtoolsConnection(socket, commandMs);
  }

  private constructor(socket: WebSocket, commandMs: number) {
    this.#socket = socket;
    this.#commandMs = commandMs;
    socket.on("message", (data) => this.#onMessage(String(data)));
    socket.on("error", (error) => this.#reject(error));
    socket.on("close", () => this.#reject(new Error("the DevTools connection has ended")));
  }

  /** One command, to a tab with its `session`. Throws its error; also if the connection ends, or it takes too long. */
  async send(method: string, params: object = {}, session?: string): Promise<DevtoolsResult> {
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error("the DevTools connection has ended");
    const id = ++this.#commands;
    const answer = Promise.withResolvers<DevtoolsResult>();
    this.#pending.set(id, answer);
    const late = new Error(`${method} took over ${this.#commandMs} ms`);
    const timer = setTimeout(() => answer.reject(late), this.#commandMs);
    this.#socket.send(JSON.stringify({ id, method, params, ...(session === undefined ? {} : { sessionId: session }) }));
    try {
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  close(): void {
    this.#socket.terminate();
  }

  #onMessage(text: string): void {
    const { id, result, error } = JSON.parse(text) as {
      id?: number;
      result?: DevtoolsResult;
      error?: { message: string };
    };
    const answer = id === undefined ? undefined : this.#pending.get(id);
    if (error !== undefined) answer?.reject(new Error(error.message));
    else answer?.resolve(result ?? {});
  }

  #reject(error: Error): void {
    for (const answer of this.#pending.values()) answer.reject(error);
  }
}
