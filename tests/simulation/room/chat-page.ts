/**
 * A page with the room's chat: the product's client and view, and sockets that it opens as the product's page does, with a
 * ticket, or as native clients do, with the token.
 */
import type { RoomClient, RoomSocket } from "../../../core/room/client/client.ts";
import type { EventDelivery } from "../../../core/room/client/event-inbox.ts";
import type { RoomCounts } from "../../../core/room/events.ts";
import type { RoomView } from "../../../web/src/chat/room-view.ts";
import type { SimulatedResponse } from "../kernel/fetch-types.ts";
import type { SimulatedProcess } from "../kernel/process.ts";
import type { SimulatedWebSocket, SocketClient } from "../kernel/web-sockets.ts";
import type { EdgeRequest, IsolateSlot } from "../media/edge-fleet.ts";
import type { MediaWorld } from "../media/media-world.ts";
import type { ChatCode } from "./chat-part.ts";

/** Who opens the page, and how. */
export interface ChatPageOptions {
  readonly world: MediaWorld;
  readonly chat: ChatCode;
  readonly process: SimulatedProcess;
  readonly stream: string;
  readonly site: string;
  /** The network that requests come from. */
  readonly address: string;
  /** Requests a token, which is null for a viewer without an account; null: the client has no source of tokens. */
  readonly getToken: (() => Promise<string | null>) | null;
  /** The socket is opened with a ticket, as by browsers. */
  readonly usesTicket: boolean;
  /** What the browser keeps between pages. */
  readonly storage: { device: string | null };
  readonly observer: PageObserver;
}

/** Who looks at what a page gets. */
export interface PageObserver {
  /** A welcome has arrived, up to an offset. */
  welcomed(page: ChatPage, epoch: string, to: number): void;
  /** Any frame has arrived; its client has not read it. */
  frame(page: ChatPage, text: string): void;
  delivered(page: ChatPage, delivery: EventDelivery): void;
  closed(page: ChatPage, code: number, reason: string, willReconnect: boolean): void;
}

/** The timeout of a ticket's request, as on the page. */
const TICKET_TIMEOUT_MS = 8_000;

type Dialled =
  | { readonly socket: SimulatedWebSocket; readonly place: string }
  | { readonly code: number; readonly reason: string };

/** One page. */
export class ChatPage {
  readonly options: ChatPageOptions;
  readonly client: RoomClient;
  view: RoomView;
  #slot: IsolateSlot;
  #proof: string | null = null;
  #socket: SimulatedWebSocket | null = null;
  /** Frames of the room have arrived on this connection. */
  isWelcomed = false;
  /** The range of the latest frame, where it is a welcome. */
  welcomeRange: { readonly from: number; readonly to: number } | null = null;
  /** Where delivered events begin, the last of them in order, how many came, and how many were left out. */
  readonly timeline = { from: 0, last: 0, count: 0, omitted: 0 };
  connections = 0;
  isReading = true;
  /** The client may not come back by itself. */
  hasStopped = false;

  constructor(options: ChatPageOptions) {
    const { chat, process, world, site, observer, getToken } = options;
    this.options = options;
    this.view = chat.INITIAL_ROOM_VIEW;
    this.#slot = process.random.pick(world.fleet.slotsAt(site));
    const clock = {
      nowMs: () => process.nowMs(),
      monotonicMs: () => process.simulation.nowMs,
      startTimer: (delayMs: number, callback: () => void) => process.startTimer(delayMs, callback),
    };
    const dispatch = (event: Parameters<ChatCode["reduceRoomView"]>[1]): void => {
      this.view = chat.reduceRoomView(this.view, event);
    };
    this.client = new chat.RoomClient({
      openSocket: (token) => this.#openSocket(token),
      ...(getToken === null ? {} : { getToken }),
      clock,
      random: process.random.fork("client").fraction,
      listener: {
        onWelcome: ({ you, modes, pinned }) => dispatch({ type: "welcomed", you, modes, pinned }),
        onDelivery: (delivery) => {
          observer.delivered(this, delivery);
          dispatch({ type: "delivered", delivery, nowMs: process.nowMs() });
        },
        onCounts: (counts) => dispatch({ type: "counted", counts }),
        onDisconnect: ({ code, reason, reconnectDelayMs }) => {
          this.isWelcomed = false;
          this.hasStopped = reconnectDelayMs === null;
          dispatch({ type: "disconnected", code, reason, willReconnect: reconnectDelayMs !== null });
          observer.closed(this, code, reason, reconnectDelayMs !== null);
        },
      },
    });
  }

  /** The client's position in the room's history. */
  get position(): number {
    const { from, count, omitted } = this.timeline;
    return from + count + omitted;
  }

  get counts(): RoomCounts {
    return this.view.counts;
  }

  /** Sends a text as no client of the product does. */
  sendRaw(text: string): void {
    this.#socket?.sendFromClient(text);
  }

  /** The connection is broken, as by a change of networks. */
  breakConnection(): void {
    this.#socket?.breakConnection();
  }

