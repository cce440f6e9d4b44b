/** One broadcast from its options to its end: edge, probe, ladder, source and publisher. */

import { join } from "node:path";
import { createBroadcastId } from "../core/kit/broadcast-id.ts";
import { type Platform, sleep, startInterval } from "../core/kit/clock.ts";
import { createEpochClock } from "../core/kit/epoch-clock.ts";
import type { RoomSocket } from "../core/room/client/client.ts";
import { announceLinks } from "./announce-links.ts";
import type { BroadcastOptions } from "./cli/options.ts";
import { startDemoChat } from "./demo/demo-chat.ts";
import { writeFilm } from "./demo/demo-film.ts";
import type { SourceInput } from "./ingest/input.ts";
import { canToneMap, findFont, listEncoders, probeSource } from "./ingest/probe.ts";
import type { Canvas } from "./ingest/raw-media.ts";
import type { SourceInfo } from "./ingest/source-info.ts";
import { acceptFirstConnection, createSourceOpener, type SourceHandle } from "./ingest/source-opener.ts";
import { errorMessage, type PublishError, SourceError, UsageError } from "./kit/errors.ts";
import type { OriginLog } from "./kit/log.ts";
import { type EdgeAccess, startLocalEdge } from "./local-edge/local-edge.ts";
import { chooseEncoders } from "./packager/choose-encoders.ts";
import { parseEncoders } from "./packager/encode-args.ts";
import { createEncodeJob, describeRendition, partTargetsOf, targetDurationOf } from "./packager/encode-plan.ts";
import type { EncodeJob } from "./packager/encoder.ts";
import { inspectEncoders } from "./packager/encoder-trial.ts";
import { planRenditions } from "./packager/ladder.ts";
import { SourceSupervisor } from "./packager/source-supervisor.ts";
import { announcedTracks } from "./packager/tracks.ts";
import { BroadcastPublisher } from "./publisher/broadcast-publisher.ts";
import { PublishJournal } from "./publisher/journal.ts";
import { startViewerCount } from "./viewer-count.ts";

const STATUS_MS = 2_000;
/** The local edge stays this long after the end of a broadcast. */
const EDGE_LINGER_MS = 700;

/** State shared by all steps of one broadcast. */
interface BroadcastRun {
  readonly options: BroadcastOptions;
  readonly log: OriginLog;
  readonly stop: AbortSignal;
  readonly platform: Platform;
  readonly epochNowMs: () => number;
}

/** Runs a broadcast until its source ends or `stop` aborts. Throws the errors of `errors.ts`. */
export async function runBroadcast(
  options: BroadcastOptions,
  log: OriginLog,
  stop: AbortSignal,
  platform: Platform,
): Promise<void> {
  const run: BroadcastRun = { options, log, stop, platform, epochNowMs: createEpochClock(platform.clock) };
  const starting =
    options.edge === null ? startOwnEdge(run) : Promise.resolve(remoteEdge(options.edge, platform.newId()));
  const [edge, plan] = await Promise.allSettled([starting, planBroadcast(run)]);
  try {
    if (edge.status === "rejected") throw edge.reason;
    if (plan.status === "rejected") throw plan.reason;
    if (stop.aborted) return;
    await publishSource(run, plan.value, edge.value);
  } finally {
    log.setStatus("");
    if (edge.status === "fulfilled") await edge.value.stop();
  }
}

async function startOwnEdge({ options, log, platform }: BroadcastRun): Promise<EdgeAccess> {
  log.info(`Starting the edge on port ${options.port}.`, {
    event: "edge-start",
    port: options.port,
    host: options.host,
  });
  return startLocalEdge(options.stream, options, log, platform);
}

function remoteEdge(edge: NonNullable<BroadcastOptions["edge"]>, publisher: string): EdgeAccess {
  return {
    ...edge,
    publisher,
    journalFolder: null,
    signToken: null,
    networkUrls: [],
    issuesTokens: false,
    stop: () => Promise.resolve(),
  };
}

/** The plan of an encode, and its source. */
interface BroadcastPlan {
  readonly job: EncodeJob;
  readonly kind: SourceInput["kind"];
  readonly open: (signal: AbortSignal) => Promise<SourceHandle>;
}

