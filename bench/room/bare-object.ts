/** A Durable Object that only loops over its hibernating sockets: the cost of the platform itself. */
import { convertV4MiniflareOptions, Miniflare } from "miniflare";

/** `TICK_MS` 0: each message is sent at once, as in the platform's examples. */
const SCRIPT = `
import { DurableObject } from "cloudflare:workers";
export class Loop extends DurableObject {
  #events = [];
  #offset = 0;
  fetch() {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }
  webSocketMessage(socket, text) {
    const { id, text: said } = JSON.parse(text);
    this.#offset += 1;
    this.#events.push({ kind: "chat", by: { subject: "someone", name: "someone", roles: [] }, text: said, offset: this.#offset, atMs: Date.now() });
    socket.send(JSON.stringify({ ack: id }));
    if (this.env.TICK_MS === 0) this.#tell();
    else if (this.#events.length === 1) setTimeout(() => this.#tell(), this.env.TICK_MS);
  }
  webSocketClose() {}
  webSocketError() {}
  #tell() {
    const frame = JSON.stringify({ events: this.#events });
    this.#events = [];
    for (const socket of this.ctx.getWebSockets()) socket.send(frame);
  }
}
export default {
  fetch: (request, env) => env.LOOP.getByName(new URL(request.url).pathname).fetch(request),
};`;

/** Starts the server at a port; returns the function that stops it. */
export async function startBareObject(port: number, tickMs: number): Promise<() => Promise<void>> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      workers: [
        {
          name: "bare",
          modules: [{ type: "ESModule", path: "index.js", contents: SCRIPT }],
          compatibilityDate: "2026-11-02",
          bindings: { TICK_MS: tickMs },
          durableObjects: { LOOP: { className: "Loop", useSQLite: true } },
          unsafeDirectSockets: [{ host: "127.0.0.1", port }],
        },
      ],
    } as Parameters<typeof convertV4MiniflareOptions>[0]),
  );
  await miniflare.ready;
  return () => miniflare.dispose();
}
