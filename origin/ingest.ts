/** An ingest node from its options to its end: edge, listeners, and what to paste into an encoder. */
import { fileURLToPath } from "node:url";
import type { Platform } from "../core/kit/clock.ts";
import type { IngestOptions } from "./cli/ingest-options.ts";
import { describeIngestSetup } from "./cli/ingest-setup.ts";
import { type EndSignals, joinCluster, waitForEnd } from "./ingest-node/cluster-member.ts";
import { createEdgeAuthorizer } from "./ingest-node/edge-authorizer.ts";
import { IngestNode } from "./ingest-node/ingest-node.ts";
import {
  type IngestPorts,
  listAnnouncedAddresses,
  locateListeners,
  reachableAddresses,
} from "./ingest-node/listener-addresses.ts";
import { LowerLadder } from "./ingest-node/renditions/lower-ladder.ts";
import { type RtmpListenerOptions, startRtmpListener } from "./ingest-node/rtmp-listener.ts";
import { provideCertificate } from "./ingest-node/self-made-certificate.ts";
import type { SenderConnection, SenderListener } from "./ingest-node/sender-connection.ts";
import { SlateLibrary } from "./ingest-node/slate-encoder.ts";
import { startSrtListener } from "./ingest-node/srt-listener.ts";
import { type IngestNodeLoad, startStatusServer } from "./ingest-node/status-server.ts";
import { startWhipListener, type WhipListener } from "./ingest-node/whip-listener.ts";
import { errorMessage, SourceError, UsageError } from "./kit/errors.ts";
import type { OriginLog } from "./kit/log.ts";
import { defaultDataFolder, findPassphrase, type IngestEdge, startLocalIngestEdge } from "./local-edge/local-edge.ts";
import { Transcoder } from "./packager/transcoder.ts";

/** The data folder of a node that publishes to another edge. */
const INGEST_FOLDER = fileURLToPath(new URL("../.corral/ingest", import.meta.url));
/** Latency that SRT proposes, milliseconds: three round trips of 50 ms and some, in which lost packets are repaired. */
const SRT_LATENCY_MS = 200;

/** Runs an ingest node until `stop` aborts. Throws the errors of `errors.ts`. */
export async function runIngest(
  options: IngestOptions,
  log: OriginLog,
  { stop, drain }: EndSignals,
  platform: Platform,
): Promise<void> {
  let admit = (connection: SenderConnection): void => connection.refuse("The server is starting; try again.");
  let edgeToken: string | null = null;
  // Before the edge, which is told its address.
  const whip = await openWhip(options, {
    clock: platform.clock,
    edgeToken: () => edgeToken,
    onSender: (sender) => admit(sender),
  });
  const listeners: SenderListener[] = [whip];
  const edge = await openIngestEdge(options, whip, log, platform).catch(async (error: unknown) => {
    await whip.close();
    throw error;
  });
  edgeToken = edge.token;
  const { preset, windowS, reconnectMs, returnMs, slate, transcode, hasRenditions, hasAac } = options;
  const { mode } = transcode;
  const transcoder = mode === "never" ? null : new Transcoder({ ...transcode, mode, preset, clock: platform.clock });
  const cluster =
    transcoder === null
      ? null
      : joinCluster(transcoder, { dispatch: options.dispatch, edgeToken: edge.token, log, platform });
  const node = new IngestNode({
    authorize: createEdgeAuthorizer({ edge: edge.url, publisher: edge.publisher }, platform.clock),
    packaging: { partMs: preset.partMs, segmentMs: preset.segmentMs, windowS },
    slates: slate === "off" ? null : new SlateLibrary({ picture: slate, log, clock: platform.clock }),
    lower: mode === "auto" && transcoder !== null && hasRenditions ? new LowerLadder(transcoder) : null,
    ...{ hasAac, transcoder, reconnectMs, returnMs, log, platform },
    ...(cluster?.places == null ? {} : { places: cluster.places }),
  });
  admit = (connection) => {
    node.admit(connection).catch((error: unknown) => log.error(`Internal error: ${errorMessage(error)}`));
  };
  try {
    if (transcoder !== null) await prepareTranscoder(transcoder, log);
    if (options.statusPort !== null) {
      const load = (): IngestNodeLoad => ({
        broadcasts: node.broadcastCount,
        transcodes: transcoder?.places.firm ?? 0,
        freePlaces: cluster?.capacity.places ?? 0,
        isDraining: drain.aborted || stop.aborted,
      });
      listeners.push(await startStatusServer(options.host, options.statusPort, load));
    }
    cluster?.client?.start();
    const ports = await openListeners(options, edge, admit, { log, platform, listeners });
    const setup = {
      stream: options.stream,
      key: edge.key,
      edgeUrl: edge.url,
      addresses: locateListeners(options, ports),
    };
    for (const line of describeIngestSetup(setup)) log.info(line);
    log.info(`WHIP:   ${edge.url}/whip/${options.stream}  (media to UDP port ${whip.port}; the key as bearer token)`);
    if (options.edge !== null)
      log.info(`        for which the edge needs CORRAL_WHIP_NODE: this machine's TCP port ${whip.httpPort}`);
    await waitForEnd({ stop, drain }, options.drainMs, platform, () => {
      node.drain();
      cluster?.client?.drain();
      log.info(`No new broadcasts are taken; ${node.broadcastCount} go on for ${options.drainMs / 1000} s at most.`);
      return () => node.broadcastCount === 0;
    });
    log.info("Ending the broadcasts.");
  } finally {
    await node.close();
    await cluster?.client?.close();
    await Promise.all(listeners.map((listener) => listener.close()));
    await edge.stop();
  }
}

