/** A server before an edge whose pages arrive in pieces, each when it is asked for: what a viewer with a poor link sees of them. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Headers of one connection, or of a body as it was sent. */
const OWN_HEADERS = new Set(["content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive"]);

/** Serves what the edge at `target` serves. */
export class DocumentPieces {
  readonly #target: string;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });
  #rest: string[] = [];
  #document: ServerResponse | null = null;

  constructor(target: string) {
    this.#target = target;
  }

  /** Starts it, and returns its address. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sends the next element of the document's body; false: there are no more, and the document's end is still to come. */
  sendNext(): boolean {
    const piece = this.#rest.shift();
    if (piece !== undefined) this.#document?.write(piece);
    return piece !== undefined;
  }

  /** Sends the document's end. */
  sendEnd(): void {
    this.#document?.end();
    this.#document = null;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await fetch(this.#target + request.url, { redirect: "manual" });
    const headers = [...answer.headers].filter(([name]) => !OWN_HEADERS.has(name));
    response.writeHead(answer.status, Object.fromEntries(headers));
    if (request.headers["sec-fetch-dest"] !== "document") {
      response.end(await answer.bytes());
      return;
    }
    // Where scripts run, it holds text, not elements.
    const html = (await answer.text()).replaceAll(/<noscript>.*?<\/noscript>/gs, "");
    const bodyAt = html.indexOf("<body");
    const [first = "", ...rest] = html.slice(bodyAt).split(/(?=<[a-z])/);
    this.#rest = rest;
    this.#document = response;
    response.write(html.slice(0, bodyAt) + first);
  }
}
