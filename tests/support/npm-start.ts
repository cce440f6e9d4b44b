/** `npm start` with its chain of processes: npm, run.mjs, the program, and its children. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A process of the chain. */
export type ChainRole = "npm" | "run" | "node" | "workerd" | "ffmpeg";

interface ChainProcess {
  readonly pid: number;
  readonly parent: number;
  readonly link: ChainRole | null;
}

/** A running chain. */
export class NpmStartChain {
  /** Settles with npm's exit code. */
  readonly exit: Promise<number | null>;
  readonly #npm: ChildProcess;
  readonly #knownPids = new Set<number>();
  #output = "";

  constructor(args: readonly string[]) {
    this.#npm = spawn("npm", ["start", "--", ...args], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    this.exit = new Promise((resolve) => this.#npm.once("exit", resolve));
    for (const stream of [this.#npm.stdout, this.#npm.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
  }

  /** Its output so far. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when it has printed `text`. Throws with its output after `ms`. */
  async waitForOutput(text: string, ms = 60_000): Promise<void> {
    await waitUntil(`it prints ${text}`, () => this.#output.includes(text), ms).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#output}`);
    });
  }

  /** Process ids of a running link. */
  pids(link: ChainRole): number[] {
    return this.#rows().flatMap((row) => (row.link === link ? [row.pid] : []));
  }

  /** Running processes of the chain, whatever their parent. */
  leftoverPids(): number[] {
    this.#rows();
    return [...this.#knownPids].filter(isAlive);
  }

  /** Ends it as Ctrl-C does. */
  interrupt(): void {
    this.#rows();
    this.#npm.kill("SIGINT");
  }

  /** Kills every process of it. */
  killAll(): void {
    for (const pid of this.leftoverPids()) process.kill(pid, "SIGKILL");
  }

  #rows(): ChainProcess[] {
    const root = this.#npm.pid ?? 0;
    const all = chainProcesses(root);
    for (const { pid } of all) this.#knownPids.add(pid);
    return all;
  }
}

function chainProcesses(root: number): ChainProcess[] {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).trim().split("\n");
  const rows = lines.map((line) => {
    const [, pid = "0", parent = "0", args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return { pid: Number(pid), parent: Number(parent), link: Number(pid) === root ? ("npm" as const) : roleOf(args) };
  });
  const members = new Set([root]);
  for (let grew = true; grew; ) {
    const more = rows.filter(({ pid, parent }) => members.has(parent) && !members.has(pid));
    for (const { pid } of more) members.add(pid);
    grew = more.length > 0;
  }
  return rows.filter(({ pid }) => members.has(pid));
}

function roleOf(args: string): ChainRole | null {
  if (/^\S*workerd serve/.test(args)) return "workerd";
  if (/^ffmpeg /.test(args)) return "ffmpeg";
  if (/^node scripts\/run\.mjs origin/.test(args)) return "run";
  return / \S*origin\/main\.ts/.test(args) && !args.startsWith("npm") ? "node" : null;
}

function isAlive(pid: number): boolean {
  try {
    const stat = execFileSync("ps", ["-o", "stat=", "-p", `${pid}`], { encoding: "utf8" });
    // The exit of one whose parent was killed may not be collected yet.
    return !stat.startsWith("Z");
  } catch {
    return false;
  }
}

/** Waits until `holds`. Throws after `ms`. */
export async function waitUntil(what: string, holds: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const untilMs = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > untilMs) throw new Error(`${what}: not within ${ms / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
