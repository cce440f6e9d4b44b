/** An ingest node from its options to its end: edge, listeners, and what to paste into an encoder. */
import type { Platform } from "../core/kit/clock.ts";
import type { IngestOptions } from "./cli/ingest-options.ts";
import { createEdgeAuthorizer } from "./ingest-node/edge-authorizer.ts";
import { IngestNode } from "./ingest-node/ingest-node.ts";
import { startRtmpListener } from "./ingest-node/rtmp-listener.ts";
import type { SenderConnection, SenderListener } from "./ingest-node/sender-connection.ts";
import { startSrtListener } from "./ingest-node/srt-listener.ts";
import { errorMessage, UsageError } from "./kit/errors.ts";
import type { OriginLog } from "./kit/log.ts";
import { findPassphrase, type IngestEdge, startLocalIngestEdge } from "./local-edge/local-edge.ts";
import { Transcoder } from "./packager/transcoder.ts";

/** Latency that SRT proposes, milliseconds: three round trips of 50 ms and some, in which lost packets are repaired. */
const SRT_LATENCY_MS = 200;

/** Ports that are open. */
interface IngestPorts {
  readonly rtmp: number;
  readonly rtmps: number | null;
  /** Null without a way to look passphrases up. */
  readonly srt: number | null;
}

/** Runs an ingest node until `stop` aborts. Throws the errors of `errors.ts`. */
export async function runIngest(
  options: IngestOptions,
  log: OriginLog,
  stop: AbortSignal,
  platform: Platform,
): Promise<void> {
  const edge = options.edge === null ? await startOwnEdge(options, log, platform) : remoteEdge(options.edge, platform);
  const listeners: SenderListener[] = [];
  const { preset, windowS, reconnectMs, transcode } = options;
  const { mode } = transcode;
  const node = new IngestNode({
    authorize: createEdgeAuthorizer({ edge: edge.url, publisher: edge.publisher }, platform.clock),
    packaging: { partMs: preset.partMs, segmentMs: preset.segmentMs, windowS },
    transcoder: mode === "never" ? null : new Transcoder({ ...transcode, mode, preset }),
    ...{ reconnectMs, log, platform },
  });
  try {
    const ports = await openListeners(options, edge, node, { log, platform, listeners });
    for (const line of describeAddresses(options, edge, ports)) log.info(line);
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
    log.info("Ending the broadcasts.");
  } finally {
    await node.close();
    await Promise.all(listeners.map((listener) => listener.close()));
    await edge.stop();
  }
}

async function startOwnEdge(options: IngestOptions, log: OriginLog, platform: Platform): Promise<IngestEdge> {
  log.info(`Starting the edge on port ${options.port}.`);
  return startLocalIngestEdge(options.stream, options.port, options.dataDir, log, platform);
}

function remoteEdge({ url, token }: NonNullable<IngestOptions["edge"]>, { newId }: Platform): IngestEdge {
  return { url, token, publisher: newId(), key: null, stop: () => Promise.resolve() };
}

/** Opens the listeners, in order; `listeners` has those that are open, even if the next one fails. */
async function openListeners(
  options: IngestOptions,
  edge: IngestEdge,
  node: IngestNode,
  { log, platform, listeners }: { log: OriginLog; platform: Platform; listeners: SenderListener[] },
): Promise<IngestPorts> {
  const { host, rtmpHost, rtmpPort, rtmps, srtPort } = options;
  const onSender = (connection: SenderConnection): void => {
    node.admit(connection).catch((error: unknown) => log.error(`Internal error: ${errorMessage(error)}`));
  };
  const open = async (
    flag: string,
    at: string,
    port: number,
    start: () => Promise<SenderListener>,
  ): Promise<number> => {
    const listener = await start().catch((cause: unknown) => {
      throw new UsageError(describePortError(flag, at, port, cause), { cause });
    });
    listeners.push(listener);
    return listener.port;
  };
  const rtmp = await open("--rtmp-port", rtmpHost, rtmpPort, () =>
    startRtmpListener({ host: rtmpHost, port: rtmpPort, tls: null, platform, onSender }),
  );
  const secure =
    rtmps === null
      ? null
      : await open("--rtmps-port", host, rtmps.port, () =>
          startRtmpListener({ host, port: rtmps.port, tls: rtmps, platform, onSender }),
        );
  const { token } = edge;
  if (token === null) {
    log.warn("SRT is off: it needs the edge's ingest token (--ingest-token, or CORRAL_INGEST_TOKEN).");
    return { rtmp, rtmps: secure, srt: null };
  }
  const { clock } = platform;
  const srt = await open("--srt-port", host, srtPort, () =>
    startSrtListener({
      ...{ host, port: srtPort, clock, latencyMs: SRT_LATENCY_MS, release: "in-order", onSender },
      resolvePassphrase: (stream, keyId, address) =>
        findPassphrase({ edge: edge.url, token }, { stream, keyId, address }, clock),
    }),
  );
  if (rtmpHost !== host) log.info(`Plain RTMP stays on ${rtmpHost}: it sends the key in clear (--allow-rtmp).`);
  return { rtmp, rtmps: secure, srt };
}

function describePortError(flag: string, host: string, port: number, cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "EADDRINUSE") return `Port ${port} on ${host} is in use; choose another with ${flag}.`;
  if (code === "EACCES") return `Port ${port} on ${host} is not permitted; choose another with ${flag}.`;
  return `Port ${port} on ${host} cannot be opened: ${errorMessage(cause)}.`;
}

/** What to paste into an encoder, and where to watch. */
function describeAddresses({ stream, host, rtmpHost }: IngestOptions, edge: IngestEdge, ports: IngestPorts): string[] {
  const { key } = edge;
  const shown = (address: string): string => (address.includes(":") ? `[${address}]` : address);
  const reachable = (address: string): string => (/^(0\.0\.0\.0|::)$/.test(address) ? "THIS-HOST" : shown(address));
  const [, keyId = "KEY-ID", passphrase = "PASSPHRASE"] = /^corral_([^_]+)_(.+)$/.exec(key ?? "") ?? [];
  const srt = `srt://${reachable(host)}:${ports.srt}?streamid=${stream}/${keyId}&passphrase=${passphrase}&pbkeylen=16`;
  return [
    `OBS, Settings > Stream > Custom:  Server      rtmp://${reachable(rtmpHost)}:${ports.rtmp}/live/${stream}`,
    ...(ports.rtmps === null
      ? []
      : [`        or by TLS:                Server      rtmps://${reachable(host)}:${ports.rtmps}/live/${stream}`]),
    `                                  Stream key  ${key ?? `a key of ${stream}`}`,
    "                                  and keyframe interval 2 s in Settings > Output",
    ...(ports.srt === null ? [] : [`SRT:    ${srt}`]),
    `Watch:  ${edge.url}/watch/${stream}`,
  ];
}
