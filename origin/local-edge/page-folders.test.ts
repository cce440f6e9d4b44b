import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type PageFiles, writePageFolder } from "./page-folders.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-pages-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A page that loads a script, as from a build named `name`. */
function build(name: string): PageFiles {
  const text = (words: string): Uint8Array => new TextEncoder().encode(words);
  return new Map([
    ["index.html", text(join("assets", `page-${name}.js`))],
    [join("assets", `page-${name}.js`), text(`script ${name}`)],
  ]);
}

/** The content of the script that the page in `directory` loads. */
const shown = (directory: string): string =>
  readFileSync(join(directory, readFileSync(join(directory, "index.html"), "utf8")), "utf8");

test("concurrent processes have one page folder each, which others leave alone until it is removed", async () => {
  const [one, two] = await Promise.all(["one", "two"].map((name) => writePageFolder(folder, build(name))));
  expect([one, two].map((own) => shown(own?.directory ?? ""))).toEqual(["script one", "script two"]);
  await one?.remove();
  expect(readdirSync(folder)).toHaveLength(1);
  expect(shown(two?.directory ?? "")).toBe("script two");
  await two?.remove();
  expect(readdirSync(folder)).toEqual([]);
});

test("folders of killed processes are removed, and those of other machines are not", async () => {
  const { pid } = spawnSync(process.execPath, ["--version"]);
  const left = `pages-${hostname()}-${pid}-a`;
  const elsewhere = `pages-elsewhere-${pid}-a`;
  for (const name of [left, elsewhere, "media"]) mkdirSync(join(folder, name));
  const own = await writePageFolder(folder, build("one"));
  expect(readdirSync(folder)).not.toContain(left);
  expect(readdirSync(folder)).toEqual(expect.arrayContaining([elsewhere, "media"]));
  await own.remove();
});
