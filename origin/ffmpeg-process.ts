/** One FFmpeg process: its pipes read as frames, its last words kept, its end told once. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Frame, InitInfo } from "../protocol/cmaf/frame.ts";
import { FragmentReader } from "../protocol/cmaf/reader.ts";
import type { TrackName } from "../protocol/ids.ts";
import { FIRST_PIPE } from "./ffmpeg-args.ts";

/** Bounds on a process. */
export const LIMITS = {
  /** A process asked to stop is killed after this. */
  stopMs: 3_000,
  /** Lines of standard error kept to say why it failed. */
  lastLines: 4,
  lineCharacters: 160,
} as const;

/** An init section with what it says. */
export interface Init {
  readonly info: InitInfo;
  readonly bytes: Uint8Array;
}

/** What a process tells while it runs. What a handler throws ends the process, and becomes its `error`. */
export interface EncodeHandlers {
  readonly onInit: (track: TrackName, init: Init) => void;
  readonly onFrame: (track: TrackName, frame: Frame) => void;
}

/** How a process ended. */
export interface EncodeEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lastLines: readonly string[];
  /** Thrown by a reader or a handler, or by the attempt to start. */
  readonly error: unknown;
}

/** Children that are alive: none may outlive this process. */
const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** Ends `child` with this process, at the latest. */
export function endWithUs(child: ChildProcess): void {
  alive.add(child);
  child.once("close", () => alive.delete(child));
}

/** A running FFmpeg. */
export class FfmpegProcess {
  /** Resolves when the process is gone and its pipes are read to their ends. */
  readonly done: Promise<EncodeEnd>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #error: unknown = null;

  /**
   * `name` stands for the input in errors; track `i` is read from descriptor `FIRST_PIPE + i`; `feed` is given to the
   * process as its standard input.
   */
  constructor(
    args: readonly string[],
    tracks: readonly TrackName[],
    name: string,
    handlers: EncodeHandlers,
    feed: Readable | null = null,
  ) {
    const pipes = tracks.map(() => "pipe" as const);
    const child = spawn("ffmpeg", args, { stdio: [feed === null ? "ignore" : "pipe", "ignore", "pipe", ...pipes] });
    this.#child = child;
    endWithUs(child);
    child.stdin?.on("error", () => {});
    if (feed !== null && child.stdin) feed.pipe(child.stdin);
    for (const [index, track] of tracks.entries()) {
      const pipe = child.stdio[FIRST_PIPE + index] as Readable | null | undefined;
      if (pipe) this.#read(pipe, track, new FragmentReader(`${name} (${track})`), handlers);
    }
    child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#note(text));
    this.done = new Promise((resolve) => {
      child.once("error", (error) => {
        this.#error ??= error;
        if (child.pid === undefined) finish(null, null);
      });
      const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
        resolve({ code, signal, lastLines: this.#lines.filter((line) => line !== ""), error: this.#error });
      };
      child.once("close", finish);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks the process to write what it holds and to go. */
  stop(): void {
    this.#child.kill("SIGTERM");
    setTimeout(() => this.kill(), LIMITS.stopMs).unref();
  }

  /** Ends the process at once. */
  kill(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
  }

  #read(pipe: Readable, track: TrackName, reader: FragmentReader, handlers: EncodeHandlers): void {
    pipe.on("data", (chunk: Uint8Array) => {
      if (this.#error !== null) return;
      try {
        for (const event of reader.push(chunk)) {
          if (event.kind === "init") handlers.onInit(track, event);
          else handlers.onFrame(track, event.frame);
        }
      } catch (error) {
        this.#error = error;
        this.kill();
      }
    });
    pipe.on("error", () => {});
  }

  #note(text: string): void {
    const lines = ((this.#lines.pop() ?? "") + text).split(/[\r\n]+/);
    this.#lines.push(...lines.map((line) => line.slice(0, LIMITS.lineCharacters)));
    this.#lines.splice(0, Math.max(0, this.#lines.length - LIMITS.lastLines));
  }
}
