import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { FakeEdge } from "./testing/fake-edge.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;
const LAVFI = "testsrc2=s=160x90:r=30[out0];sine=r=48000[out1]";

const children: ChildProcess[] = [];
const edges: FakeEdge[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const edge of edges.splice(0)) await edge.stop();
});

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves when the output matches. */
  readonly says: (pattern: RegExp) => Promise<void>;
  readonly code: Promise<number | null>;
}

function run(...words: string[]): Running {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let text = "";
  const checks = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      for (const check of checks) check();
    });
  }
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  const says = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (!pattern.test(text)) return;
        checks.delete(check);
        resolve();
      };
      checks.add(check);
      check();
      code.then(() => reject(new Error(`it ended before it said ${pattern}: ${text}`))).catch(() => {});
    });
  return { child, output: () => text, says, code };
}

async function fakeEdge(): Promise<FakeEdge> {
  const edge = await new FakeEdge().start();
  edges.push(edge);
  return edge;
}

test("Ctrl-C, even twice, ends the broadcast at the edge, exits 0 and leaves no FFmpeg process", {
  timeout: 30_000,
}, async () => {
  const edge = await fakeEdge();
  const { child, says, code, output } = run(LAVFI, "--format", "lavfi", "--edge", edge.url, "--key", "secret");
  await says(/On the air.*\/watch\/demo/);
  const ffmpeg = execFileSync("pgrep", ["-P", String(child.pid), "ffmpeg"], { encoding: "utf8" }).trim();
  child.kill("SIGINT");
  child.kill("SIGINT");
  expect(await code).toBe(0);
  expect(output()).toContain("Ended after");
  expect(edge.ended).toBe(true);
  expect(edge.config?.tracks).toMatchObject([
    { name: "90p", kind: "video", codecs: expect.stringMatching(/^avc1\./), width: 160, height: 90, frameRate: 30 },
    { name: "audio", kind: "audio", codecs: "mp4a.40.2", channels: 2 },
  ]);
  expect([...edge.tracks.values()].every(({ parts }) => parts.at(-1)?.meta.close !== undefined)).toBe(true);
  expect(() => process.kill(Number(ffmpeg), 0)).toThrow();
});

test("the broadcast continues when the reader of its log has exited", { timeout: 30_000 }, async () => {
  const edge = await fakeEdge();
  const { child, says, code } = run(LAVFI, "--format", "lavfi", "--edge", edge.url, "--key", "secret", "--verbose");
  await says(/On the air/);
  child.stdout?.destroy();
  child.stderr?.destroy();
  const sent = (): number => [...edge.tracks.values()].reduce((sum, { parts }) => sum + parts.length, 0);
  const before = sent();
  // Each part is a log line.
  while (sent() < before + 6) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGINT");
  expect(await code).toBe(0);
  expect(edge.ended).toBe(true);
});

test("a JSON log names the stream, the event and the links", { timeout: 30_000 }, async () => {
  const edge = await fakeEdge();
  const words = ["--stream", "show", "--log", "json", "--edge", edge.url, "--key", "secret"];
  const { child, says, code, output } = run(LAVFI, "--format", "lavfi", ...words);
  await says(/"on-air".*\n/);
  child.kill("SIGINT");
  expect(await code).toBe(0);
  const records = output()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const record of records)
    expect(record).toMatchObject({
      level: "info",
      stream: "show",
      time: expect.any(Number),
      event: expect.any(String),
    });
  expect(records.find(({ event }) => event === "on-air")).toMatchObject({
    watch: `${edge.url}/watch/show`,
    studio: `${edge.url}/studio/show`,
  });
  expect(records.at(-1)).toMatchObject({ event: "ended" });
});

test("a wrong stream key is one sentence and exit code 1", { timeout: 30_000 }, async () => {
  const edge = await fakeEdge();
  const { code, output } = run(LAVFI, "--format", "lavfi", "--edge", edge.url, "--key", "wrong");
  expect(await code).toBe(1);
  expect(output()).toMatch(/error: The edge refuses the broadcast: 403/);
  expect(output()).not.toContain("    at ");
});

test("a port in use is one sentence and exit code 2", { timeout: 30_000 }, async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const { code, output } = run("--port", String(port));
  expect(await code).toBe(2);
  expect(output()).toContain(`Port ${port} on 127.0.0.1 is in use; choose another with --port.`);
  await new Promise((resolve) => taken.close(resolve));
});

test("an ingest port in use is one sentence and exit code 2", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const { code, output } = run("ingest", "--edge", "http://127.0.0.1:9", "--rtmp-port", String(port));
  expect(await code).toBe(2);
  expect(output()).toContain(`Port ${port} on 127.0.0.1 is in use; choose another with --rtmp-port.`);
  await new Promise((resolve) => taken.close(resolve));
});

test("an ingest node prints what to paste, and ends at Ctrl-C", async () => {
  const ports = ["--rtmp-port", "0", "--srt-port", "0", "--whip-port", "0"];
  const { child, says, code, output } = run("ingest", "--edge", "http://127.0.0.1:9", "--ingest-token", "t", ...ports);
  await says(/Watch:/);
  child.kill("SIGINT");
  expect(await code).toBe(0);
  expect(output()).toMatch(/Server +rtmp:\/\/127\.0\.0\.1:\d+\/live\/demo/);
  expect(output()).toMatch(/SRT: +srt:\/\/127\.0\.0\.1:\d+\?streamid=demo\/KEY-ID&passphrase=PASSPHRASE/);
});

test("records of an ingest node name no stream but the one that they are about", async () => {
  const ports = ["--rtmp-port", "0", "--srt-port", "0", "--whip-port", "0", "--log", "json"];
  const { child, says, code, output } = run("ingest", "--edge", "http://127.0.0.1:9", "--ingest-token", "t", ...ports);
  await says(/Watch:/);
  child.kill("SIGINT");
  expect(await code).toBe(0);
  const records = output()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(records.length).toBeGreaterThan(0);
  for (const record of records) expect(record).not.toHaveProperty("stream");
});

test("invalid arguments are one sentence and exit code 2", async () => {
  const { code, output } = run("--prot", "80");
  expect(await code).toBe(2);
  expect(output()).toBe("There is no option --prot; --help lists them.\n");
});

test("--version is the package's version on one line", async () => {
  const { code, output } = run("--version");
  expect(await code).toBe(0);
  expect(output()).toMatch(/^corral \d+\.\d+\.\d+\n$/);
});
