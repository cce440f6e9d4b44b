import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { INSPECTOR_FLAG, type LiveMemoryReader, openLiveMemory } from "./live-memory.ts";

/** Long enough for an answer that comes, short enough to wait for one that doesn't. */
const SHORT_MS = 300;

const children: ChildProcess[] = [];
const readers: LiveMemoryReader[] = [];

afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A Node process, and what it has printed when its inspector listens. */
async function startProcess(): Promise<{ readonly child: ChildProcess; readonly output: string }> {
  const child = spawn(process.execPath, [INSPECTOR_FLAG, "-e", "setInterval(() => {}, 1000)"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.push(child);
  let output = "";
  for await (const text of child.stderr.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    output += text;
    if (output.includes("\n")) break;
  }
  child.stderr.resume();
  return { child, output };
}

async function openReader(output: string, commandMs?: number): Promise<LiveMemoryReader> {
  const reader = await openLiveMemory(output, commandMs);
  readers.push(reader);
  return reader;
}

test("the memory of a process is read", async () => {
  const { output } = await startProcess();
  const reader = await openReader(output);
  const { heapBytes, externalBytes } = await reader.read();
  expect(heapBytes).toBeGreaterThan(1e6);
  expect(externalBytes).toBeGreaterThan(0);
});

test("a reading of a process that ends is rejected, and so are those after it", async () => {
  const { child, output } = await startProcess();
  const reader = await openReader(output);
  child.kill("SIGSTOP");
  const reading = reader.read();
  child.kill("SIGKILL");
  await expect(reading).rejects.toThrow("the DevTools connection has ended");
  await expect(reader.read()).rejects.toThrow("the DevTools connection has ended");
});

test("a reading of a process that stands still is rejected", async () => {
  const { child, output } = await startProcess();
  const reader = await openReader(output, SHORT_MS);
  child.kill("SIGSTOP");
  await expect(reader.read()).rejects.toThrow(`HeapProfiler.collectGarbage took over ${SHORT_MS} ms`);
});

test("an inspector that nobody listens at, or that does not answer, is not opened", async () => {
  const silent = createServer((socket) => socket.on("error", () => {}).resume()).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as { readonly port: number };
  const output = `Debugger listening on ws://127.0.0.1:${port}/x`;
  await expect(openReader(output, SHORT_MS)).rejects.toThrow("timed out");
  silent.close();
  await once(silent, "close");
  await expect(openReader(output, SHORT_MS)).rejects.toThrow("ECONNREFUSED");
  await expect(openReader("")).rejects.toThrow("the process has no inspector");
});
