/** One broadcast from its options to its end: edge, probe, ladder, source and publisher put together. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import type { PartMeta } from "../core/broadcast/broadcast-log.ts";
import { type BroadcastId, parseBroadcastId, type TrackName } from "../core/kit/ids.ts";
import { KeyframeSchedule } from "../core/media/cmaf/keyframes.ts";
import { partTargetFor } from "../core/media/cmaf/packager.ts";
import { partPath } from "../core/media/hls/paths.ts";
import type { BroadcastOptions } from "./cli/options.ts";
import type { SourceInput } from "./ingest/input.ts";
import { canToneMap, findFont, listEncoders, probeSource } from "./ingest/probe.ts";
import type { SourceInfo } from "./ingest/source-info.ts";
import { acceptFirstConnection, createSourceOpener, type SourceHandle } from "./ingest/source-opener.ts";
import { PublishError, SourceError, UsageError } from "./kit/errors.ts";
import type { OriginLog } from "./kit/log.ts";
import { createDevToken, type EdgeAccess, startLocalEdge } from "./local-edge/local-edge.ts";
import { chooseEncoder, ENCODER_PREFERENCES, parseEncoders } from "./packager/encode-args.ts";
import type { EncodeJob } from "./packager/encoder.ts";
import { frameMs, planRenditions, type Rendition, type VideoCodec, type VideoRendition } from "./packager/ladder.ts";
import { SourceSupervisor } from "./packager/source-supervisor.ts";
import { announcedTracks } from "./packager/tracks.ts";
import { PublishJournal } from "./publisher/journal.ts";
import { BroadcastPublisher } from "./publisher/publisher.ts";

/** How long the first part may take to be fetchable once the edge has taken it. */
const FETCHABLE_MS = 5_000;
const STATUS_MS = 2_000;
/** Our own edge stays this long after the end of a broadcast. */
const EDGE_LINGER_MS = 700;

/** Runs a broadcast until its source ends or `stop` aborts. Throws the errors of `errors.ts`. */
export async function runBroadcast(options: BroadcastOptions, log: OriginLog, stop: AbortSignal): Promise<void> {
  const starting = options.edge === null ? startOwnEdge(options, log) : Promise.resolve(remoteEdge(options.edge));
  const [edge, plan] = await Promise.allSettled([starting, planBroadcast(options, log, stop)]);
  try {
    if (edge.status === "rejected") throw edge.reason;
    if (plan.status === "rejected") throw plan.reason;
    if (stop.aborted) return;
    await publishSource(options, plan.value, edge.value, log, stop);
  } finally {
    log.setStatus("");
    if (edge.status === "fulfilled") await edge.value.stop();
  }
}

async function startOwnEdge(options: BroadcastOptions, log: OriginLog): Promise<EdgeAccess> {
  log.info(`Starting the edge on port ${options.port}.`);
  return startLocalEdge(options.stream, options.port, options.dataDir, log);
}

function remoteEdge(edge: NonNullable<BroadcastOptions["edge"]>): EdgeAccess {
  return {
    ...edge,
    publisher: randomBytes(9).toString("base64url"),
    journalFolder: null,
    stop: () => Promise.resolve(),
  };
}

/** What to encode, and where from. */
interface BroadcastPlan {
  readonly job: EncodeJob;
  readonly kind: SourceInput["kind"];
  readonly open: (signal: AbortSignal) => Promise<SourceHandle>;
}

/** Looks at the input, fits the ladder to it, finds an encoder for each codec. */
async function planBroadcast(options: BroadcastOptions, log: OriginLog, stop: AbortSignal): Promise<BroadcastPlan> {
  if (options.input.kind === "live" && options.input.listen)
    log.info(`Waiting for an encoder to push to ${options.input.url}`);
  const mapping = canToneMap(stop);
  const feed = await acceptFirstConnection(options.input, stop);
  const source = feed?.info ?? (await probeSource(options.input, stop));
  if (source.isStill && options.input.kind === "file" && !options.input.loop)
    throw new UsageError(`${options.inputName} is one picture: add --loop to keep it on the air.`);
  for (const warning of source.warnings) log.warn(`${options.inputName}: ${warning}`);
  const input = await resolveInput(options.input, source, log, stop);
  const job = await fitLadder(options, source, log, stop);
  const isHdr = source.video !== null && source.video.transfer !== "sdr";
  const mapsTone = await mapping;
  if (isHdr && !mapsTone)
    log.warn("The source has high dynamic range, which this FFmpeg can't map (it lacks zscale): colours will be pale.");
  const hasSound = job.renditions.some(({ kind }) => kind === "audio");
  const open = createSourceOpener(
    { input, source, canvas: job.canvas, hasAudio: hasSound, canToneMap: mapsTone, log },
    feed,
  );
  return { job, kind: input.kind, open };
}

