/** Measures the room model's constants on this machine, with the real Worker and room in workerd. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HEARTBEAT } from "../../../core/room/room-protocol.ts";
import { type LocalEdge, startEdge } from "../../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../../tests/support/admin-token.ts";
import { freePort } from "../../../tests/support/ports.ts";
import { cpuMs, descendantPids, residentBytes } from "../../processes.ts";
import { ModelAudience } from "./audience.ts";
import type { RoomCallCounts } from "./call-counts.ts";
import { heapBytes } from "./heap.ts";
import type { RoomMeasurements } from "./measurements.ts";

const VIEWERS = 400;
/** Moderators have a high rate limit; 40 of them can write this many messages per second. */
const WRITERS = 40;
const MANY_PER_SECOND = 400;
const SOME_PER_SECOND = 150;
const FEW_PER_SECOND = 8;
const CHAT_MS = 8_000;
const CALLS = 4_000;
const MODERATED_TEXTS = 10_000;
/** Frames per socket at once, below its burst limit. */
const BURST = 100;
const SHORT = "x".repeat(10);
const LONG = "x".repeat(300);

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** An edge whose CPU and heap can be read, for the duration of `work`. */
export async function withRoomEdge<T>(work: (edge: LocalEdge, inspectorPort: number) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), "corral-room-"));
  const entry = fileURLToPath(new URL("../probe-worker.ts", import.meta.url));
  const inspectorPort = await freePort();
  const edge = await startEdge({
    port: await freePort(),
    dataDir,
    adminToken: ADMIN_TOKEN,
    entry,
    inspectorPort,
  });
  try {
    return await work(edge, inspectorPort);
  } finally {
    await edge.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Measures everything; takes a minute. `say`: progress. */
export function calibrateRoom(onProgress: (line: string) => void): Promise<RoomMeasurements> {
  return withRoomEdge(async ({ url }, inspectorPort) => {
    const pid = descendantPids(process.pid, "workerd")[0] ?? 0;
    onProgress("calls …");
    const calls = await measureCpuMs(pid, async () => {
      await fetch(`${url}/calls/model/${CALLS}`);
    });
    onProgress("judging …");
    const judging = await measureCpuMs(pid, async () => {
      await fetch(`${url}/judge/model/${MODERATED_TEXTS}`);
    });
    onProgress("viewers joining …");
    const come = (): Promise<ModelAudience> =>
      ModelAudience.connect({ url, viewers: VIEWERS, writers: WRITERS, roles: ["moderator"], playing: false });
    // Other sockets grow the memory first; they stay, so that their memory is not reused.
    const others = await come();
    onProgress("connected viewers …");
    const resident = residentBytes(pid);
    const heapNow = (): Promise<number> => heapBytes(inspectorPort, "corral", () => fetch(`${url}/counted`));
    const heap = await heapNow();
    let audience: ModelAudience | null = null;
    const joining = await measureCpuMs(pid, async () => {
      audience = await come();
    });
    if (audience === null) throw new Error("no viewer joined");
    await wait(2_000);
    const socketBytes = Math.max(0, residentBytes(pid) - resident) / VIEWERS;
    const heapSocketBytes = Math.max(0, (await heapNow()) - heap) / VIEWERS;
    others.disconnect();
    try {
      const { actMs, ...rest } = await measureAudience({ pid, url }, audience, onProgress);
      return {
        callMs: calls / CALLS,
        ...rest,
        // Moderators' messages are not moderated.
        actMs: actMs + judging / MODERATED_TEXTS,
        joinMs: joining / VIEWERS,
        socketBytes,
        heapSocketBytes,
      };
    } finally {
      (audience as ModelAudience).disconnect();
    }
  });
}

async function measureAudience(
  { pid, url }: EdgeProcess,
  audience: ModelAudience,
  say: (line: string) => void,
): Promise<Pick<RoomMeasurements, "frameMs" | "beatMs" | "submitMs" | "actMs" | "sendMs" | "byteMs">> {
  say("frames and heartbeats …");
  const frame = JSON.stringify({ type: "seen" });
  const frameMs = await measureBurstMs(pid, audience, frame);
  const beatMs = await measureBurstMs(pid, audience, HEARTBEAT);
  say("messages …");
  const chat = (viewers: ModelAudience, perSecond: number, text: string): Promise<ChatMeasurement> =>
    measureChat({ pid, url }, viewers, perSecond, text);
  // Warms up the compiled code.
  await chat(audience, MANY_PER_SECOND, SHORT);
  const few = await chat(audience, FEW_PER_SECOND, SHORT);
  const some = await chat(audience, SOME_PER_SECOND, SHORT);
  const many = await chat(audience, MANY_PER_SECOND, SHORT);
  const long = await chat(audience, MANY_PER_SECOND, LONG);
  const byteMs = Math.max(0, (long.ms - many.ms) / (long.chars - many.chars));
  const [submitMs, actMs, sendMs] = solveCosts([few, some, many], byteMs);
  return { frameMs, beatMs, submitMs, actMs, sendMs, byteMs };
}

/** A process and its edge. */
interface EdgeProcess {
  readonly pid: number;
  readonly url: string;
}

/** The counts of some messages. */
interface ChatMeasurement {
  readonly ms: number;
  readonly messages: number;
  readonly submissions: number;
  readonly frames: number;
  readonly chars: number;
}

/** The cost of a call, of a message in it and of a frame, from three runs with different shares of them. */
function solveCosts(
  runs: readonly [ChatMeasurement, ChatMeasurement, ChatMeasurement],
  byteMs: number,
): [number, number, number] {
  const rows = runs.map(({ submissions, messages, frames }) => [submissions, messages, frames] as const);
  const sums = runs.map(({ ms, chars }) => ms - chars * byteMs);
  const whole = determinant(rows);
  const [submitMs, actMs, sendMs] = [0, 1, 2].map((column) => {
    const replaced = rows.map((row, at) => row.map((value, place) => (place === column ? (sums[at] ?? 0) : value)));
    return Math.max(0, determinant(replaced) / whole);
  });
  return [submitMs ?? 0, actMs ?? 0, sendMs ?? 0];
}

function determinant(rows: readonly (readonly number[])[]): number {
  const [[a = 0, b = 0, c = 0] = [], [d = 0, e = 0, f = 0] = [], [g = 0, h = 0, i = 0] = []] = rows;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** CPU per text that every socket sends many times at once. */
async function measureBurstMs(pid: number, audience: ModelAudience, text: string): Promise<number> {
  const ms = await measureCpuMs(pid, async () => {
    for (let time = 0; time < BURST; time += 1) audience.sendAll(text);
    await wait(3_000);
  });
  return ms / (BURST * audience.clients.length);
}

/** CPU and counts while this many messages per second are sent. */
async function measureChat(
  { pid, url }: EdgeProcess,
  audience: ModelAudience,
  perSecond: number,
  text: string,
): Promise<ChatMeasurement> {
  const submitted = async (): Promise<number> =>
    ((await (await fetch(`${url}/counted`)).json()) as RoomCallCounts).submissions;
  const before = { ...audience.received, submissions: await submitted() };
  let messages = 0;
  let refused = 0;
  const ms = await measureCpuMs(pid, async () => {
    const began = performance.now();
    for (let due = 0; performance.now() - began < CHAT_MS; due += 1) {
      await wait(Math.max(0, began + (due * 1_000) / perSecond - performance.now()));
      messages += 1;
      const outcome = audience.clients[due % WRITERS]?.sendCommand({ kind: "chat", text });
      void outcome?.then(({ ok }) => {
        if (!ok) refused += 1;
      });
    }
    await wait(1_000);
  });
  if (refused > 0) throw new Error(`the room refused ${refused} of ${messages} messages`);
  const { frames, chars } = audience.received;
  const submissions = (await submitted()) - before.submissions;
  return { ms, messages, submissions, frames: frames - before.frames, chars: chars - before.chars };
}

/** CPU of a process during some work. */
async function measureCpuMs(pid: number, work: () => Promise<void>): Promise<number> {
  const idleFrom = cpuMs(pid);
  await wait(2_000);
  const idlePerMs = (cpuMs(pid) - idleFrom) / 2_000;
  const before = cpuMs(pid);
  const began = performance.now();
  await work();
  return Math.max(0, cpuMs(pid) - before - idlePerMs * (performance.now() - began));
}
