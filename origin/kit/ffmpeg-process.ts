/** One FFmpeg process: reads its pipes, keeps its last error lines, reports its exit once. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/** Limits of a process. */
const FFMPEG_STDERR_LIMITS = {
  /** Kept lines of standard error, for the reason of a failure. */
  lastLines: 4,
  lineCharacters: 160,
} as const;

/** SVT-AV1 writes its configuration into FFmpeg's log unless it is asked for errors only. */
const QUIET_LIBRARIES = { SVT_LOG: "1" } as const;

/** Consumers of a process's output. An exception in a handler kills the process and becomes its `error`. */
export interface PipeHandlers {
  readonly onData: (pipe: number, chunk: Uint8Array) => void;
}

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lastLines: readonly string[];
  /** Thrown by a handler, or by the start. */
  readonly error: unknown;
}

/** Live children: none may outlive this process. */
const liveChildren = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of liveChildren) child.kill("SIGKILL");
});

/** Kills `child` when this process exits. */
export function killOnExit(child: ChildProcess): void {
  liveChildren.add(child);
  child.once("close", () => liveChildren.delete(child));
}

/** A running FFmpeg. */
export class FfmpegProcess {
  /** Resolves when the process has exited and its pipes are read to their ends. */
  readonly done: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  readonly #stderrLines: string[] = [];
  #error: unknown = null;

  /** `pipes`: number of its output pipes, from descriptor `FIRST_PIPE` on. `input`: whether we write to its standard input. */
  constructor(args: readonly string[], pipes: number, input: boolean, handlers: PipeHandlers) {
    const outputs = Array.from({ length: pipes }, () => "pipe" as const);
    const stdio = [input ? ("pipe" as const) : ("ignore" as const), "ignore" as const, "pipe" as const, ...outputs];
    const child = spawn("ffmpeg", args, { stdio, env: { ...QUIET_LIBRARIES, ...process.env } });
    this.#child = child;
    killOnExit(child);
    child.stdin?.on("error", () => {});
    for (let pipe = 0; pipe < pipes; pipe++) this.#read(pipe, handlers);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#appendStderr(text));
    this.done = new Promise((resolve) => {
      child.once("error", (error) => {
        this.#error ??= error;
        if (child.pid === undefined) finish(null, null);
      });
      const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
        resolve({
          code,
          signal,
          lastLines: this.#stderrLines.map(cleanLine).filter((line) => line !== ""),
          error: this.#error,
        });
      };
      child.once("close", finish);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Its standard input. */
  get stdin(): Writable | null {
    return this.#child.stdin;
  }

  /** Kills the process. */
  kill(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
  }

  #pipe(pipe: number): Readable | null {
    return (this.#child.stdio[FIRST_PIPE + pipe] as Readable | null | undefined) ?? null;
  }

  #read(pipe: number, { onData }: PipeHandlers): void {
    const attempt = (step: () => void): void => {
      if (this.#error !== null) return;
      try {
        step();
      } catch (error) {
        this.#error = error;
        this.kill();
      }
    };
    this.#pipe(pipe)
      ?.on("data", (chunk: Uint8Array) => attempt(() => onData(pipe, chunk)))
      .on("error", () => {});
  }

  #appendStderr(text: string): void {
    const lines = ((this.#stderrLines.pop() ?? "") + text).split(/[\r\n]+/);
    this.#stderrLines.push(...lines.map((line) => line.slice(0, FFMPEG_STDERR_LIMITS.lineCharacters)));
    this.#stderrLines.splice(0, Math.max(0, this.#stderrLines.length - FFMPEG_STDERR_LIMITS.lastLines));
  }
}

/** A line of FFmpeg's without memory addresses; empty if it has no information. */
function cleanLine(line: string): string {
  if (/Last message repeated|^Conversion failed!|^\s*$/.test(line)) return "";
  return line.replace(/\[[^\]]* @ 0x[0-9a-f]+\]\s*/g, "").trim();
}

/** Signals sent from outside: by a user, a supervisor or the kernel's OOM killer. A crash raises others. */
const KILL_SIGNALS: ReadonlySet<NodeJS.Signals | null> = new Set(["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]);

/** Whether the process was killed from outside, which is no evidence about its input. */
export function isExternalKill({ error, signal }: ProcessExit): boolean {
  return error === null && KILL_SIGNALS.has(signal);
}

/** Why a process ended, as a sentence; null after a normal end. */
export function describeFailure({ error, code, signal, lastLines }: ProcessExit): string | null {
  if (error !== null) return `${(error instanceof Error ? error.message : String(error)).replace(/\.$/, "")}.`;
  const words = lastLines.length === 0 ? "" : ` Its log: ${[...new Set(lastLines)].join(" | ").replace(/\.$/, "")}.`;
  if (signal !== null) return `FFmpeg was ended by ${signal}.${words}`;
  return code === 0 ? null : `FFmpeg ended with code ${code}.${words}`;
}

/** File descriptor of the first pipe. */
export const FIRST_PIPE = 3;