async function fitLadder(
  options: BroadcastOptions,
  source: SourceInfo,
  log: OriginLog,
  stop: AbortSignal,
): Promise<EncodeJob> {
  const listed = listEncoders(stop);
  const renditions = planRenditions(source, options.ladder);
  const available = parseEncoders(await listed);
  const encoders: Partial<Record<VideoCodec, string>> = {};
  for (const rendition of renditions) {
    if (rendition.kind !== "video") continue;
    const encoder = chooseEncoder(rendition.codec, available);
    if (encoder === null) {
      throw new UsageError(
        `This machine's FFmpeg cannot encode ${rendition.codec} (none of ${ENCODER_PREFERENCES[rendition.codec].join(", ")}); leave ${rendition.name} out of the ladder.`,
      );
    }
    encoders[rendition.codec] = encoder;
  }
  log.info(`${options.inputName}: ${describeSource(source)} → ${renditions.map(describeRendition).join(", ")}.`);
  return createEncodeJob(renditions, options.preset, encoders);
}

/** What is encoded: the largest rendition is the canvas that the others are scaled from. */
export function createEncodeJob(
  renditions: readonly Rendition[],
  preset: EncodeJob["preset"],
  encoders: EncodeJob["encoders"],
): EncodeJob {
  const videos = renditions.filter((each): each is VideoRendition => each.kind === "video");
  const area = ({ width, height }: VideoRendition): number => width * height;
  const canvas = videos.toSorted((a, b) => area(b) - area(a))[0] ?? null;
  const schedule = canvas === null ? null : new KeyframeSchedule(canvas.frameRate, preset.segmentMs);
  return { renditions, canvas, schedule, preset, encoders };
}

async function resolveInput(
  input: SourceInput,
  source: SourceInfo,
  log: OriginLog,
  stop: AbortSignal,
): Promise<SourceInput> {
  if (input.kind === "demo") {
    const font = await findFont(stop);
    if (font === null) {
      log.warn("No font was found (install fonts-dejavu-core and fontconfig): the demo's picture has no clock.");
    }
    return { ...input, font };
  }
  // An address whose media has a known end is a recording: read at its own speed.
  if (input.kind === "live" && !input.listen && source.durationS !== null && /^https?:/i.test(input.url)) {
    const { url, format } = input;
    return { kind: "file", url, loop: false, ...(format === undefined ? {} : { format }) };
  }
  return input;
}

/** From the first frame to the stored end. */
async function publishSource(
  options: BroadcastOptions,
  { job, kind, open }: BroadcastPlan,
  edge: EdgeAccess,
  log: OriginLog,
  stop: AbortSignal,
): Promise<void> {
  const { stream, windowS, preset, muxed } = options;
  const id = createBroadcastId(Date.now());
  const partTargets = partTargetsOf(job.renditions, preset.partMs);
  const targetDurationS = job.schedule?.targetDurationS ?? Math.ceil(preset.segmentMs / 1000);
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
    onStart: (start) => {
      const { startedAtMs, inits } = start;
      const tracks = announcedTracks(job, inits, partTargets, muxed);
      const config = { broadcast: id, startedAtMs, targetDurationS, windowS, tracks };
      const key = { edge: edge.url, key: edge.key, stream, publisher: edge.publisher };
      const playback = options.playback === null ? {} : { playback: options.playback };
      const warn = (text: string): void => log.warn(text);
      const journal =
        edge.journalFolder === null ? {} : { journal: new PublishJournal(join(edge.journalFolder, id), config, warn) };
      const onFatal = (error: PublishError): void => failed.reject(error);
      const created = new BroadcastPublisher({ ...key, ...playback, ...journal, config, log, onFatal });
      publisher = created;
      opening = created.open();
      opening.catch((error: unknown) => failed.reject(error));
      created.firstPart
        .then((first) => announceWatchUrl(options, edge, id, first, log))
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
  const ticker = setInterval(() => log.setStatus(statusLine(source, publisher)), STATUS_MS);
  try {
    const end = await Promise.race([source.run(), failed.promise]);
    clearInterval(ticker);
    log.setStatus("");
    const sender = publisher as BroadcastPublisher | null;
    if (sender !== null) {
      await Promise.race([opening.then(() => sender.end()), failed.promise]);
      log.info(endSummary(source, sender));
    }
    // Players that are parked on the edge get the end of the playlist before the edge goes.
    if (options.edge === null && sender !== null) await sleep(EDGE_LINGER_MS);
    if (end.kind === "failed") throw new SourceError(end.message);
    if (sender === null && end.kind === "ended")
      throw new SourceError(`${options.inputName} ended before its first frame.`);
    stop.removeEventListener("abort", onStop);
    if (end.kind === "ended") await serveRecording(options, edge, log, stop);
  } finally {
    clearInterval(ticker);
    stop.removeEventListener("abort", onStop);
    source.stop();
    await (publisher as BroadcastPublisher | null)?.close();
  }
}

/**
 * The part target of each track. Sound takes the picture's, so that its own frames don't raise the hold-back, which goes
 * by the longest part target of all.
 */
function partTargetsOf(renditions: readonly Rendition[], wishMs: number): Map<TrackName, number> {
  const leader = renditions.find(({ kind }) => kind === "video");
  return new Map(renditions.map((each) => [each.name, partTargetFor(wishMs, frameMs(leader ?? each))]));
}

/** After the end of a file the recording stays: on a remote edge by itself, on our own while we stay. */
async function serveRecording(
  options: BroadcastOptions,
  edge: EdgeAccess,
  log: OriginLog,
  stop: AbortSignal,
): Promise<void> {
  log.info(
    `${options.inputName} ended, and with it the broadcast; the recording stays at ${edge.url}/watch/${options.stream}`,
  );
  if (options.edge !== null || stop.aborted) return;
  log.info("The edge goes on serving it until Ctrl-C.");
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => {}, 3_600_000);
    stop.addEventListener("abort", () => {
      clearInterval(alive);
      resolve();
    });
  });
}