/** Probes the input, fits the ladder to it, and selects an encoder for each codec. */
async function planBroadcast(run: BroadcastRun): Promise<BroadcastPlan> {
  const { options, log, stop, epochNowMs } = run;
  if (options.input.kind === "live" && options.input.listen)
    log.info(`Waiting for an encoder to push to ${options.input.url}`);
  const mapping = canToneMap(stop);
  const connection = await acceptFirstConnection(options.input, stop);
  const source = connection?.info ?? (await probeSource(options.input, stop));
  if (source.isStill && options.input.kind === "file" && !options.input.loop)
    throw new UsageError(`${options.inputName} is a single picture: add --loop to keep it on air.`);
  for (const warning of source.warnings) log.warn(`${options.inputName}: ${warning}`);
  const job = await fitLadder(run, source);
  const input = await resolveInput(run, source, job.canvas);
  const isHdr = source.video !== null && source.video.transfer !== "sdr";
  const mapsTone = await mapping;
  if (isHdr && !mapsTone)
    log.warn(
      "The source has high dynamic range, which this FFmpeg cannot tone-map (it lacks zscale): colours will be pale.",
    );
  const hasAudio = job.renditions.some(({ kind }) => kind === "audio");
  const open = createSourceOpener(
    { input, source, canvas: job.canvas, hasAudio, canToneMap: mapsTone, log, clock: run.platform.clock, epochNowMs },
    connection,
  );
  return { job, kind: input.kind, open };
}

async function fitLadder({ options, log, stop, platform }: BroadcastRun, source: SourceInfo): Promise<EncodeJob> {
  const listed = listEncoders(stop);
  const renditions = planRenditions(source, options.ladder);
  const { preset, encoder: family } = options;
  const machine = inspectEncoders(parseEncoders(await listed), platform.clock);
  const { encoders, sentence, isFallback } = await chooseEncoders(machine, { renditions, preset, family });
  log.info(`${options.inputName}: ${describeSource(source)} → ${renditions.map(describeRendition).join(", ")}.`);
  log[isFallback ? "warn" : "info"](sentence);
  return createEncodeJob(renditions, preset, encoders);
}

async function resolveInput(run: BroadcastRun, source: SourceInfo, canvas: Canvas | null): Promise<SourceInput> {
  const { input } = run.options;
  if (input.kind === "demo") return prepareDemo(run, input, canvas);
  // A URL whose media has a known end is a recording: read at its own speed.
  if (input.kind === "live" && !input.listen && source.durationS !== null && /^https?:/i.test(input.url)) {
    const { url, format } = input;
    return { kind: "file", url, loop: false, ...(format === undefined ? {} : { format }) };
  }
  return input;
}

/** The demo with its font, and with the files of its film. */
async function prepareDemo(
  { log, stop, platform }: BroadcastRun,
  input: Extract<SourceInput, { kind: "demo" }>,
  canvas: Canvas | null,
): Promise<SourceInput> {
  const font = await findFont(stop);
  if (font === null) {
    log.warn("No font was found (install fonts-dejavu-core and fontconfig): the demo's picture has no clock.");
  }
  if (input.film === null) return { ...input, font };
  try {
    await writeFilm(input.film, canvas ?? input, input.frameRate, platform.newId);
    return { ...input, font };
  } catch (error) {
    log.warn(`The demo film cannot be kept in ${input.film} (${errorMessage(error)}): the test card is shown instead.`);
    return { ...input, film: null, font };
  }
}

/** From the first frame to the stored end. */
async function publishSource(run: BroadcastRun, { job, kind, open }: BroadcastPlan, edge: EdgeAccess): Promise<void> {
  const { options, log, stop, platform } = run;
  const { clock } = platform;
  const { stream, windowS, preset, muxed } = options;
  const id = createBroadcastId(platform);
  const partTargets = partTargetsOf(job.renditions, preset.partMs);
  const targetDurationS = targetDurationOf(job);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  let publisher: BroadcastPublisher | null = null;
  let opening: Promise<void> = Promise.resolve();

  const source = new SourceSupervisor({
    name: options.inputName,
    kind,
    loop: options.input.kind === "file" && options.input.loop,
    open,
    job,
    partTargets,
    targetDurationS,
    muxed,
    log,
    platform,
    epochNowMs: run.epochNowMs,
    onStart: (start) => {
      const { startedAtMs, inits, chunkSource } = start;
      const tracks = announcedTracks(job, inits, partTargets, muxed);
      const config = { broadcast: id, startedAtMs, targetDurationS, windowS, tracks };
      const key = { edge: edge.url, key: edge.key, stream, publisher: edge.publisher };
      const playback = options.playback === null ? {} : { playback: options.playback };
      const warn = (text: string): void => log.warn(text);
      const journal =
        edge.journalFolder === null ? {} : { journal: new PublishJournal(join(edge.journalFolder, id), config, warn) };
      const onFatal = (error: PublishError): void => failed.reject(error);
      const created = new BroadcastPublisher({ ...key, ...playback, ...journal, config, log, onFatal, platform });
      created.useChunkSource(chunkSource);
      publisher = created;
      opening = created.open();
      opening.catch((error: unknown) => failed.reject(error));
      created.firstPart
        .then((first) => announceLinks({ ...options, log, clock }, edge, id, first))
        .catch((error: unknown) => failed.reject(error));
    },
    onOutput: (output) => {
      if (output.kind === "part") log.debug(`out ${output.track} ${output.meta.msn}.${output.meta.part}`);
      publisher?.push(output);
    },
  });

  const onStop = (): void => {
    log.setStatus("");
    log.info("Ending the broadcast.");
    source.stop();
  };
  stop.addEventListener("abort", onStop, { once: true });
  const stopChat = startChat(run, edge);
  const viewers = log.isOnTerminal ? startViewerCount(edge.url, stream, clock) : null;
  const stopInterval = startInterval(clock, STATUS_MS, () =>
    log.setStatus(statusLine(source, publisher, viewers?.current ?? null)),
  );
  const stopStatus = (): void => {
    stopInterval();
    viewers?.stop();
  };
  try {
    const end = await Promise.race([source.run(), failed.promise]);
    stopStatus();
    log.setStatus("");
    const sender = publisher as BroadcastPublisher | null;
    if (sender !== null) {
      await Promise.race([opening.then(() => sender.end()), failed.promise]);
      log.info(endSummary(source, sender), { event: "ended" });
    }
    // Players with a blocked reload get the end of the playlist before the edge stops.
    if (options.edge === null && sender !== null) await sleep(clock, EDGE_LINGER_MS);
    if (end.kind === "failed") throw new SourceError(end.message);
    if (sender === null && end.kind === "ended")
      throw new SourceError(`${options.inputName} ended before its first frame.`);
    stop.removeEventListener("abort", onStop);
    if (end.kind === "ended") await serveRecording(run, edge);
  } finally {
    stopStatus();
    stopChat();
    stop.removeEventListener("abort", onStop);
    source.stop();
    await (publisher as BroadcastPublisher | null)?.close();
  }
}

