/** The product's room client in Node, with sockets of `ws` from a chosen local address. */
import { WebSocket } from "ws";
import type { Platform } from "../../core/kit/clock.ts";
import { RoomClient, type RoomListener, type RoomSocket } from "../../core/room/client/client.ts";

/** A client of the room at `url`, with sockets from `localAddress`. */
export function createNodeRoomClient(
  url: string,
  localAddress: string,
  listener: RoomListener,
  { clock, random }: Platform,
): RoomClient {
  return new RoomClient({
    openSocket: () => asClientSocket(new WebSocket(url, { perMessageDeflate: false, localAddress })),
    clock,
    random,
    listener,
  });
}

function asClientSocket(socket: WebSocket): RoomSocket {
  const adapter: RoomSocket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code) => socket.close(code),
  };
  socket.on("open", () => adapter.onopen?.());
  socket.on("message", (data: Buffer, isBinary) => adapter.onmessage?.({ data: isBinary ? data : data.toString() }));
  socket.on("close", (code, reason) => adapter.onclose?.({ code, reason: reason.toString() }));
  // A close follows.
  socket.on("error", () => {});
  return adapter;
}
