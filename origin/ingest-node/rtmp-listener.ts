/** Accepts RTMP and RTMPS senders: limits of connections, deadlines, one `RtmpConnection` each. */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { parseNetwork } from "../../core/access/network.ts";
import { type Platform, startInterval } from "../../core/kit/clock.ts";
import { RTMP_CONNECTION_LIMITS, RtmpConnection } from "./rtmp-connection.ts";
import type { SenderConnection, SenderListener } from "./sender-connection.ts";

/** Limits of a listener. A connection beyond one is closed without an answer. */
export const RTMP_LISTENER_LIMITS = {
  /** Connections in all, those that have not published included; these hold at most 64 KiB of incomplete messages. */
  connections: 1_024,
  /** Connections of one network: a studio's encoders, with some that the network still believes open. */
  connectionsPerNetwork: 128,
  /** Period in which deadlines are checked: one timer for all connections. */
  sweepMs: 1_000,
} as const;

/** What a listener needs. */
export interface RtmpListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Certificate chain and key in PEM for RTMPS; null: plain RTMP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly platform: Pick<Platform, "clock" | "random">;
  /** Called with each sender that asks to publish, until `accept` or `refuse`. */
  readonly onSender: (connection: SenderConnection) => void;
}

/** Opens the port. Rejects with the system's error if it cannot be bound, or with that of TLS if the certificate is invalid. */
export async function startRtmpListener(options: RtmpListenerOptions): Promise<SenderListener> {
  const listener = new RtmpListener(options);
  await listener.open();
  return listener;
}

class RtmpListener implements SenderListener {
  readonly #options: RtmpListenerOptions;
  readonly #server: Server;
  /** Never listens: it gets the connections that the limits admit. */
  readonly #tlsServer: TlsServer | null;
  /** Admitted sockets of TCP. */
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<RtmpConnection>();
  /** Connections by network. */
  readonly #counts = new Map<string, number>();
  #stopSweeps: () => void = () => {};

  constructor(options: RtmpListenerOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => this.#admit(socket));
    this.#tlsServer =
      options.tls === null
        ? null
        : createTlsServer({ ...options.tls, handshakeTimeout: RTMP_CONNECTION_LIMITS.publishMs })
            .on("secureConnection", (socket) => this.#connect(socket, "rtmps"))
            .on("tlsClientError", (_error, socket) => socket.destroy());
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : this.#options.port;
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: this.#options.host, port: this.#options.port }, () => {
        this.#server.off("error", reject);
        // A failed accept, for want of descriptors, concerns that connection only.
        this.#server.on("error", () => {});
        resolve();
      });
    });
    this.#stopSweeps = startInterval(this.#options.platform.clock, RTMP_LISTENER_LIMITS.sweepMs, () => {
      for (const connection of this.#connections) connection.checkDeadlines();
    });
  }

  async close(): Promise<void> {
    this.#stopSweeps();
    for (const connection of this.#connections) connection.abort();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** A connection that is too many costs two comparisons. */
  #admit(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    const network = parseNetwork(address) ?? address;
    const count = this.#counts.get(network) ?? 0;
    const { connections, connectionsPerNetwork } = RTMP_LISTENER_LIMITS;
    if (this.#sockets.size >= connections || count >= connectionsPerNetwork) {
      socket.destroy();
      return;
    }
    this.#counts.set(network, count + 1);
    this.#sockets.add(socket);
    // Its connection reports it; during a TLS handshake nobody has to know.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#sockets.delete(socket);
      const left = (this.#counts.get(network) ?? 0) - 1;
      if (left > 0) this.#counts.set(network, left);
      else this.#counts.delete(network);
    });
    if (this.#tlsServer === null) this.#connect(socket, "rtmp");
    else this.#tlsServer.emit("connection", socket);
  }

  #connect(socket: Socket, protocol: "rtmp" | "rtmps"): void {
    const { platform, onSender } = this.#options;
    const remoteAddress = plainAddress(socket.remoteAddress ?? "");
    const connection = new RtmpConnection({ socket, protocol, remoteAddress, platform, onSender });
    this.#connections.add(connection);
    socket.once("close", () => this.#connections.delete(connection));
  }
}

/** An IPv4 address in its own notation where the system gives it mapped into IPv6. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}
