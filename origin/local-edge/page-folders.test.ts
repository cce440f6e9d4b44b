import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type PageFiles, replacePageFiles, writePageFolder } from "./page-folders.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-pages-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A page that asks for a script, as a build called `name` has them. */
function build(name: string): PageFiles {
  const text = (words: string): Uint8Array => new TextEncoder().encode(words);
  return new Map([
    ["index.html", text(join("assets", `page-${name}.js`))],
    [join("assets", `page-${name}.js`), text(`script ${name}`)],
  ]);
}

/** What the script says that the page in `directory` asks for. */
const shown = (directory: string): string =>
  readFileSync(join(directory, readFileSync(join(directory, "index.html"), "utf8")), "utf8");

test("processes that write pages at once have a folder each, which others leave alone until it is taken away", async () => {
  const [one, two] = await Promise.all(["one", "two"].map((name) => writePageFolder(folder, build(name))));
  expect([one, two].map((own) => shown(own?.directory ?? ""))).toEqual(["script one", "script two"]);
  await one?.remove();
  expect(readdirSync(folder)).toHaveLength(1);
  expect(shown(two?.directory ?? "")).toBe("script two");
  await two?.remove();
  expect(readdirSync(folder)).toEqual([]);
});

test("what a killed process left is cleared away, what one of another machine has is not", async () => {
  const { pid } = spawnSync(process.execPath, ["--version"]);
  const left = `pages-${hostname()}-${pid}-a`;
  const elsewhere = `pages-elsewhere-${pid}-a`;
  for (const name of [left, elsewhere, "media"]) mkdirSync(join(folder, name));
  const own = await writePageFolder(folder, build("one"));
  expect(readdirSync(folder)).not.toContain(left);
  expect(readdirSync(folder)).toEqual(expect.arrayContaining([elsewhere, "media"]));
  await own.remove();
});

test("a folder whose pages are replaced again and again never lacks one, nor what it asks for", async () => {
  const dist = join(folder, "dist");
  await replacePageFiles(dist, build("one"));
  let replaced = false;
  const replacing = (async () => {
    for (const name of ["two", "one", "two", "two", "three"]) await replacePageFiles(dist, build(name));
    replaced = true;
  })();
  const seen = new Set<string>();
  while (!replaced) {
    seen.add(shown(dist));
    await setImmediate();
  }
  await replacing;
  expect(seen.size).toBeGreaterThan(1);
  expect(shown(dist)).toBe("script three");
  expect(readdirSync(join(dist, "assets"))).toEqual(["page-three.js"]);
  expect(readdirSync(folder)).toEqual(["dist"]);
});

test("a replacement that was interrupted leaves whole pages, and the next one tidies up", async () => {
  const dist = join(folder, "dist");
  await replacePageFiles(dist, build("one"));
  const broken = new Map([...build("two"), ["other.html", null as unknown as Uint8Array]]);
  await expect(replacePageFiles(dist, broken)).rejects.toThrow();
  expect(shown(dist)).toBe("script one");
  await replacePageFiles(dist, build("three"));
  expect(shown(dist)).toBe("script three");
  expect(readdirSync(folder)).toEqual(["dist"]);
});
