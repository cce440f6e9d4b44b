/** Viewers of a real room on this machine: the product's own client over this runtime's sockets. */
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { RoomClient, type RoomSocket } from "../../../core/room/client/client.ts";

const ROOM = "model";
/** Concurrently opening sockets. */
const CONCURRENT_OPENS = 20;
/** A socket that is not open within this time has failed. */
const OPEN_MS = 30_000;

/** Parameters of an audience. */
export interface ModelAudienceOptions {
  /** The edge, like `http://127.0.0.1:8787`. */
  readonly url: string;
  readonly viewers: number;
  /** The number of them with an account, and its roles. */
  readonly writers: number;
  readonly roles: readonly string[];
  readonly playing: boolean;
}

/** A connected audience. */
export class ModelAudience {
  readonly clients: readonly RoomClient[];
  readonly #sockets: readonly CountedSocket[];

  private constructor(clients: readonly RoomClient[], sockets: readonly CountedSocket[]) {
    this.clients = clients;
    this.#sockets = sockets;
  }

  /** Connects everybody and waits for the welcomes; clients with an account are first. Rejects if a viewer is not welcomed. */
  static async connect({ url, viewers, writers, roles, playing }: ModelAudienceOptions): Promise<ModelAudience> {
    const sockets: CountedSocket[] = [];
    const clients: RoomClient[] = [];
    for (let first = 0; first < viewers; first += CONCURRENT_OPENS) {
      const some = Array.from({ length: Math.min(CONCURRENT_OPENS, viewers - first) }, async (_, place) => {
        const index = first + place;
        // Without a token a viewer counts only with a device key of a page.
        const known = index < writers || playing;
        const token = known ? await tokenOf(url, `viewer-${index}`, index < writers ? roles : []) : "";
        const query = token === "" ? "" : `?token=${token}`;
        const socket = new CountedSocket(`${url.replace("http", "ws")}/rooms/${ROOM}/socket${query}`);
        const client = await connectClient(socket);
        if (playing) client.setPlaying(true);
        return { socket, client };
      });
      for (const { socket, client } of await Promise.all(some)) {
        sockets.push(socket);
        clients.push(client);
      }
    }
    return new ModelAudience(clients, sockets);
  }

  /** Received frames and characters of all; heartbeat replies are not included. */
  get received(): { readonly frames: number; readonly chars: number } {
    return this.#sockets.reduce(
      (sum, { frames, chars }) => ({ frames: sum.frames + frames, chars: sum.chars + chars }),
      { frames: 0, chars: 0 },
    );
  }

  /** Sends a text on each socket, bypassing its client. */
  sendAll(text: string): void {
    for (const socket of this.#sockets) socket.send(text);
  }

  /** Disconnects everybody. */
  disconnect(): void {
    for (const client of this.clients) client.stop();
  }
}

/** A socket that counts received frames. */
class CountedSocket implements RoomSocket {
  onopen: RoomSocket["onopen"] = null;
  onmessage: RoomSocket["onmessage"] = null;
  onclose: RoomSocket["onclose"] = null;
  frames = 0;
  chars = 0;
  readonly #socket: WebSocket;

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#socket.onopen = () => this.onopen?.();
    this.#socket.onclose = ({ code, reason }) => this.onclose?.({ code, reason });
    this.#socket.onmessage = ({ data }) => {
      if (typeof data === "string" && data.startsWith("{")) {
        this.frames += 1;
        this.chars += data.length;
      }
      this.onmessage?.({ data });
    };
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(code?: number): void {
    this.#socket.close(code);
  }
}

async function tokenOf(url: string, sub: string, roles: readonly string[]): Promise<string> {
  const body = JSON.stringify({ room: ROOM, sub, roles });
  const answer = await fetch(`${url}/dev/token`, { method: "POST", body });
  return ((await answer.json()) as { token: string }).token;
}

function connectClient(socket: CountedSocket): Promise<RoomClient> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("a viewer was not welcomed")), OPEN_MS);
    const client = new RoomClient({
      openSocket: () => socket,
      clock: systemPlatform.clock,
      random: systemPlatform.random,
      listener: {
        onWelcome: () => {
          clearTimeout(late);
          resolve(client);
        },
      },
    });
    client.start();
  });
}
