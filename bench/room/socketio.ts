/** A chat room as in socket.io's own guide: WebSocket transport, one room, one broadcast a message. */
import { createServer } from "node:http";
import { Server } from "socket.io";
import { systemPlatform } from "../../core/kit/system-platform.ts";

/** Starts the server at a port; returns the function that stops it. */
export async function startSocketIo(port: number): Promise<() => Promise<void>> {
  const http = createServer();
  const io = new Server(http, { transports: ["websocket"], serveClient: false, perMessageDeflate: false });
  let offset = 0;
  io.on("connection", (socket) => {
    void socket.join("room");
    socket.on("chat", (text: unknown, acknowledge: (answer: object) => void) => {
      offset += 1;
      const by = { subject: "someone", name: "someone", roles: [] };
      io.to("room").emit("chat", { kind: "chat", by, text, offset, atMs: systemPlatform.clock.nowMs() });
      acknowledge({ ok: true });
    });
  });
  await new Promise<void>((resolve) => {
    http.listen({ port, host: "127.0.0.1", backlog: 4_096 }, resolve);
  });
  return () => io.close();
}
