/** `--status-port`: whether the node takes new broadcasts, and its load, for an orchestrator and Prometheus. */
import { createServer } from "node:http";
import { UsageError } from "../kit/errors.ts";
import type { SenderListener } from "./sender-connection.ts";

/** What the node tells. */
export interface IngestNodeLoad {
  readonly broadcasts: number;
  readonly transcodes: number;
  readonly freePlaces: number;
  readonly isDraining: boolean;
}

/** Answers `GET /ready` and `GET /metrics`. Rejects if the port cannot be opened. */
export async function startStatusServer(
  host: string,
  port: number,
  load: () => IngestNodeLoad,
): Promise<SenderListener> {
  const server = createServer((request, response) => {
    const answer = answerStatus(request.method ?? "", request.url ?? "", load());
    response.writeHead(answer.status, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(answer.text);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new UsageError(`--status-port ${port} cannot be opened: ${cause.message}.`)),
    );
    server.listen(port, host, () => resolve());
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close: () => new Promise((resolve) => void server.close(() => resolve()).closeAllConnections()),
  };
}

/** The answer to one request. */
export function answerStatus(
  method: string,
  path: string,
  load: IngestNodeLoad,
): { readonly status: number; readonly text: string } {
  if (method !== "GET" && method !== "HEAD") return { status: 405, text: "Use GET.\n" };
  if (path === "/metrics") return { status: 200, text: renderLoad(load) };
  if (path !== "/ready") return { status: 404, text: "There are /ready and /metrics.\n" };
  return load.isDraining ? { status: 503, text: "draining\n" } : { status: 200, text: "ready\n" };
}

function renderLoad({ broadcasts, transcodes, freePlaces, isDraining }: IngestNodeLoad): string {
  const places = transcodes + freePlaces;
  const gauges: readonly (readonly [name: string, help: string, value: number])[] = [
    ["corral_node_broadcasts", "Broadcasts on the air or waiting for their sender.", broadcasts],
    ["corral_node_transcodes", "Broadcasts that are encoded anew.", transcodes],
    ["corral_node_free_places", "Broadcasts that could be encoded anew besides.", freePlaces],
    ["corral_node_used_ratio", "Share of the places that are used.", places === 0 ? 1 : transcodes / places],
    ["corral_node_draining", "1 while no new broadcast is taken.", isDraining ? 1 : 0],
  ];
  return gauges
    .map(([name, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`)
    .join("");
}
