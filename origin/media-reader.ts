/** Decoded pictures and sound of a source, from the processes that decode them or from memory. */
import type { Readable } from "node:stream";
import { type NutFrame, NutReader } from "../protocol/ingest/nut.ts";
import type { SourceTrack } from "../protocol/ingest/source-clock.ts";
import { type DecodeJob, decodeArgs, decodedTracks, PIPES_A_TRACK, SOUND, TICKS } from "./decode-args.ts";
import { FfmpegProcess, type ProcessEnd } from "./ffmpeg-process.ts";

/** A raw picture, in the pieces in which it came. */
export type Picture = readonly Uint8Array[];

/** What a reader brings; timestamps by the source's clock, seconds. */
export interface ReaderHandlers {
  readonly onPicture: (ptsS: number, picture: Picture) => void;
  /** Interleaved samples of `SOUND`. */
  readonly onSound: (ptsS: number, samples: Int16Array) => void;
  /** Nothing more comes of this track. */
  readonly onEnd: (track: SourceTrack) => void;
}

/** A source being read. A track that is paused holds up no other, where each has a process of its own. */
export interface MediaReader {
  readonly tracks: readonly SourceTrack[];
  /** Begins to read; before that, what is decoded waits in the pipes. */
  start(handlers: ReaderHandlers): void;
  pause(track: SourceTrack): void;
  resume(track: SourceTrack): void;
  /** Ends the reading at once; no handler is called after that. */
  stop(): void;
}

/** How the decoders of a reader ended. */
export interface DecodeEnd {
  readonly track: SourceTrack;
  readonly end: ProcessEnd;
  /** It was ended by somebody else, in the middle. */
  readonly isKilled: boolean;
  /** Frames that came of the track. */
  readonly frames: number;
}

/** Reads by FFmpeg: one process for each of `jobs`. */
export class Decoder implements MediaReader {
  readonly tracks: readonly SourceTrack[];
  /** Resolves when all processes are gone. */
  readonly done: Promise<readonly DecodeEnd[]>;
  readonly #pipes = new Map<SourceTrack, { readonly process: FfmpegProcess; readonly pipe: number }>();
  readonly #frames = new Map<SourceTrack, number>();
  #handlers: ReaderHandlers | null = null;
  #isStopped = false;