/** Says where to watch, once a viewer would really get the first part. */
async function announceWatchUrl(
  options: BroadcastOptions,
  edge: EdgeAccess,
  id: BroadcastId,
  first: { readonly track: TrackName; readonly meta: PartMeta },
  log: OriginLog,
): Promise<void> {
  const playlist = `${edge.url}/live/${options.stream}/multivariant.m3u8`;
  const part = `${edge.url}/live/${options.stream}/${id}/${first.track}/${partPath(first.meta.msn, first.meta.part)}`;
  const deadline = performance.now() + FETCHABLE_MS;
  let token: string | null = null;
  for (let waitMs = 20; ; waitMs *= 2) {
    const status = await fetchStatus(part, token);
    if (status === 200) break;
    if (status === 401 && token === null) {
      // The stream isn't for everybody: our own edge gives us a token, another one has the part and doesn't show it to us.
      if (options.edge !== null) break;
      token = await createDevToken(edge.url, options.stream, "viewer");
      continue;
    }
    if (performance.now() > deadline) {
      throw new PublishError(`The edge took the first part, but ${part} answers ${status ?? "nothing"}.`);
    }
    await sleep(waitMs);
  }
  log.info(`On the air. Watch:    ${edge.url}/watch/${options.stream}${token === null ? "" : `#token=${token}`}`);
  log.info(`            Playlist: ${playlist}${token === null ? "" : `?token=${token}`}`);
  if (token === null) return;
  const host = await createDevToken(edge.url, options.stream, "host");
  log.info(
    `            Secret:   ${edge.url}/studio/${options.stream}#token=${host} (whoever has this link is the host)`,
  );
}

async function fetchStatus(url: string, token: string | null): Promise<number | null> {
  try {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await request(url, { headers, signal: AbortSignal.timeout(FETCHABLE_MS) });
    await response.body.dump();
    return response.statusCode;
  } catch {
    return null;
  }
}

/** A broadcast id that no other broadcast has: time, then chance. */
export function createBroadcastId(nowMs: number): BroadcastId {
  const chance = BigInt(`0x${randomBytes(6).toString("hex")}`)
    .toString(36)
    .padStart(10, "0");
  const id = parseBroadcastId(`${nowMs.toString(36)}${chance}`);
  if (id === null) throw new Error("unreachable: base 36 makes a broadcast id");
  return id;
}

function describeSource({ video, audio, durationS }: SourceInfo): string {
  const picture = video === null ? "no picture" : `${video.width}×${video.height}`;
  const length = durationS === null ? "live" : `${durationS.toFixed(1)} s`;
  return `${picture}, ${audio === null ? "no sound" : "sound"}, ${length}`;
}

function describeRendition(rendition: Rendition): string {
  const rate = `${Math.round(rendition.bitsPerSecond / 1000)}k`;
  if (rendition.kind === "audio") return `AAC ${rate}`;
  const { name, width, height, frameRate } = rendition;
  return `${name} ${width}×${height} ${+(frameRate.num / frameRate.den).toFixed(2)} fps ${rate}`;
}

function statusLine(source: SourceSupervisor, publisher: BroadcastPublisher | null): string {
  if (publisher === null) return "waiting for the first frame";
  const { mediaMs, runs } = source.counters();
  const { delayP95Ms, waiting, retries, bytes } = publisher.counters();
  const restarts = runs > 1 ? `, ${runs - 1} restart(s)` : "";
  const queue = waiting > 8 ? `, ${waiting} parts waiting` : "";
  const tries = retries > 0 ? `, ${retries} retries` : "";
  return `${formatClock(mediaMs)} on the air, ${(bytes / 1e6).toFixed(1)} MB sent, p95 ${delayP95Ms.toFixed(0)} ms to the edge${queue}${tries}${restarts}`;
}

function endSummary(source: SourceSupervisor, publisher: BroadcastPublisher): string {
  const { mediaMs } = source.counters();
  const { parts, bytes, delayP50Ms, delayP95Ms, gapsByOverflow } = publisher.counters();
  const lost = gapsByOverflow > 0 ? `, ${gapsByOverflow} given up` : "";
  return `Ended after ${formatClock(mediaMs)}: ${parts} parts, ${(bytes / 1e6).toFixed(1)} MB, p50 ${delayP50Ms.toFixed(0)} ms and p95 ${delayP95Ms.toFixed(0)} ms to the edge${lost}.`;
}

function formatClock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
