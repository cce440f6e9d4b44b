/** The room's client on a page: browser sockets, opened by tickets, and timers, and what it tells as events of the view. */
import { RoomClient, type RoomSocket } from "../../../core/room/client/client.ts";
import { ROOM_SUBPROTOCOL, type StaffNote } from "../../../core/room/room-protocol.ts";
import { loadViewerToken } from "../kit/viewer-session.ts";
import { requestRoomTicket } from "./room-ticket.ts";
import type { RoomViewEvent } from "./room-view.ts";

/** Where to connect, as whom, and who is told; `token` is for the time until the tab has a newer one. */
export interface RoomConnectionOptions {
  readonly stream: string;
  readonly token: string | null;
  readonly dispatch: (event: RoomViewEvent) => void;
  readonly onStaffNotes?: (notes: readonly StaffNote[]) => void;
}

/** Opens the room. The client goes on until it is stopped or told never to come back. */
export function connectRoom({ stream, token, dispatch, onStaffNotes }: RoomConnectionOptions): RoomClient {
  const client: RoomClient = new RoomClient({
    openSocket: (current) => browserSocket(stream, current),
    // The page around this one may have given another token since.
    getToken: () => Promise.resolve(loadViewerToken(stream) ?? token),
    schedule: (ms, work) => {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    nowMs: () => Date.now(),
    random: () => Math.random(),
    listener: {
      onWelcome: ({ you, modes, pinned }) => dispatch({ type: "welcomed", you, modes, pinned }),
      onDelivery: (delivery) => {
        dispatch({ type: "delivered", delivery, nowMs: Date.now() + (client.clockAheadMs ?? 0) });
      },
      onCounts: (counts) => dispatch({ type: "counted", counts }),
      onDisconnect: ({ code, reason, againMs }) => {
        dispatch({ type: "disconnected", code, reason, willReconnect: againMs !== null });
      },
      ...(onStaffNotes === undefined ? {} : { onStaffNotes }),
    },
  });
  client.start();
  return client;
}

/** A browser's WebSocket as the client wants it, once the edge has given a ticket for it. */
function browserSocket(stream: string, token: string | null): RoomSocket {
  let socket: WebSocket | null = null;
  let left = false;
  const told: RoomSocket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => socket?.send(text),
    close: (code) => {
      left = true;
      socket?.close(code);
    },
  };
  void requestRoomTicket(stream, token).then((answer) => {
    if (left) return;
    if (!("ticket" in answer)) return told.onclose?.(answer);
    const url = `${location.origin.replace(/^http/, "ws")}/rooms/${stream}/socket`;
    const opened = new WebSocket(url, [ROOM_SUBPROTOCOL, answer.ticket]);
    socket = opened;
    opened.onopen = () => told.onopen?.();
    opened.onmessage = ({ data }: MessageEvent<unknown>) => told.onmessage?.({ data });
    opened.onclose = ({ code, reason }) => told.onclose?.({ code, reason });
  });
  return told;
}
