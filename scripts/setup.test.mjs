import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { withLock } from "./lock.mjs";
import { hasSamePackages, isForThisPlatform, isNewEnough, listRequiredTools, packagesAreInstalled } from "./setup.mjs";
import { findTool, formatInstallCommand, PACKAGE_MANAGERS } from "./tools.mjs";

/** @type {string[]} */
const folders = [];
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), "corral-setup-"));
  folders.push(path);
  return path;
};
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true });
});

test("Node 22.13 and later is accepted, earlier versions are not", () => {
  expect(["22.13.0", "22.20.1", "24.0.0", "100.0.0"].every(isNewEnough)).toBe(true);
  expect(["20.19.4", "22.12.9", "18.20.0", "9.0.0"].some(isNewEnough)).toBe(false);
});

test("packages count as installed when each required one is present in its version, except those of other platforms", () => {
  const wanted = { "": { version: "1" }, "node_modules/a": { version: "2" }, "node_modules/win": { optional: true } };
  expect(hasSamePackages(wanted, { "node_modules/a": { version: "2" } })).toBe(true);
  expect(hasSamePackages(wanted, { "node_modules/a": { version: "3" } })).toBe(false);
  expect(hasSamePackages(wanted, {})).toBe(false);
  expect(hasSamePackages(wanted, { "node_modules/a": { version: "2" }, "node_modules/b": { version: "1" } })).toBe(
    false,
  );
});

test("optional packages for this platform are required, those of other platforms are not", () => {
  const here = { optional: true, os: [process.platform], cpu: [process.arch] };
  const there = { optional: true, os: ["plan9"], cpu: [process.arch] };
  expect(hasSamePackages({ "node_modules/tool-here": here }, {})).toBe(false);
  expect(hasSamePackages({ "node_modules/tool-there": there }, {})).toBe(true);
  const linux = { os: "linux", cpu: "x64", libc: "glibc" };
  expect(isForThisPlatform({ os: ["linux"], cpu: ["x64"], libc: ["glibc"] }, linux)).toBe(true);
  expect(isForThisPlatform({ os: "linux", cpu: "x64" }, linux)).toBe(true);
  expect(isForThisPlatform({ os: ["linux"], cpu: ["x64"], libc: ["musl"] }, linux)).toBe(false);
  expect(isForThisPlatform({ os: ["linux"], cpu: ["arm64"] }, linux)).toBe(false);
  expect(isForThisPlatform({}, linux)).toBe(false);
});

test("a folder without node_modules has no packages installed, and one without a lockfile gets an instruction", () => {
  const root = folder();
  expect(() => packagesAreInstalled(root)).toThrow("package-lock.json cannot be read");
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages: {} }));
  expect(packagesAreInstalled(root)).toBe(false);
});

test("help needs no system packages, tests need Chromium, and a broadcast does not", () => {
  expect(listRequiredTools("origin/main.ts", ["--help"])).toEqual([]);
  expect(listRequiredTools("origin/main.ts", ["in.mp4", "--loop"])).not.toContain("chromium");
  expect(listRequiredTools("scripts/test.ts", [])).toContain("chromium");
});

test("a tool is found on the PATH only when all its programs are present and executable", () => {
  const bin = folder();
  writeFileSync(join(bin, "ffmpeg"), "", { mode: 0o755 });
  expect(findTool("ffmpeg", bin)).toBeNull();
  writeFileSync(join(bin, "ffprobe"), "", { mode: 0o644 });
  expect(findTool("ffmpeg", bin)).toBeNull();
  rmSync(join(bin, "ffprobe"));
  writeFileSync(join(bin, "ffprobe"), "", { mode: 0o755 });
  expect(findTool("ffmpeg", bin)).toBe(join(bin, "ffmpeg"));
});

test("every system gets one command with its own package names", () => {
  const commands = PACKAGE_MANAGERS.map((manager) => formatInstallCommand(manager, ["ffmpeg", "font"]));
  expect(commands).toContain("sudo apt-get install -y --no-install-recommends ffmpeg fonts-dejavu-core fontconfig");
  expect(commands).toContain("sudo pacman -S ffmpeg ttf-dejavu fontconfig");
});

test("concurrent set-ups run one after the other, and leave no lock", async () => {
  const root = folder();
  const lock = join(root, "deep", "setup.lock");
  /** @type {string[]} */
  const steps = [];
  const work = (/** @type {string} */ name) =>
    withLock(
      lock,
      () => {},
      async () => {
        steps.push(`${name} in`);
        await new Promise((resolve) => setTimeout(resolve, 10));
        steps.push(`${name} out`);
      },
    );
  await Promise.all([work("a"), work("b")]);
  expect([steps[0]?.[0], steps[2]?.[0]]).toEqual([steps[1]?.[0], steps[3]?.[0]]);
  expect(readdirSync(join(root, "deep"))).toEqual([]);
});
