/** The WHIP listener: signalling by HTTP, and one UDP port for the media of all senders. */
import type { Clock } from "../../core/kit/clock.ts";
import type { SenderConnection, SenderListener } from "./sender-connection.ts";
import { WhipHttpServer } from "./whip-http.ts";
import { WhipSessions } from "./whip-sessions.ts";
import { WhipSocket } from "./whip-socket.ts";
import { createWhipCertificate } from "./whip-transport.ts";

/** What a listener needs. */
export interface WhipListenerOptions {
  /** IP address and UDP port of media; port 0: any free one. */
  readonly host: string;
  readonly port: number;
  /** IP addresses that senders are told to send media to, the preferred one first. */
  readonly announced: readonly string[];
  /** IP address and TCP port of signalling; port 0: any free one. */
  readonly httpHost: string;
  readonly httpPort: number;
  /** The edge's secret: a request with it tells its sender's address. Null: no request does. */
  readonly edgeToken: () => string | null;
  readonly clock: Clock;
  /** Decides by `accept` or `refuse`, within 8 s. */
  readonly onSender: (sender: SenderConnection) => void;
}

/** A listener that is open. `port` is that of media. */
export interface WhipListener extends SenderListener {
  readonly httpPort: number;
}

/** Opens both ports. Rejects with the system's error if one cannot be bound. */
export async function startWhipListener(options: WhipListenerOptions): Promise<WhipListener> {
  const { host, port, httpHost, httpPort, edgeToken, clock, announced, onSender } = options;
  const socket = await WhipSocket.open(host, port);
  try {
    const certificate = await createWhipCertificate();
    const sessions = new WhipSessions({ certificate, socket, announced, clock, onSender });
    const http = await WhipHttpServer.open({ host: httpHost, port: httpPort, edgeToken, sessions });
    return {
      port: socket.port,
      httpPort: http.port,
      close: async () => {
        sessions.close();
        await Promise.all([http.close(), socket.close()]);
      },
    };
  } catch (error) {
    await socket.close();
    throw error;
  }
}
