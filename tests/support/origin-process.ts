/** The origin as a child process. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { listNodeFlags } from "../../scripts/node-flags.mjs";

const MAIN = fileURLToPath(new URL("../../origin/main.ts", import.meta.url));

/** A running origin. */
export class OriginProcess {
  readonly process: ChildProcess;
  /** Settles with the exit code. */
  readonly exit: Promise<number | null>;
  #output = "";

  /** Starts `node origin/main.ts` with these arguments, and with the flags of Node that users run it with, and `nodeFlags`. */
  constructor(args: readonly string[], nodeFlags: readonly string[] = []) {
    this.process = spawn(process.execPath, [...listNodeFlags("origin/main.ts"), ...nodeFlags, MAIN, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.exit = new Promise((resolve) => this.process.once("exit", resolve));
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
  }

  /** Its output so far. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when it has printed `text`. Throws with its output if it ends first or after `ms`. */
  async waitForOutput(text: string | RegExp, ms = 30_000): Promise<void> {
    const untilMs = Date.now() + ms;
    const found = (): boolean => (typeof text === "string" ? this.#output.includes(text) : text.test(this.#output));
    while (!found()) {
      if (this.process.exitCode !== null) throw new Error(`the origin ended:\n${this.#output}`);
      if (Date.now() > untilMs) throw new Error(`the origin didn't print ${String(text)}:\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Process ids of its FFmpeg children. */
  ffmpegPids(): number[] {
    return childProcessesOf(this.process.pid ?? 0)
      .filter(({ name }) => name === "ffmpeg")
      .map(({ pid }) => pid);
  }

  /** Ends it as Ctrl-C does. */
  async interrupt(): Promise<number | null> {
    this.process.kill("SIGINT");
    return this.exit;
  }

  /** CPU of the process itself in milliseconds, without its children. */
  cpuMs(): number {
    const stat = execFileSync("cat", [`/proc/${this.process.pid}/stat`], { encoding: "utf8" });
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }
}

/** The children of a process. */
export function childProcessesOf(pid: number): { pid: number; name: string }[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,comm="], { encoding: "utf8" }).trim().split("\n");
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, parent]) => Number(parent) === pid)
    .map(([child, , name]) => ({ pid: Number(child), name: name ?? "" }));
}
