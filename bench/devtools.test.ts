import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DevtoolsBrowser } from "./devtools.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "corral-devtools-test-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program in Chromium's place, which writes down its process and profile, and goes on with `then`. */
async function writeProgram(then: string): Promise<string> {
  const path = join(folder, "chromium");
  const script = `#!/bin/sh\necho "$$ $*" > ${join(folder, "started")}\n${then}\n`;
  await writeFile(path, script, { mode: 0o755 });
  return path;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test.each([
  // Port 9 of this machine: nobody listens.
  ["names an address that nobody listens at", 'echo "DevTools listening on ws://127.0.0.1:9/x" >&2; exec sleep 600'],
  ["ends", "exit 1"],
])("of a browser that %s at its start neither the process nor the profile is left", async (_, then) => {
  await expect(DevtoolsBrowser.launch(await writeProgram(then))).rejects.toThrow(/ECONNREFUSED|Chromium ended/);
  const [, pid = "", profile = ""] =
    /^(\d+) .*--user-data-dir=(\S+)/.exec(readFileSync(join(folder, "started"), "utf8")) ?? [];
  expect(profile).toContain("corral-chromium-");
  expect(existsSync(profile)).toBe(false);
  expect(isRunning(Number(pid))).toBe(false);
});

test("a browser that cannot be started is an error of the launch", async () => {
  await expect(DevtoolsBrowser.launch(join(folder, "nothing"))).rejects.toThrow("Chromium cannot be started");
});
