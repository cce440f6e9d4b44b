import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { PageFiles } from "../origin/local-edge/page-folders.ts";
import { replacePageFiles } from "./build-pages.ts";

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

test("a page folder that is replaced repeatedly always has all its files", async () => {
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

test("an interrupted replacement leaves complete pages, and the next one removes its leftovers", async () => {
  const dist = join(folder, "dist");
  await replacePageFiles(dist, build("one"));
  const broken = new Map([...build("two"), ["other.html", null as unknown as Uint8Array]]);
  await expect(replacePageFiles(dist, broken)).rejects.toThrow();
  expect(shown(dist)).toBe("script one");
  await replacePageFiles(dist, build("three"));
  expect(shown(dist)).toBe("script three");
  expect(readdirSync(folder)).toEqual(["dist"]);
});
