/** Measures on this machine, with the real Worker and room in workerd, what the room's model counts with. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BEAT } from "../../../protocol/room/wire.ts";
import { type Edge, startEdge } from "../../../scripts/edge.ts";
import { freePort } from "../../../tests/support/ports.ts";
import { cpuMs, memoryBytes, processesBelow } from "../../processes.ts";
import { Audience } from "./audience.ts";
import { heapBytes } from "./heap.ts";
import type { RoomMeasured } from "./measured.ts";

const VIEWERS = 400;
/** Moderators write fast; 20 of them may write so many messages a second together without being refused. */
const WRITERS = 20;
const MANY_PER_SECOND = 200;
const FEW_PER_SECOND = 8;
const FOR_MS = 8_000;
const CALLS = 4_000;
const JUDGED = 10_000;
/** Frames of each socket at once, below the burst that a socket may send. */
const BURST = 100;
const SHORT = "x".repeat(10);

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** An edge of which CPU and heap can be read, for as long as `work` takes. */
export async function withRoomEdge<T>(work: (edge: Edge, inspectorPort: number) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), "corral-room-"));
  const entry = fileURLToPath(new URL("../probe-worker.ts", import.meta.url));
  const inspectorPort = await freePort();
  const edge = await startEdge({ port: await freePort(), dataDir, adminToken: "calibrate", entry, inspectorPort });
  try {
    return await work(edge, inspectorPort);
  } finally {
    await edge.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Measures everything; takes a minute. `say`: what is under way. */
export function calibrateRoom(say: (line: string) => void): Promise<RoomMeasured> {
  return withRoomEdge(async ({ url }, inspectorPort) => {
    const pid = processesBelow(process.pid, "workerd")[0] ?? 0;
    say("calls …");
    const calls = await taken(pid, async () => {
      await fetch(`${url}/calls/model/${CALLS}`);
    });
    say("judging …");
    const judging = await taken(pid, async () => {
      await fetch(`${url}/judge/model/${JUDGED}`);
    });
    say("messages …");
    const staffMs = await acts(pid, url);
    say("viewers coming …");
    const come = (): Promise<Audience> =>
      Audience.come({ url, viewers: VIEWERS, writers: WRITERS, roles: ["moderator"], playing: false });
    // Memory is grown by others first; they stay, so that what they have isn't used anew.
    const others = await come();
    say("viewers in their seats …");
    const resident = memoryBytes(pid);
    const heapNow = (): Promise<number> => heapBytes(inspectorPort, "corral", () => fetch(`${url}/counted`));
    const heap = await heapNow();
    let audience: Audience | null = null;
    const joining = await taken(pid, async () => {
      audience = await come();
    });
    if (audience === null) throw new Error("nobody came");
    await wait(2_000);
    const socketBytes = Math.max(0, memoryBytes(pid) - resident) / VIEWERS;
    const heapSocketBytes = Math.max(0, (await heapNow()) - heap) / VIEWERS;
    others.leave();
    try {
      const rest = await withAudience(pid, audience, staffMs, say);
      // What moderators write isn't judged.
      const actMs = staffMs + judging / JUDGED;
      return { callMs: calls / CALLS, actMs, joinMs: joining / VIEWERS, socketBytes, heapSocketBytes, ...rest };
    } finally {
      (audience as Audience).leave();
    }
  });
}

async function withAudience(
  pid: number,
  audience: Audience,
  staffMs: number,
  say: (line: string) => void,
): Promise<Pick<RoomMeasured, "frameMs" | "beatMs" | "sendMs" | "byteMs">> {
  say("frames and beats …");
  const frame = JSON.stringify({ type: "seen" });
  const frameMs = await burst(pid, audience, frame);
  const beatMs = await burst(pid, audience, BEAT);
  say("messages to many …");
  // Code is compiled first.
  await chat(pid, audience, MANY_PER_SECOND, SHORT);
  const few = await chat(pid, audience, FEW_PER_SECOND, SHORT);
  const many = await chat(pid, audience, MANY_PER_SECOND, SHORT);
  const perFrame = ({ ms, messages, frames }: Chatted): number => (ms - messages * staffMs) / frames;
  const chars = ({ chars: all, frames }: Chatted): number => all / frames;
  const byteMs = Math.max(0, (perFrame(many) - perFrame(few)) / (chars(many) - chars(few)));
  const sendMs = Math.max(0, perFrame(few) - chars(few) * byteMs);
  return { frameMs, beatMs, sendMs, byteMs };
}

/** What came of some messages. */
interface Chatted {
  readonly ms: number;
  readonly messages: number;
  readonly frames: number;
  readonly chars: number;
}

/** CPU of a message where nobody but its writers is there; sending the ticks to them is counted in. */
async function acts(pid: number, url: string): Promise<number> {
  const writers = await Audience.come({
    url,
    viewers: WRITERS,
    writers: WRITERS,
    roles: ["moderator"],
    playing: false,
  });
  try {
    // Code is compiled first.
    await chat(pid, writers, MANY_PER_SECOND, SHORT);
    const { ms, messages } = await chat(pid, writers, MANY_PER_SECOND, SHORT);
    return ms / messages;
  } finally {
    writers.leave();
    await wait(1_000);
  }
}

/** CPU of one text that every socket sends many times at once. */
async function burst(pid: number, audience: Audience, text: string): Promise<number> {
  const ms = await taken(pid, async () => {
    for (let time = 0; time < BURST; time += 1) audience.sendAll(text);
    await wait(3_000);
  });
  return ms / (BURST * audience.clients.length);
}

/** CPU, and what came to all, while so many messages a second are written. */
async function chat(pid: number, audience: Audience, perSecond: number, text: string): Promise<Chatted> {
  const before = audience.received;
  let messages = 0;
  const ms = await taken(pid, async () => {
    const began = performance.now();
    for (let due = 0; performance.now() - began < FOR_MS; due += 1) {
      await wait(Math.max(0, began + (due * 1_000) / perSecond - performance.now()));
      messages += 1;
      void audience.clients[due % WRITERS]?.act({ kind: "chat", text });
    }
    await wait(1_000);
  });
  const after = audience.received;
  return { ms, messages, frames: after.frames - before.frames, chars: after.chars - before.chars };
}

/** CPU that a process takes while something is done, and for nothing else. */
async function taken(pid: number, work: () => Promise<void>): Promise<number> {
  const idleFrom = cpuMs(pid);
  await wait(2_000);
  const idlePerMs = (cpuMs(pid) - idleFrom) / 2_000;
  const before = cpuMs(pid);
  const began = performance.now();
  await work();
  return Math.max(0, cpuMs(pid) - before - idlePerMs * (performance.now() - began));
}
