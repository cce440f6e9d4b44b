/** HTTP for the checker: kept-alive connections, no redirects, times of the first and the last byte. */
import { connect } from "node:tls";
import { gunzipSync } from "node:zlib";
import { Agent, request } from "undici";
import { type Clock, sleep } from "../../core/kit/clock.ts";
import { startDeadline } from "../../core/kit/deadline.ts";
import { createEpochClock } from "../../core/kit/epoch-clock.ts";
import type { Exchange } from "./model.ts";

/** Limits of a server's responses. */
const CHECKER_LIMITS = {
  /** A larger body is truncated and counts as a failure. */
  bodyBytes: 67_108_864,
  connectMs: 5000,
} as const;

/** The head of an answer, and its body as it arrives. */
export interface TransportAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Makes GET requests. */
export interface Transport {
  /** Rejects with the network's error, or with the signal's reason. */
  get(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<TransportAnswer>;
  close(): Promise<void>;
}

/** HTTP over kept-alive connections. */
export class HttpTransport implements Transport {
  readonly #agent = new Agent({
    connections: 128,
    pipelining: 1,
    keepAliveTimeout: 10_000,
    connect: { timeout: CHECKER_LIMITS.connectMs },
  });

  async get(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<TransportAnswer> {
    const response = await request(url, { dispatcher: this.#agent, headers, signal });
    return { status: response.statusCode, headers: plainHeaders(response.headers), body: response.body };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** One run's requests and its clock. */
export class CheckerClient {
  readonly clock: Clock;
  /** Milliseconds since the epoch, with fractions, never going back. */
  readonly nowMs: () => number;
  readonly #transport: Transport;

  constructor(clock: Clock, transport: Transport) {
    this.clock = clock;
    this.nowMs = createEpochClock(clock);
    this.#transport = transport;
  }

  /** Waits. */
  sleep(ms: number): Promise<void> {
    return sleep(this.clock, Math.max(0, ms));
  }

  /** Requests `url`; failures are part of the exchange, and nothing is thrown. */
  async get(url: string, timeoutMs: number, headers: Record<string, string> = {}): Promise<Exchange> {
    const sentMs = this.nowMs();
    const deadline = startDeadline(this.clock, timeoutMs);
    let firstByteMs = sentMs;
    let status = 0;
    let got: Readonly<Record<string, string>> = {};
    const chunks: Uint8Array[] = [];
    try {
      const sent = { "accept-encoding": "gzip", "user-agent": "corral-conformance", ...headers };
      const answer = await this.#transport.get(url, sent, deadline.signal);
      status = answer.status;
      firstByteMs = this.nowMs();
      got = answer.headers;
      let length = 0;
      for await (const bytes of answer.body) {
        if (chunks.length === 0) firstByteMs = this.nowMs();
        length += bytes.byteLength;
        if (length > CHECKER_LIMITS.bodyBytes) throw new Error(`body over ${CHECKER_LIMITS.bodyBytes} bytes`);
        chunks.push(bytes);
      }
      const raw = Buffer.concat(chunks);
      const body =
        got["content-encoding"] === "gzip" ? gunzipSync(raw, { maxOutputLength: CHECKER_LIMITS.bodyBytes }) : raw;
      return { url, sentMs, firstByteMs, doneMs: this.nowMs(), status, headers: got, body };
    } catch (error) {
      const failure = describeError(error, timeoutMs);
      return { url, sentMs, firstByteMs, doneMs: this.nowMs(), status, headers: got, body: new Uint8Array(), failure };
    } finally {
      deadline.cancel();
    }
  }

  /** Closes the connections. */
  async close(): Promise<void> {
    await this.#transport.close();
  }
}

function plainHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
    ),
  );
}

function describeError(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no whole answer in ${(timeoutMs / 1000).toFixed(1)} s`;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return [code, error.message].filter((text) => text !== "").join(": ") || error.name;
}

/** The TLS and ALPN versions of a server; null for plain HTTP or if unknown. */
export function negotiateTls(url: string): Promise<{ protocol: string; alpn: string } | null> {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "https:") return Promise.resolve(null);
  return new Promise((resolve) => {
    const options = {
      host: hostname,
      port: Number(port || 443),
      servername: hostname,
      ALPNProtocols: ["h2", "http/1.1"],
    };
    const socket = connect(options, () => {
      resolve({ protocol: socket.getProtocol() ?? "unknown", alpn: socket.alpnProtocol || "none" });
      socket.end();
    });
    socket.setTimeout(CHECKER_LIMITS.connectMs, () => socket.destroy(new Error("timeout")));
    socket.on("error", () => resolve(null));
  });
}
