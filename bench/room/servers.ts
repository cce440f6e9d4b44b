/** The compared servers: each runs in a process of its own; its CPU and memory are those of its process tree. */
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpuMs, processTree, residentBytes } from "../../loadtest/processes.ts";
import type { ServerProtocol } from "../../loadtest/room/protocol-adapters.ts";
import { freePort } from "../../tests/support/ports.ts";

/** `corral-counted` is Corral with counters and crashes on request; `bare-tick` is a bare object with a tick. */
export type BenchServerKind = "corral" | "corral-counted" | "socketio" | "bare" | "bare-tick";

/** Titles and protocols of the servers. */
export const BENCH_SERVERS: Readonly<
  Record<BenchServerKind, { readonly title: string; readonly dialect: ServerProtocol }>
> = {
  corral: { title: "Corral's room", dialect: "corral" },
  "corral-counted": { title: "Corral's room, instrumented", dialect: "corral" },
  socketio: { title: "socket.io", dialect: "socketio" },
  bare: { title: "bare Durable Object, a loop per message", dialect: "bare" },
  "bare-tick": { title: "bare Durable Object, a loop per 100 ms", dialect: "bare" },
};

/** A running server. */
export interface BenchServer {
  readonly kind: BenchServerKind;
  /** `http://…` and `ws://…` of it. */
  readonly url: string;
  readonly socketUrl: string;
  /** CPU time of all its processes so far, ms. */
  cpuMs(): number;
  /** Resident memory of all its processes, bytes. */
  memoryBytes(): number;
  stop(): Promise<void>;
}

/** Starts a server. Throws if it ends before it serves. */
export async function startBenchServer(kind: BenchServerKind): Promise<BenchServer> {
  const dataDir = await mkdtemp(join(tmpdir(), "corral-bench-room-"));
  const port = await freePort();
  const child = fork(fileURLToPath(new URL("server-process.ts", import.meta.url)), [kind, String(port), dataDir]);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const ready = new Promise<boolean>((resolve) => {
    child.once("message", () => resolve(true));
  });
  const serves = await Promise.race([ready, ended.then(() => false)]);
  if (!serves || child.pid === undefined) throw new Error(`${kind} ended before it served`);
  const tree = processTree(child.pid);
  return {
    kind,
    url: `http://127.0.0.1:${port}`,
    socketUrl: `ws://127.0.0.1:${port}`,
    cpuMs: () => tree.reduce((sum, pid) => sum + cpuMs(pid), 0),
    memoryBytes: () => tree.reduce((sum, pid) => sum + residentBytes(pid), 0),
    stop: async () => {
      child.disconnect();
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Tokens for `count` writers of a room; for other servers a placeholder marks a writer. */
export async function issueBenchTokens(
  server: BenchServer,
  room: string,
  count: number,
  roles: readonly string[] = [],
  prefix = "writer",
): Promise<string[]> {
  if (BENCH_SERVERS[server.kind].dialect !== "corral")
    return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const tokens: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const body = JSON.stringify({ room, sub: `${prefix}${index}`, name: `Someone ${index}`, roles });
    const answer = await fetch(`${server.url}/dev/token`, { method: "POST", body });
    tokens.push(((await answer.json()) as { readonly token: string }).token);
  }
  return tokens;
}