  #openSocket(token: string | null): RoomSocket {
    let isClosed = false;
    let socket: SimulatedWebSocket | null = null;
    this.connections += 1;
    const adapter: RoomSocket = {
      onopen: null,
      onmessage: null,
      onclose: null,
      send: (text) => socket?.sendFromClient(text),
      close: (code) => {
        isClosed = true;
        this.isWelcomed = false;
        socket?.closeFromClient(code);
      },
    };
    void this.#dial(token).then((dialled) => {
      const { world, process } = this.options;
      if (!("socket" in dialled)) {
        if (!isClosed) adapter.onclose?.(dialled);
        return;
      }
      const opened = dialled.socket;
      const page = this;
      const end: SocketClient = {
        get isReading() {
          return page.isReading;
        },
        onMessage: (text) => {
          if (isClosed) return;
          this.#observe(text);
          adapter.onmessage?.({ data: text });
        },
        onClose: (code, reason) => {
          if (isClosed) return;
          isClosed = true;
          adapter.onclose?.({ code, reason });
        },
      };
      opened.connect(world.network, process, dialled.place, end);
      if (isClosed) return opened.closeFromClient(1000);
      socket = opened;
      this.#socket = opened;
      adapter.onopen?.();
    });
    return adapter;
  }

  #observe(text: string): void {
    if (!text.startsWith("{")) return;
    this.welcomeRange = null;
    if (text.startsWith('{"type":"welcome"')) {
      const [, epoch = "", from, to] = /"epoch":"([^"]*)","from":(\d+),"to":(\d+)/.exec(text) ?? [];
      this.welcomeRange = { from: Number(from), to: Number(to) };
      this.isWelcomed = true;
      this.options.observer.welcomed(this, epoch, Number(to));
    }
    this.options.observer.frame(this, text);
  }

  async #dial(token: string | null): Promise<Dialled> {
    const { usesTicket, stream, process } = this.options;
    const headers: Record<string, string> = { upgrade: "websocket" };
    if (usesTicket) {
      const ticket = await this.#requestTicket(token);
      if (typeof ticket !== "string") return ticket;
      headers["sec-websocket-protocol"] = `corral, ${ticket}`;
    } else if (token !== null) headers["authorization"] = `Bearer ${token}`;
    const slot = this.#slot;
    const answer = await this.#fetch({ path: `/rooms/${stream}/socket`, headers }, null);
    const socket = answer?.webSocket?.server ?? null;
    if (socket !== null) return { socket, place: slot.place };
    process.log(`no socket: ${answer?.status}`);
    return { code: 1006, reason: "" };
  }

  async #requestTicket(token: string | null): Promise<string | { readonly code: number; readonly reason: string }> {
    const first = await this.#postIdentity(token);
    if (first === null) return { code: 1006, reason: "no ticket" };
    let { status, members } = first;
    if (token === null && status === 200 && members["counted"] === false) {
      this.#proof = await this.#requestProof();
      const again = await this.#postIdentity(token);
      if (again === null) return { code: 1006, reason: "no ticket" };
      ({ status, members } = again);
    }
    const { ticket, type } = members;
    if (typeof ticket === "string") return ticket;
    const reason = String(type ?? "").replace(/^\/problems\//, "");
    if (status === 429) return { code: 4429, reason };
    if (status >= 500) return { code: 4503, reason: "5" };
    if (reason === "followers-only") return { code: 4403, reason };
    return { code: reason.startsWith("token-") ? 4401 : 4400, reason };
  }

  async #postIdentity(
    token: string | null,
  ): Promise<{ readonly status: number; readonly members: Readonly<Record<string, unknown>> } | null> {
    const { stream, storage } = this.options;
    const body = JSON.stringify({ device: storage.device, playback: this.#proof });
    const headers: Record<string, string> = { "content-length": String(body.length) };
    if (token !== null) headers["authorization"] = `Bearer ${token}`;
    const answer = await this.#fetch(
      { method: "POST", path: `/rooms/${stream}/ticket`, headers, body },
      TICKET_TIMEOUT_MS,
    );
    const text = await answer?.text().catch(() => null);
    if (answer === null || typeof text !== "string") return null;
    const members = JSON.parse(text) as Record<string, unknown>;
    if (typeof members["device"] === "string") storage.device = members["device"];
    return { status: answer.status, members };
  }

  async #requestProof(): Promise<string | null> {
    const path = `/live/${this.options.stream}/multivariant.m3u8`;
    const answer = await this.#fetch({ path, headers: {} }, TICKET_TIMEOUT_MS);
    return answer?.headers.get("corral-playback") ?? null;
  }

  /** Null: no answer, in time where there is one. */
  #fetch(
    request: EdgeRequest & { readonly headers: object },
    timeoutMs: number | null,
  ): Promise<SimulatedResponse | null> {
    const { world, process, site, address } = this.options;
    const slot = this.#slot;
    return new Promise((resolve) => {
      const cancel = timeoutMs === null ? () => {} : process.startTimer(timeoutMs, () => resolve(null));
      const headers = { ...request.headers, "cf-connecting-ip": address };
      world.fleet.fetch(process, slot, { ...request, headers }).then(
        (response) => {
          cancel();
          resolve(response);
        },
        (error: unknown) => {
          cancel();
          process.log(`${request.path}: ${String(error)}`);
          // The next connection may lead to another isolate of the data centre.
          this.#slot = process.random.pick(world.fleet.slotsAt(site));
          resolve(null);
        },
      );
    });
  }
}
