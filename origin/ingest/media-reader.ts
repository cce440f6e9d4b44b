/** Decoded video frames and audio samples of a source, from decoder processes or from memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type NutFrame, NutReader } from "../../core/ingest/source/nut.ts";
import type { SourceTrack } from "../../core/ingest/source/source-clock.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { SourceError } from "../kit/errors.ts";
import { FfmpegProcess, type ProcessExit } from "../kit/ffmpeg-process.ts";
import { type DecodeJob, decodeArgs, jobTracks, RAW_TIMESCALES } from "./decode-args.ts";
import { FramePool, type RawFrame } from "./frame-pool.ts";
import { RAW_AUDIO, rawFrameBytes } from "./raw-media.ts";

/** Output of a reader; timestamps by the source's clock, seconds. */
export interface MediaReaderHandlers {
  /** The handler owns the picture and must release it. */
  readonly onVideoFrame: (ptsS: number, picture: RawFrame) => void;
  /** Interleaved samples of `SOUND`. */
  readonly onAudioSamples: (ptsS: number, samples: Int16Array) => void;
  /** The track has ended. */
  readonly onEnd: (track: SourceTrack) => void;
}

/** A source being read. A paused track delays no other, if each has its own process. */
export interface MediaReader {
  readonly tracks: readonly SourceTrack[];
  /** Starts reading; before that, decoded media waits in the pipes. */
  start(handlers: MediaReaderHandlers): void;
  pause(track: SourceTrack): void;
  resume(track: SourceTrack): void;
  /** Stops reading at once; no handler is called afterwards. */
  stop(): void;
}

/** How the decoders of a reader ended. */
export interface DecoderExit {
  readonly track: SourceTrack;
  readonly exit: ProcessExit;
  /** It was killed from outside, or its output was malformed: the track continues when it is read again. */
  readonly isBroken: boolean;
  /** Number of the track's frames. */
  readonly frameCount: number;
}

/** Reads with FFmpeg: one process for each of `jobs`. */
export class FfmpegDecoder implements MediaReader {
  readonly tracks: readonly SourceTrack[];
  /** Resolves when all processes have exited. */
  readonly done: Promise<readonly DecoderExit[]>;
  readonly #pool = new FramePool();
  readonly #processes: FfmpegProcess[] = [];
  readonly #sockets = new Map<SourceTrack, FrameSocket>();
  readonly #frames = new Map<SourceTrack, number>();
  readonly #onExit: (end: DecoderExit) => void;
  #handlers: MediaReaderHandlers | null = null;
  #isStopped = false;

