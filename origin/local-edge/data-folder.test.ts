import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { describeFolderError, openDataFolder } from "./data-folder.ts";

const folders: string[] = [];
const newFolder = (): string => {
  const path = join(mkdtempSync(join(tmpdir(), "corral-data-")), "edge");
  folders.push(path);
  return path;
};
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(join(path, ".."), { recursive: true });
});

test("a data folder belongs to one edge at a time, and is free at once when that edge ends, even by SIGKILL", async () => {
  const path = newFolder();
  const refusal = `Another edge uses ${path}; stop it, or choose another folder with --data.`;
  const folder = await openDataFolder(path);
  await expect(openDataFolder(path)).rejects.toThrow(refusal);
  folder.close();
  const holds = `const { openDataFolder } = await import(${JSON.stringify(join(import.meta.dirname, "data-folder.ts"))});
    globalThis.folder = await openDataFolder(${JSON.stringify(path)});
    console.log("held");
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", holds], { stdio: ["ignore", "pipe", "ignore"] });
  await once(holder.stdout, "data");
  await expect(openDataFolder(path)).rejects.toThrow(refusal);
  holder.kill("SIGKILL");
  await once(holder, "exit");
  (await openDataFolder(path)).close();
});

test("secrets differ by name, persist across runs, and are readable by their owner only", async () => {
  const path = newFolder();
  const first = await openDataFolder(path);
  const secrets = [first.secret("viewer"), first.secret("admin")];
  expect(new Set([...secrets, first.secret("viewer")]).size).toBe(2);
  expect(Buffer.from(secrets[0] ?? "", "base64url")).toHaveLength(32);
  first.close();
  expect(statSync(join(path, "secrets.json")).mode & 0o777).toBe(0o600);
  const second = await openDataFolder(path);
  expect([second.secret("viewer"), second.secret("admin")]).toEqual(secrets);
  second.close();
});

test("unreadable secrets are one error sentence and stay unchanged, and the folder is released", async () => {
  const path = newFolder();
  (await openDataFolder(path)).close();
  writeFileSync(join(path, "secrets.json"), "{");
  await expect(openDataFolder(path)).rejects.toThrow(/^The data folder .*edge cannot be used: .*[^.]\.$/);
  expect(readFileSync(join(path, "secrets.json"), "utf8")).toBe("{");
  writeFileSync(join(path, "secrets.json"), "{}");
  (await openDataFolder(path)).close();
});

test("a full disk is named in the error", () => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, mkdir"), { code: "ENOSPC" });
  expect(describeFolderError("/data", full)).toBe(
    "The disk of /data is full; free some space, or choose another folder with --data.",
  );
});
