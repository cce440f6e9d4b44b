/** WHIP's signalling by HTTP: requests parsed, bodies within their limit, results as responses. */
import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import type { ProblemName } from "../../core/api/problem-names.ts";
import { retryAfterOf } from "../../core/api/problem-responses.ts";
import { createProblem } from "../../core/api/problems.ts";
import { WHIP_LIMITS } from "../../core/ingest/whip/limits.ts";
import {
  SDP_FRAGMENT_MEDIA_TYPE,
  SDP_MEDIA_TYPE,
  WHIP_EDGE_TOKEN_HEADER,
  WHIP_SENDER_ADDRESS_HEADER,
  WHIP_SESSION_PATTERN,
} from "../../core/ingest/whip/whip-api.ts";
import { parseStreamName } from "../../core/kit/ids.ts";
import { WHIP_LISTENER_LIMITS } from "./whip-limits.ts";
import { entityTag, type WhipCaller, type WhipResult, type WhipSessions } from "./whip-sessions.ts";

/** What the server needs. */
export interface WhipHttpOptions {
  readonly host: string;
  readonly port: number;
  /** The edge's secret: a request with it tells its sender's address. Null: no request does. */
  readonly edgeToken: () => string | null;
  readonly sessions: WhipSessions;
}

const PATH = /^\/whip\/([^/?]{1,64})(?:\/([^/?]{1,64}))?$/;
/** Longest bearer: a publish token has under 2 kB. */
const MAX_KEY_CHARS = 4_096;

/** See the file's first line. */
export class WhipHttpServer {
  readonly #options: WhipHttpOptions;
  readonly #server: Server;

  private constructor(options: WhipHttpOptions) {
    this.#options = options;
    const { requestMs, requestCheckMs, httpConnections } = WHIP_LISTENER_LIMITS;
    const timeouts = { headersTimeout: requestMs, requestTimeout: requestMs };
    this.#server = createServer({ ...timeouts, connectionsCheckingInterval: requestCheckMs }, (request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.maxConnections = httpConnections;
  }

  /** Opens the port. Rejects if it cannot be bound. */
  static async open(options: WhipHttpOptions): Promise<WhipHttpServer> {
    const http = new WhipHttpServer(options);
    http.#server.listen({ host: options.host, port: options.port });
    await once(http.#server, "listening");
    // A failed accept, for want of descriptors, concerns that connection only.
    http.#server.on("error", () => {});
    return http;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : this.#options.port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, name = "", session] = PATH.exec(request.url ?? "") ?? [];
    const stream = parseStreamName(name);
    if (stream === null || (session !== undefined && !WHIP_SESSION_PATTERN.test(session))) {
      refuse(response, "not-found");
      return;
    }
    const methods = session === undefined ? ["POST"] : ["PATCH", "DELETE"];
    const method = request.method ?? "";
    if (method === "OPTIONS" || !methods.includes(method)) {
      response.setHeader("allow", [...methods, "OPTIONS"].join(", "));
      if (session === undefined) response.setHeader("accept-post", SDP_MEDIA_TYPE);
      if (method === "OPTIONS") response.writeHead(204).end();
      else refuse(response, "method-not-allowed");
      return;
    }
    const key = /^Bearer +([!-~]+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (key === undefined || key.length > MAX_KEY_CHARS) {
      refuse(response, "key-missing");
      return;
    }
    const caller: WhipCaller = { stream, key, remoteAddress: this.#senderAddress(request) };
    const result = await this.#handle(request, response, caller, session);
    if (result !== null) writeResult(response, result, caller);
  }

  /** The result of a request whose method fits its address; null if it is answered. */
  async #handle(
    request: IncomingMessage,
    response: ServerResponse,
    caller: WhipCaller,
    session: string | undefined,
  ): Promise<WhipResult | null> {
    const { sessions } = this.#options;
    if (request.method === "DELETE") return sessions.end(caller, session ?? "");
    const expected = session === undefined ? SDP_MEDIA_TYPE : SDP_FRAGMENT_MEDIA_TYPE;
    const mediaType = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
    if (mediaType !== expected) {
      response.setHeader(session === undefined ? "accept-post" : "accept-patch", expected);
      refuse(response, "unsupported-media-type", `Send ${expected}.`);
      return null;
    }
    const body = await readText(request);
    if (body === null) {
      refuse(response, "too-large", `At most ${WHIP_LIMITS.sdpBytes} bytes are accepted here.`);
      return null;
    }
    return session === undefined
      ? sessions.offer(caller, body)
      : sessions.patch(caller, session, body, request.headers["if-match"] ?? null);
  }

  /** The connection's address, or the one that the edge tells. */
  #senderAddress({ headers, socket }: IncomingMessage): string {
    const own = (socket.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/, "");
    const [sent, told] = [headers[WHIP_EDGE_TOKEN_HEADER], headers[WHIP_SENDER_ADDRESS_HEADER]];
    const expected = this.#options.edgeToken();
    if (expected === null || typeof sent !== "string" || typeof told !== "string" || isIP(told) === 0) return own;
    return timingSafeEqual(digest(sent), digest(expected)) ? told : own;
  }
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** The body; null if it is beyond the limit. Rejects if the connection breaks. */
async function readText(request: IncomingMessage): Promise<string | null> {
  if (Number(request.headers["content-length"] ?? 0) > WHIP_LIMITS.sdpBytes) return null;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength;
    if (length > WHIP_LIMITS.sdpBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function refuse(response: ServerResponse, name: ProblemName, detail?: string): void {
  writeProblem(response, createProblem(name, detail));
}

function writeProblem(response: ServerResponse, problem: ReturnType<typeof createProblem>): void {
  // The rest of a body is not read.
  response.setHeader("connection", "close");
  const retryAfterS = retryAfterOf(problem);
  if (retryAfterS !== null) response.setHeader("retry-after", retryAfterS);
  response.writeHead(problem.status, { "content-type": "application/problem+json" });
  response.end(`${JSON.stringify(problem)}\n`);
}

function writeResult(response: ServerResponse, result: WhipResult, { stream }: WhipCaller): void {
  switch (result.kind) {
    case "problem":
      writeProblem(response, result.problem);
      return;
    case "done":
      response.writeHead(204).end();
      return;
    case "restarted":
      response.writeHead(200, { "content-type": SDP_FRAGMENT_MEDIA_TYPE, etag: entityTag(result.session) });
      response.end(result.fragment);
      return;
    case "created":
      response.writeHead(201, {
        "content-type": SDP_MEDIA_TYPE,
        location: `/whip/${stream}/${result.session.id}`,
        etag: entityTag(result.session),
        "accept-patch": SDP_FRAGMENT_MEDIA_TYPE,
      });
      response.end(result.answer);
      return;
  }
}