  /** `feed` is what the first process reads from its standard input. */
  constructor(jobs: readonly DecodeJob[], feed: Readable | null = null) {
    const processes = jobs.map((job) => this.#spawn(job, feed));
    this.tracks = jobs.flatMap(decodedTracks);
    this.done = Promise.all(
      jobs.map(async (job, i): Promise<DecodeEnd[]> => {
        const end = (await processes[i]?.done) ?? { code: null, signal: null, lastLines: [], error: null };
        const isKilled = end.signal !== null && !this.#isStopped;
        return decodedTracks(job).map((track) => ({ track, end, isKilled, frames: this.#frames.get(track) ?? 0 }));
      }),
    ).then((ends) => ends.flat());
  }

  start(handlers: ReaderHandlers): void {
    this.#handlers = handlers;
    for (const track of this.tracks) this.resume(track);
  }

  pause(track: SourceTrack): void {
    const at = this.#pipes.get(track);
    if (!this.#isStopped) at?.process.pause(at.pipe);
  }

  resume(track: SourceTrack): void {
    const at = this.#pipes.get(track);
    at?.process.resume(at.pipe);
  }

  stop(): void {
    this.#isStopped = true;
    for (const { process } of this.#pipes.values()) process.kill();
  }

  #spawn(job: DecodeJob, feed: Readable | null): FfmpegProcess {
    const tracks = decodedTracks(job).map((track) => ({ track, frames: new TimedFrames(track, job) }));
    const at = (pipe: number): (typeof tracks)[number] | undefined => tracks[Math.floor(pipe / PIPES_A_TRACK)];
    const process = new FfmpegProcess(decodeArgs(job), tracks.length * PIPES_A_TRACK, feed !== null, {
      onData: (pipe, chunk) => {
        const from = at(pipe);
        if (from === undefined || this.#isStopped) return;
        for (const frame of from.frames.push(pipe % PIPES_A_TRACK === 0 ? "frames" : "times", chunk))
          this.#tell(from.track, frame);
      },
      onEnd: (pipe) => {
        const from = at(pipe);
        if (from === undefined || this.#isStopped || !from.frames.end()) return;
        this.#handlers?.onEnd(from.track);
      },
    });
    if (feed !== null && process.input !== null) feed.pipe(process.input);
    for (const [i, { track }] of tracks.entries()) {
      this.#pipes.set(track, { process, pipe: i * PIPES_A_TRACK });
      process.pause(i * PIPES_A_TRACK);
    }
    return process;
  }

  #tell(track: SourceTrack, { ptsS, pieces, byteLength }: TimedFrame): void {
    this.#frames.set(track, (this.#frames.get(track) ?? 0) + 1);
    if (track === "video") this.#handlers?.onPicture(ptsS, pieces);
    else this.#handlers?.onSound(ptsS, samplesOf(pieces, byteLength));
  }
}

interface TimedFrame {
  readonly ptsS: number;
  readonly pieces: readonly Uint8Array[];
  readonly byteLength: number;
}

/** Brings together the frames and the times that come on two pipes of one track. */
class TimedFrames {
  readonly #ticks: number;
  readonly #reader = new NutReader();
  readonly #frames: NutFrame[] = [];
  readonly #times: (number | null)[] = [];
  #line = "";
  /** Where a frame without a time lies: after the one before. */
  #nextS = 0;
  readonly #durationS: (frame: NutFrame) => number;
  #openPipes: number = PIPES_A_TRACK;

  constructor(track: SourceTrack, { video }: DecodeJob) {
    this.#ticks = TICKS[track];
    const { num, den } = video?.frameRate ?? { num: 25, den: 1 };
    const bytesPerSecond = SOUND.sampleRate * SOUND.channels * 2;
    this.#durationS =
      track === "video" ? (): number => den / num : ({ byteLength }): number => byteLength / bytesPerSecond;
  }

  /** The frames whose bytes and times are both there. */
  push(pipe: "frames" | "times", chunk: Uint8Array): TimedFrame[] {
    if (pipe === "frames") this.#frames.push(...this.#reader.push(chunk));
    else this.#readTimes(chunk);
    const out: TimedFrame[] = [];
    for (let count = Math.min(this.#frames.length, this.#times.length); count > 0; count--) {
      const [frame, ticks] = [this.#frames.shift(), this.#times.shift()];
      if (frame === undefined || ticks === undefined) break;
      const ptsS = ticks === null ? this.#nextS : ticks / this.#ticks;
      this.#nextS = ptsS + this.#durationS(frame);
      out.push({ ptsS, pieces: frame.pieces, byteLength: frame.byteLength });
    }
    return out;
  }

  /** One of the pipes has ended; whether that was the last. */
  end(): boolean {
    this.#openPipes -= 1;
    return this.#openPipes === 0;
  }

  /** Lines such as `frame:1    pts:3600    pts_time:0.04`; `pts` is `NOPTS` where the source has none. */
  #readTimes(chunk: Uint8Array): void {
    const lines = (this.#line + new TextDecoder().decode(chunk)).split("\n");
    this.#line = lines.pop() ?? "";
    for (const line of lines) {
      const pts = /^frame:\S+\s+pts:(\S+)/.exec(line)?.[1];
      if (pts !== undefined) this.#times.push(/^-?\d+$/.test(pts) ? Number(pts) : null);
    }
  }
}

function samplesOf(pieces: readonly Uint8Array[], byteLength: number): Int16Array {
  const bytes = new Uint8Array(byteLength - (byteLength % (2 * SOUND.channels)));
  let at = 0;
  for (const piece of pieces) {
    const kept = piece.subarray(0, bytes.length - at);
    bytes.set(kept, at);
    at += kept.length;
  }
  return new Int16Array(bytes.buffer);
}

type Recorded =
  | { readonly track: "video"; readonly ptsS: number; readonly picture: Picture }
  | { readonly track: "audio"; readonly ptsS: number; readonly samples: Int16Array };

/** A short source that repeats is decoded once, and kept: bytes of it, at most. */
const RECORDING_BYTES = 100_000_000;
/** Longer ones are decoded each time. */
const RECORDING_S = 4;

/** Keeps what passes, as long as it is short. */
export class Recording {
  readonly #tracks: readonly SourceTrack[];
  #frames: Recorded[] | null = [];
  #bytes = 0;
  #fromS: number | null = null;

  constructor(tracks: readonly SourceTrack[]) {
    this.#tracks = tracks;
  }

  picture(ptsS: number, picture: Picture): void {
    this.#keep(
      { track: "video", ptsS, picture },
      picture.reduce((sum, { length }) => sum + length, 0),
    );
  }

  sound(ptsS: number, samples: Int16Array): void {
    this.#keep({ track: "audio", ptsS, samples }, samples.byteLength);
  }

  /** A reader of what was kept; null where that was too much. */
  reader(): MediaReader | null {
    return this.#frames === null ? null : new Replay(this.#tracks, this.#frames);
  }

  #keep(frame: Recorded, bytes: number): void {
    this.#bytes += bytes;
    this.#fromS ??= frame.ptsS;
    if (this.#bytes > RECORDING_BYTES || Math.abs(frame.ptsS - this.#fromS) > RECORDING_S) this.#frames = null;
    this.#frames?.push(frame);
  }
}

/** A recording that is read again. */
class Replay implements MediaReader {
  readonly tracks: readonly SourceTrack[];
  readonly #left: Map<SourceTrack, Recorded[]>;
  readonly #paused = new Set<SourceTrack>();
  #handlers: ReaderHandlers | null = null;

  constructor(tracks: readonly SourceTrack[], frames: readonly Recorded[]) {
    this.tracks = tracks;
    this.#left = new Map(tracks.map((track) => [track, frames.filter((frame) => frame.track === track)]));
  }

  start(handlers: ReaderHandlers): void {
    this.#handlers = handlers;
    for (const track of this.tracks) this.#schedule(track);
  }

  pause(track: SourceTrack): void {
    this.#paused.add(track);
  }

  resume(track: SourceTrack): void {
    if (this.#paused.delete(track)) this.#schedule(track);
  }

  stop(): void {
    this.#handlers = null;
  }

  #schedule(track: SourceTrack): void {
    setImmediate(() => this.#read(track));
  }

  #read(track: SourceTrack): void {
    const left = this.#left.get(track);
    if (left === undefined || this.#paused.has(track)) return;
    for (let frame = left.shift(); frame !== undefined; frame = left.shift()) {
      if (frame.track === "video") this.#handlers?.onPicture(frame.ptsS, frame.picture);
      else this.#handlers?.onSound(frame.ptsS, frame.samples);
      if (this.#paused.has(track)) return;
    }
    this.#left.delete(track);
    this.#handlers?.onEnd(track);
  }
}