  /** The first process reads `stdinSource` from its standard input; `onExit` is called for each track's process. */
  constructor(
    clock: Clock,
    jobs: readonly DecodeJob[],
    onExit: (end: DecoderExit) => void,
    stdinSource: Readable | null = null,
  ) {
    this.tracks = jobs.flatMap(jobTracks);
    this.#onExit = onExit;
    const folder = mkdtempSync(join(tmpdir(), "corral-"));
    const ends = jobs.map((job, i) => this.#decode(clock, job, stdinSource, join(folder, `${i}`)));
    this.done = Promise.all(ends).then((all) => all.flat());
    // Connected sockets need no path, and an exited process does not listen.
    Promise.allSettled([...this.#sockets.values()].map(({ connected }) => connected))
      .then(() => rmSync(folder, { recursive: true, force: true }))
      .catch(() => {});
  }

  start(handlers: MediaReaderHandlers): void {
    this.#handlers = handlers;
    for (const track of this.tracks) this.resume(track);
  }

  pause(track: SourceTrack): void {
    this.#sockets.get(track)?.pause();
  }

  resume(track: SourceTrack): void {
    this.#sockets.get(track)?.resume();
  }

  stop(): void {
    this.#isStopped = true;
    for (const process of this.#processes) process.kill();
    for (const socket of this.#sockets.values()) socket.close();
  }

  async #decode(clock: Clock, job: DecodeJob, stdinSource: Readable | null, path: string): Promise<DecoderExit[]> {
    const tracks = jobTracks(job);
    const pictureBytes = rawFrameBytes(job.canvas);
    const sockets = tracks.map((track) => `${path}-${track}.sock`);
    const allocate =
      (track: SourceTrack) =>
      (size: number): Uint8Array =>
        track === "video" ? this.#pool.allocate(size) : new Uint8Array(size);
    const frames = tracks.map((track) => new PtsFrameMatcher(track, job, allocate(track)));
    const take = (i: number, from: "frames" | "times", chunk: Uint8Array): void => {
      const track = tracks[i];
      if (track === undefined || this.#isStopped) return;
      for (const frame of frames[i]?.push(from, chunk) ?? []) this.#emitFrame(track, frame, pictureBytes);
    };
    const process = new FfmpegProcess(decodeArgs(job, sockets), tracks.length, stdinSource !== null, {
      onData: (pipe, chunk) => take(pipe, "times", chunk),
    });
    this.#processes.push(process);
    if (stdinSource !== null && process.stdin !== null) stdinSource.pipe(process.stdin);
    let error: unknown = null;
    const drained = tracks.map((track, i) => {
      const socket = new FrameSocket(clock, sockets[i] ?? "", (chunk) => {
        try {
          take(i, "frames", chunk);
        } catch (thrown) {
          error ??= thrown;
          process.kill();
        }
      });
      this.#sockets.set(track, socket);
      // An exited process does not listen, and has printed its last timestamp.
      return Promise.all([socket.done, process.done.then(() => socket.closeUnconnected())]).then(() => {
        if (!this.#isStopped) this.#handlers?.onEnd(track);
      });
    });
    const ended = await process.done;
    const end = { ...ended, error: ended.error ?? error };
    const isBroken = !this.#isStopped && (end.error !== null || end.signal !== null);
    const ends = (): DecoderExit[] =>
      tracks.map((track) => ({ track, exit: end, isBroken, frameCount: this.#frames.get(track) ?? 0 }));
    for (const each of ends()) this.#onExit(each);
    await Promise.all(drained);
    return ends();
  }

  #emitFrame(track: SourceTrack, { ptsS, bytes }: PtsFrame, pictureBytes: number): void {
    // An encoder of raw pictures would misinterpret a picture of another size.
    if (track === "video" && bytes.length !== pictureBytes)
      throw new SourceError(`a picture of ${bytes.length} bytes instead of ${pictureBytes}`);
    this.#frames.set(track, (this.#frames.get(track) ?? 0) + 1);
    if (track === "video") this.#handlers?.onVideoFrame(ptsS, this.#pool.wrap(bytes));
    else this.#handlers?.onAudioSamples(ptsS, new Int16Array(bytes.buffer, 0, Math.floor(bytes.length / 4) * 2));
  }
}

/** Bytes read from a socket at once: half a second of audio, a 480p picture. */
const READ_BYTES = 524_288;
/** Interval of connection attempts to a starting process. */
const CONNECT_RETRY_MS = 4;

/** A socket of a starting process, read into own buffers: stream chunks would be garbage. */
class FrameSocket {
  /** Resolves when the other side has closed it, or will never listen. */
  readonly done: Promise<void>;
  /** Resolves when it has connected, or never will. */
  readonly connected: Promise<void>;
  readonly #completion: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #connection: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #clock: Clock;
  readonly #path: string;
  readonly #onData: (chunk: Uint8Array) => void;
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #socket: Socket | null = null;
  #isConnected = false;
  #isPaused = true;
  #isClosed = false;

  constructor(clock: Clock, path: string, onData: (chunk: Uint8Array) => void) {
    this.#clock = clock;
    this.#path = path;
    this.#onData = onData;
    this.done = this.#completion.promise;
    this.connected = this.#connection.promise;
    this.#connect();
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#isConnected) this.#socket?.resume();
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
    this.#connection.resolve();
    this.#completion.resolve();
  }

  /** Stops connecting; data that was sent is still read. */
  closeUnconnected(): void {
    if (!this.#isConnected) this.close();
  }

  #connect(): void {
    if (this.#isClosed) return;
    const callback = (count: number): boolean => {
      if (!this.#isClosed) this.#onData(this.#buffer.subarray(0, count));
      return !this.#isPaused;
    };
    const socket = connect({ path: this.#path, onread: { buffer: this.#buffer, callback } });
    this.#socket = socket;
    socket.once("connect", () => {
      this.#isConnected = true;
      this.#connection.resolve();
      if (this.#isPaused) socket.pause();
    });
    socket.once("error", () => {});
    socket.once("close", () => {
      if (this.#isConnected) this.#completion.resolve();
      else this.#clock.startTimer(CONNECT_RETRY_MS, () => this.#connect());
    });
  }
}

interface PtsFrame {
  readonly ptsS: number;
  readonly bytes: Uint8Array;
}

/** Matches the frames of one track with their timestamps, which arrive on another pipe. */
class PtsFrameMatcher {
  readonly #ticks: number;
  readonly #reader: NutReader;
  readonly #frames: NutFrame[] = [];
  readonly #times: (number | null)[] = [];
  #line = "";
  /** The position of a frame without a timestamp: after the previous one. */
  #nextS = 0;
  readonly #durationS: (frame: NutFrame) => number;

  constructor(track: SourceTrack, { video }: DecodeJob, allocate: (size: number) => Uint8Array) {
    this.#ticks = RAW_TIMESCALES[track];
    this.#reader = new NutReader(allocate);
    const { num, den } = video?.frameRate ?? { num: 25, den: 1 };
    const bytesPerSecond = RAW_AUDIO.sampleRate * RAW_AUDIO.channels * 2;
    this.#durationS =
      track === "video" ? (): number => den / num : ({ bytes }): number => bytes.length / bytesPerSecond;
  }

  /** The frames with both bytes and timestamp. */
  push(pipe: "frames" | "times", chunk: Uint8Array): PtsFrame[] {
    if (pipe === "frames") this.#frames.push(...this.#reader.push(chunk));
    else this.#readTimes(chunk);
    const out: PtsFrame[] = [];
    for (let count = Math.min(this.#frames.length, this.#times.length); count > 0; count--) {
      const [frame, ticks] = [this.#frames.shift(), this.#times.shift()];
      if (frame === undefined || ticks === undefined) break;
      const ptsS = ticks === null ? this.#nextS : ticks / this.#ticks;
      this.#nextS = ptsS + this.#durationS(frame);
      out.push({ ptsS, bytes: frame.bytes });
    }
    return out;
  }

  /** Lines such as `frame:1    pts:3600    pts_time:0.04`; `pts` is `NOPTS` if the source has none. */
  #readTimes(chunk: Uint8Array): void {
    const lines = (this.#line + new TextDecoder().decode(chunk)).split("\n");
    this.#line = lines.pop() ?? "";
    for (const line of lines) {
      const pts = /^frame:\S+\s+pts:(\S+)/.exec(line)?.[1];
      if (pts !== undefined) this.#times.push(/^-?\d+$/.test(pts) ? Number(pts) : null);
    }
  }
}

type RecordedFrame =
  | { readonly track: "video"; readonly ptsS: number; readonly picture: RawFrame }
  | { readonly track: "audio"; readonly ptsS: number; readonly samples: Int16Array };

/** A short repeating source is decoded once and kept in memory, up to this many bytes. */
const RECORDING_BYTES = 100_000_000;
/** Longer ones are decoded each time. */
const RECORDING_S = 4;

/** Records the output while it is short. */
export class LoopRecording {
  readonly #clock: Clock;
  readonly #tracks: readonly SourceTrack[];
  #frames: RecordedFrame[] | null = [];
  #bytes = 0;
  #fromS: number | null = null;

  constructor(clock: Clock, tracks: readonly SourceTrack[]) {
    this.#clock = clock;
    this.#tracks = tracks;
  }

  addVideoFrame(ptsS: number, picture: RawFrame): void {
    if (this.#frames !== null) picture.retain();
    this.#addFrame({ track: "video", ptsS, picture }, picture.bytes.length);
  }

  addAudioSamples(ptsS: number, samples: Int16Array): void {
    this.#addFrame({ track: "audio", ptsS, samples }, samples.byteLength);
  }

  /** A reader of the recording; null if it was too long. */
  createReader(): MediaReader | null {
    return this.#frames === null ? null : new RecordingReader(this.#clock, this.#tracks, this.#frames);
  }

  #addFrame(frame: RecordedFrame, bytes: number): void {
    this.#bytes += bytes;
    this.#fromS ??= frame.ptsS;
    this.#frames?.push(frame);
    if (this.#bytes > RECORDING_BYTES || Math.abs(frame.ptsS - this.#fromS) > RECORDING_S) this.#discard();
  }

  /** It is too long. */
  #discard(): void {
    for (const frame of this.#frames ?? []) if (frame.track === "video") frame.picture.release();
    this.#frames = null;
  }
}

/** A recording that is replayed. */
class RecordingReader implements MediaReader {
  readonly tracks: readonly SourceTrack[];
  readonly #clock: Clock;
  readonly #left: Map<SourceTrack, RecordedFrame[]>;
  readonly #paused = new Set<SourceTrack>();
  #handlers: MediaReaderHandlers | null = null;

  constructor(clock: Clock, tracks: readonly SourceTrack[], frames: readonly RecordedFrame[]) {
    this.#clock = clock;
    this.tracks = tracks;
    this.#left = new Map(tracks.map((track) => [track, frames.filter((frame) => frame.track === track)]));
  }

  start(handlers: MediaReaderHandlers): void {
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

  /** Not within the call: the handler that pauses or resumes is done first, and other work has its turn. */
  #schedule(track: SourceTrack): void {
    this.#clock.startTimer(0, () => this.#read(track));
  }

  #read(track: SourceTrack): void {
    const left = this.#left.get(track);
    if (left === undefined || this.#paused.has(track)) return;
    for (let frame = left.shift(); frame !== undefined; frame = left.shift()) {
      if (frame.track === "video") {
        frame.picture.retain();
        this.#handlers?.onVideoFrame(frame.ptsS, frame.picture);
      } else this.#handlers?.onAudioSamples(frame.ptsS, frame.samples);
      if (this.#paused.has(track)) return;
    }
    this.#left.delete(track);
    this.#handlers?.onEnd(track);
  }
}
