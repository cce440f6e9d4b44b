/** Opens inputs: their tracks, and the processes that decode them. */
import type { Readable } from "node:stream";
import type { Clock } from "../../core/kit/clock.ts";
import { type DecodeJob, demoSource } from "./decode-args.ts";
import { acceptEncoder, type EncoderConnection, PIPED_INPUT } from "./encoder-connection.ts";
import type { SourceInput } from "./input.ts";
import { type DecoderExit, FfmpegDecoder, type MediaReader } from "./media-reader.ts";
import { probeSource } from "./probe.ts";
import type { Canvas } from "./raw-media.ts";
import type { SourceInfo } from "./source-info.ts";
import type { Pacing } from "./synchronizer.ts";

/** The demo's processes have started after this time; its clock begins then. */
const DEMO_START_MS = 150;

/** An opened source. */
export interface SourceHandle {
  /** Reads it from `resumeS` on, with a new reader each time. `onProcessEnd` is called when a track's process has exited. */
  readonly read: (
    resumeS: number,
    onProcessEnd: (end: DecoderExit) => void,
  ) => MediaReader & { readonly done: Promise<readonly DecoderExit[]> };
  readonly pacing: Pacing;
  readonly mayJump: boolean;
  /** See `SynchronizerOptions`. */
  readonly pictureEndS: number | null;
  readonly programOffsetMs: () => number | null;
  readonly close: () => void;
}

/** Parameters shared by all openings of a broadcast's input. */
export interface SourceOpenerOptions {
  readonly input: SourceInput;
  /** The result of the first probe. */
  readonly source: SourceInfo;
  /** Null if the broadcast has no video. */
  readonly canvas: Canvas | null;
  readonly hasAudio: boolean;
  readonly canToneMap: boolean;
  /** The pacing of a file: by the clock, unless nobody watches meanwhile. */
  readonly filePacing?: Pacing;
  readonly log: { warn(text: string): void };
  readonly clock: Clock;
  /** Milliseconds since the epoch; the same clock as the source's supervisor. */
  readonly epochNowMs: () => number;
}

/** A connected encoder, for the first opening. */
export type FirstConnection = EncoderConnection | null;

/**
 * Opens a broadcast's input, anew each time: a file and the demo with one process per track, so that none delays
 * the other; a live source, which exists once, with one for both.
 */
export function createSourceOpener(
  options: SourceOpenerOptions,
  firstFeed: FirstConnection,
): (signal: AbortSignal) => Promise<SourceHandle> {
  const { input } = options;
  switch (input.kind) {
    case "demo":
      return () => Promise.resolve(openDemo(options, input));
    case "file":
      return () => Promise.resolve(openFile(options));
    case "live":
      return openLive(options, input, firstFeed);
  }
}

/** The connected encoder of a listening input; null for others. Throws `SourceError`. */
export async function acceptFirstConnection(input: SourceInput, signal: AbortSignal): Promise<FirstConnection> {
  return input.kind === "live" && input.listen ? acceptEncoder(input, signal) : null;
}

function decodeJobFor(options: SourceOpenerOptions, source: SourceInfo): DecodeJob {
  const { input, canvas, hasAudio, canToneMap } = options;
  return {
    ...{ input, canvas, canToneMap, mayJump: source.mayJump, resumeS: 0, startMs: 0 },
    video: canvas === null ? null : source.video,
    audio: hasAudio ? source.audio : null,
  };
}

/** One job per track of `job`. */
function splitByTrack(job: DecodeJob): DecodeJob[] {
  return [
    ...(job.video === null ? [] : [{ ...job, audio: null }]),
    ...(job.audio === null ? [] : [{ ...job, video: null, canvas: null }]),
  ];
}

function openDemo(options: SourceOpenerOptions, input: Extract<SourceInput, { kind: "demo" }>): SourceHandle {
  const startMs = Math.ceil(options.epochNowMs()) + DEMO_START_MS;
  const job = { ...decodeJobFor(options, demoSource(input)), startMs };
  return {
    read: (_, onProcessEnd) => new FfmpegDecoder(options.clock, splitByTrack(job), onProcessEnd),
    pacing: { kind: "anchored", startMs },
    mayJump: false,
    pictureEndS: null,
    programOffsetMs: unknownOffset,
    close: () => {},
  };
}

function openFile(options: SourceOpenerOptions): SourceHandle {
  const job = decodeJobFor(options, options.source);
  return {
    read: (resumeS, onProcessEnd) => new FfmpegDecoder(options.clock, splitByTrack({ ...job, resumeS }), onProcessEnd),
    pacing: options.filePacing ?? { kind: "clock" },
    mayJump: options.source.mayJump,
    pictureEndS: options.source.video?.endS ?? null,
    programOffsetMs: unknownOffset,
    close: () => {},
  };
}

function openLive(
  options: SourceOpenerOptions,
  input: Extract<SourceInput, { kind: "live" }>,
  firstFeed: FirstConnection,
): (signal: AbortSignal) => Promise<SourceHandle> {
  let [feed, source]: [FirstConnection, SourceInfo | null] = [firstFeed, options.source];
  return async (signal) => {
    const [accepted, known] = [feed, source];
    [feed, source] = [null, null];
    if (!input.listen)
      return liveSource(options, known ?? (await probeSource(input, signal)), null, { close: () => {} });
    return openConnection({ ...options, input: PIPED_INPUT }, accepted ?? (await acceptEncoder(input, signal)));
  };
}

/** Opens the media of a connected encoder, which `options.input` reads from standard input. */
export function openConnection(options: SourceOpenerOptions, connection: EncoderConnection): SourceHandle {
  return liveSource(options, connection.info, connection.stream, connection);
}

const unknownOffset = (): null => null;

function liveSource(
  options: SourceOpenerOptions,
  source: SourceInfo,
  feed: Readable | null,
  connection: Pick<EncoderConnection, "close" | "programOffsetMs">,
): SourceHandle {
  const { log, canvas, hasAudio } = options;
  const job = decodeJobFor(options, source);
  for (const warning of source.warnings) log.warn(warning);
  if (canvas !== null && job.video === null) log.warn("The source has no video now: sending black until it has.");
  if (hasAudio && job.audio === null) log.warn("The source has no audio now: sending silence until it has.");
  if (!hasAudio && source.audio !== null) log.warn("The broadcast began without audio: the source's audio is ignored.");
  if (canvas === null && source.video !== null)
    log.warn("The broadcast began without video: the source's video is ignored.");
  return {
    read: (_, onProcessEnd) => new FfmpegDecoder(options.clock, [job], onProcessEnd, feed),
    pacing: { kind: "arrival" },
    mayJump: true,
    pictureEndS: null,
    programOffsetMs: () => connection.programOffsetMs?.() ?? null,
    close: () => connection.close(),
  };
}
