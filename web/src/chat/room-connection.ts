/** The room client on a page: browser sockets, opened with tickets, and callbacks as events of the view. */
import type { Platform } from "../../../core/kit/clock.ts";
import { RoomClient, type RoomSocket } from "../../../core/room/client/client.ts";
import { ROOM_SUBPROTOCOL } from "../../../core/room/room-protocol.ts";
import type { StaffNote } from "../../../core/room/staff-messages.ts";
import { loadViewerToken } from "../kit/viewer-session.ts";
import { requestRoomTicket } from "./room-ticket.ts";
import type { RoomViewEvent } from "./room-view.ts";

/** What a page connects with; `token` is used until the tab has a newer one. */
export interface RoomConnectionOptions {
  readonly stream: string;
  readonly token: string | null;
  /** The name of a guest, used where there is no token. */
  readonly guestName?: () => string | null;
  readonly platform: Platform;
  readonly dispatch: (event: RoomViewEvent) => void;
  readonly onStaffNotes?: (notes: readonly StaffNote[]) => void;
}

/** Connects to the room, until the client is stopped or a close forbids reconnecting. */
export function connectRoom(options: RoomConnectionOptions): RoomClient {
  const { stream, token, guestName = () => null, platform, dispatch, onStaffNotes } = options;
  const { clock, random } = platform;
  const client: RoomClient = new RoomClient({
    openSocket: (current) => browserSocket(stream, current, current === null ? guestName() : null),
    // The embedding page may have set a newer token.
    getToken: () => Promise.resolve(loadViewerToken(stream) ?? token),
    clock,
    random,
    listener: {
      onWelcome: ({ you, modes, pinned }) => dispatch({ type: "welcomed", you, modes, pinned }),
      onDelivery: (delivery) => {
        dispatch({ type: "delivered", delivery, nowMs: clock.nowMs() + (client.clockAheadMs ?? 0) });
      },
      onCounts: (counts) => dispatch({ type: "counted", counts }),
      onDisconnect: ({ code, reason, reconnectDelayMs }) => {
        dispatch({ type: "disconnected", code, reason, willReconnect: reconnectDelayMs !== null });
      },
      ...(onStaffNotes === undefined ? {} : { onStaffNotes }),
    },
  });
  client.start();
  return client;
}

/** A browser WebSocket as a `RoomSocket`; it opens once the edge grants a ticket. */
function browserSocket(stream: string, token: string | null, guest: string | null): RoomSocket {
  let socket: WebSocket | null = null;
  let closed = false;
  const adapter: RoomSocket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => socket?.send(text),
    close: (code) => {
      closed = true;
      socket?.close(code);
    },
  };
  void requestRoomTicket(stream, token, guest).then((result) => {
    if (closed) return;
    if (!("ticket" in result)) return adapter.onclose?.(result);
    const url = `${location.origin.replace(/^http/, "ws")}/rooms/${stream}/socket`;
    const opened = new WebSocket(url, [ROOM_SUBPROTOCOL, result.ticket]);
    socket = opened;
    opened.onopen = () => adapter.onopen?.();
    opened.onmessage = ({ data }: MessageEvent<unknown>) => adapter.onmessage?.({ data });
    opened.onclose = ({ code, reason }) => adapter.onclose?.({ code, reason });
  });
  return adapter;
}
