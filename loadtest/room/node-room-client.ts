/** The product's client of a room in Node, where `ws` opens sockets from an address of choice. */
import { WebSocket } from "ws";
import { RoomClient, type RoomListener, type RoomSocket } from "../../core/room/client/client.ts";

/** A client of the room at `url`, whose sockets come from `localAddress`. */
export function createNodeRoomClient(url: string, localAddress: string, listener: RoomListener): RoomClient {
  return new RoomClient({
    openSocket: () => asClientSocket(new WebSocket(url, { perMessageDeflate: false, localAddress })),
    schedule: (ms, work) => {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    nowMs: () => Date.now(),
    random: () => Math.random(),
    listener,
  });
}

function asClientSocket(socket: WebSocket): RoomSocket {
  const seen: RoomSocket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code) => socket.close(code),
  };
  socket.on("open", () => seen.onopen?.());
  socket.on("message", (data: Buffer, isBinary) => seen.onmessage?.({ data: isBinary ? data : data.toString() }));
  socket.on("close", (code, reason) => seen.onclose?.({ code, reason: reason.toString() }));
  // A close follows.
  socket.on("error", () => {});
  return seen;
}