/** The demo film has its chat; not on an edge that runs elsewhere, where it would be others' room. Returns what ends it. */
function startChat({ options, platform }: BroadcastRun, { url, signToken }: EdgeAccess): () => void {
  const { input, stream } = options;
  if (signToken === null || input.kind !== "demo" || input.film === null) return () => {};
  const room = `${url.replace(/^http/, "ws")}/rooms/${stream}/socket`;
  const openSocket = (token: string): RoomSocket => new WebSocket(`${room}?token=${token}`) as RoomSocket;
  return startDemoChat({ getToken: signToken, openSocket, platform });
}

/** After the end of a file the recording stays available: a local edge needs this process for that. */
async function serveRecording({ options, log, stop, platform }: BroadcastRun, edge: EdgeAccess): Promise<void> {
  log.info(
    `${options.inputName} and the broadcast have ended; the recording is at ${edge.url}/watch/${options.stream}`,
  );
  if (options.edge !== null || stop.aborted) return;
  log.info("The edge serves it until Ctrl-C.");
  await new Promise<void>((resolve) => {
    // A promise alone does not keep the process alive.
    const cancel = startInterval(platform.clock, 3_600_000, () => {});
    stop.addEventListener("abort", () => {
      cancel();
      resolve();
    });
  });
}

function describeSource({ video, audio, durationS }: SourceInfo): string {
  const picture = video === null ? "no video" : `${video.width}×${video.height}`;
  const length = durationS === null ? "live" : `${durationS.toFixed(1)} s`;
  return `${picture}, ${audio === null ? "no audio" : "audio"}, ${length}`;
}

function statusLine(source: SourceSupervisor, publisher: BroadcastPublisher | null, viewers: number | null): string {
  if (publisher === null) return "waiting for the first frame";
  const { mediaMs, sessions } = source.counters();
  const { delayP95Ms, waiting, retries, bytes } = publisher.counters();
  const restarts = sessions > 1 ? `, ${sessions - 1} restart(s)` : "";
  const queue = waiting > 8 ? `, ${waiting} parts waiting` : "";
  const tries = retries > 0 ? `, ${retries} retries` : "";
  const watching = viewers === null ? "" : `, ${viewers} watching`;
  return `${formatClock(mediaMs)} on the air${watching}, ${(bytes / 1e6).toFixed(1)} MB sent, p95 ${delayP95Ms.toFixed(0)} ms to the edge${queue}${tries}${restarts}`;
}

function endSummary(source: SourceSupervisor, publisher: BroadcastPublisher): string {
  const { mediaMs } = source.counters();
  const { parts, bytes, delayP50Ms, delayP95Ms, gapsByOverflow } = publisher.counters();
  const lost = gapsByOverflow > 0 ? `, ${gapsByOverflow} dropped` : "";
  return `Ended after ${formatClock(mediaMs)}: ${parts} parts, ${(bytes / 1e6).toFixed(1)} MB, p50 ${delayP50Ms.toFixed(0)} ms and p95 ${delayP95Ms.toFixed(0)} ms to the edge${lost}.`;
}

function formatClock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
