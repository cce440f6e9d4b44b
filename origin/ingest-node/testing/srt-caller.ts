/** A caller on a socket of its own, for tests of the listener. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type TestSenderOptions, TestSrtSender } from "../../../core/ingest/srt/testing.ts";
import { nodeSrtCrypto } from "../srt-crypto.ts";
import { wrapTestKey } from "./wrap-key.ts";

/** Speaks to a listener on 127.0.0.1. Its handshake is right unless the options change it. */
export class TestSrtCaller {
  readonly sender: TestSrtSender;
  readonly #socket: Socket;
  readonly #port: number;
  readonly #received: Buffer[] = [];
  #wake: () => void = () => {};

  constructor(socket: Socket, port: number, options: Partial<TestSenderOptions>) {
    this.sender = new TestSrtSender({
      crypto: nodeSrtCrypto,
      wrapKey: wrapTestKey,
      streamId: "demo/k100000000",
      passphrase: "a passphrase",
      ...options,
    });
    this.#socket = socket;
    this.#port = port;
    socket.on("message", (bytes) => {
      this.#received.push(bytes);
      this.#wake();
    });
  }

  /** Sends a datagram. */
  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#port, "127.0.0.1");
  }

  /** The next datagram of the listener. */
  async next(): Promise<Buffer> {
    for (;;) {
      const bytes = this.#received.shift();
      if (bytes !== undefined) return bytes;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends the two handshakes. Returns the type in the answer to the second one. */
  async call(): Promise<number> {
    this.sendConclusion(await this.induce());
    return this.readAnswer();
  }

  /** The answer to the first handshake. */
  async induce(): Promise<Buffer> {
    this.send(this.sender.makeInduction());
    return this.next();
  }

  /** Sends the second handshake. */
  sendConclusion(answer: Buffer): void {
    this.send(this.sender.makeConclusion(answer));
  }

  /** The type of the next handshake. */
  async readAnswer(): Promise<number> {
    const answer = this.sender.readHandshake(await this.next());
    this.sender.peerSocketId = answer?.socketId ?? 0;
    return answer?.type ?? -1;
  }
}

/** Opens a caller to a port. `close` frees its socket. */
export async function openTestCaller(
  port: number,
  options: Partial<TestSenderOptions>,
): Promise<{ readonly caller: TestSrtCaller; readonly close: () => Promise<void> }> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const close = (): Promise<void> => new Promise((resolve) => socket.close(() => resolve()));
  return { caller: new TestSrtCaller(socket, port, options), close };
}
