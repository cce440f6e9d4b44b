/** HTTP as the checker needs it: kept-alive connections, no redirects, times of the first and the last byte. */
import { connect } from "node:tls";
import { gunzipSync } from "node:zlib";
import { Agent, request } from "undici";
import type { Exchange } from "./model.ts";

/** Bounds on what a server may do to the checker. */
const CHECKER_LIMITS = {
  /** A larger body is cut off and counts as a failure. */
  bodyBytes: 67_108_864,
  connectMs: 5000,
} as const;

/** Milliseconds since the epoch, finer than `Date.now()` and never going back. */
export const epochNowMs = (): number => performance.timeOrigin + performance.now();

/** Waits. */
export const sleepMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** One run's connections. */
export class CheckerClient {
  readonly #agent = new Agent({
    connections: 128,
    pipelining: 1,
    keepAliveTimeout: 10_000,
    connect: { timeout: CHECKER_LIMITS.connectMs },
  });

  /** Requests `url`; whatever happens is told in the exchange, nothing is thrown. */
  async get(url: string, timeoutMs: number, headers: Record<string, string> = {}): Promise<Exchange> {
    const sentMs = epochNowMs();
    let firstByteMs = sentMs;
    let status = 0;
    let got: Record<string, string> = {};
    const chunks: Uint8Array[] = [];
    try {
      const response = await request(url, {
        dispatcher: this.#agent,
        headers: { "accept-encoding": "gzip", "user-agent": "corral-conformance", ...headers },
        signal: AbortSignal.timeout(timeoutMs),
      });
      status = response.statusCode;
      firstByteMs = epochNowMs();
      got = plainHeaders(response.headers);
      let length = 0;
      for await (const chunk of response.body) {
        const bytes: Uint8Array = chunk;
        if (chunks.length === 0) firstByteMs = epochNowMs();
        length += bytes.byteLength;
        if (length > CHECKER_LIMITS.bodyBytes) throw new Error(`body over ${CHECKER_LIMITS.bodyBytes} bytes`);
        chunks.push(bytes);
      }
      const raw = Buffer.concat(chunks);
      const body =
        got["content-encoding"] === "gzip" ? gunzipSync(raw, { maxOutputLength: CHECKER_LIMITS.bodyBytes }) : raw;
      return { url, sentMs, firstByteMs, doneMs: epochNowMs(), status, headers: got, body };
    } catch (error) {
      const failure = describeError(error, timeoutMs);
      return { url, sentMs, firstByteMs, doneMs: epochNowMs(), status, headers: got, body: new Uint8Array(), failure };
    }
  }

  /** Closes the connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
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

/** What TLS and ALPN a server settles on; null for plain HTTP or where it can't be found out. */
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