/** Opens the listener of WHIP; its signalling is on loopback, where a local edge reaches it. */
function openWhip(
  { host, edge, whip }: IngestOptions,
  rest: Pick<Parameters<typeof startWhipListener>[0], "clock" | "edgeToken" | "onSender">,
): Promise<WhipListener> {
  const announced = listAnnouncedAddresses(host, whip.addresses);
  const http = { httpHost: edge === null ? "127.0.0.1" : host, httpPort: whip.httpPort };
  return startWhipListener({ host, port: whip.port, announced, ...http, ...rest }).catch((cause: unknown) => {
    throw new UsageError(describePortError("--whip-port or --whip-http-port", host, whip.port, cause), { cause });
  });
}

/** Chooses the encoders. Without FFmpeg, senders that are fit are still taken. Throws `UsageError`. */
async function prepareTranscoder(transcoder: Transcoder, log: OriginLog): Promise<void> {
  try {
    const { sentence, isFallback } = await transcoder.prepare();
    log[isFallback ? "warn" : "info"](sentence);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    log.warn(`Nothing can be encoded anew here: ${error.message}`);
  }
}

/** The edge names the listeners to creators; a port that the system chooses is not known yet. */
async function openIngestEdge(
  options: IngestOptions,
  whip: WhipListener,
  log: OriginLog,
  platform: Platform,
): Promise<IngestEdge> {
  if (options.edge !== null) return remoteEdge(options.edge, platform);
  log.info(`Starting the edge on port ${options.port}.`);
  const { rtmpPort, rtmps, srtPort } = options;
  const addresses = locateListeners(options, { rtmp: rtmpPort, rtmps: rtmps?.port ?? null, srt: srtPort });
  const whipNode = `http://127.0.0.1:${whip.httpPort}`;
  return startLocalIngestEdge(options, { addresses, whipNode }, log, platform);
}

function remoteEdge({ url, token }: NonNullable<IngestOptions["edge"]>, { newId }: Platform): IngestEdge {
  return { url, token, publisher: newId(), key: null, stop: () => Promise.resolve() };
}

/** Opens the listeners, in order; `listeners` has those that are open, even if the next one fails. */
async function openListeners(
  options: IngestOptions,
  edge: IngestEdge,
  onSender: (connection: SenderConnection) => void,
  { log, platform, listeners }: { log: OriginLog; platform: Platform; listeners: SenderListener[] },
): Promise<IngestPorts> {
  const { host, rtmpHost, rtmpPort, rtmps, srtPort } = options;
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
  const tls = rtmps === null ? null : (rtmps.tls ?? (await ownCertificate(options, log, platform)));
  const secure =
    rtmps === null
      ? null
      : await open("--rtmps-port", host, rtmps.port, () =>
          startRtmpListener({ host, port: rtmps.port, tls, platform, onSender }),
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

/** The node's own certificate for the addresses at which encoders reach it. */
async function ownCertificate(
  options: IngestOptions,
  log: OriginLog,
  { clock }: Platform,
): Promise<RtmpListenerOptions["tls"]> {
  const { host, port, edge, dataDir } = options;
  const folder = dataDir ?? (edge === null ? defaultDataFolder(port) : INGEST_FOLDER);
  const names = [...new Set(["localhost", "127.0.0.1", "::1", ...reachableAddresses(host)])];
  const { cert, key, fingerprint, file, expiresMs } = await provideCertificate({ folder, names, nowMs: clock.nowMs() });
  log.info(`RTMPS has a certificate of its own, valid until ${new Date(expiresMs).toISOString().slice(0, 10)}.`);
  log.info(`Its SHA-256 fingerprint: ${fingerprint}`);
  log.info(`OBS must trust it: add ${file} to the certificates of its system (docs/obs.md).`);
  return { cert, key };
}

function describePortError(flag: string, host: string, port: number, cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "EADDRINUSE") return `Port ${port} on ${host} is in use; choose another with ${flag}.`;
  if (code === "EACCES") return `Port ${port} on ${host} is not permitted; choose another with ${flag}.`;
  return `Port ${port} on ${host} cannot be opened: ${errorMessage(cause)}.`;
}
