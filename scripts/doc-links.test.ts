/** Every link and every path of this repository in a document exists. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Files tracked by `git`, and new files that are not ignored. */
const files = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root })
  .stdout.toString()
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(root, path)));
const documents = files.filter((path) => path.endsWith(".md"));
const topFolders = new Set(files.filter((path) => path.includes("/")).map((path) => path.split("/")[0]));
const fileNames = new Set(files.map((path) => basename(path)));

/** Files written by a run. */
const WRITTEN_AT_RUN_TIME = new Set(["secrets.json"]);

/** The anchors that a Markdown document's headings have on GitHub. */
function headingAnchors(text: string): Set<string> {
  const withoutCode = text.replaceAll(/^```[\s\S]*?^```/gm, "");
  const headings = [...withoutCode.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

/** Broken relative links and paths in code spans. `read` returns a file's text. */
function findBrokenReferences(path: string, text: string, read: (path: string) => string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, "");
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  const broken = links.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [file = "", anchor] = target.split("#");
    const linked = file === "" ? path : relative(root, join(root, normalize(join(dirname(path), file))));
    if (!existsSync(join(root, linked))) return true;
    return anchor !== undefined && linked.endsWith(".md") && !headingAnchors(read(linked)).has(anchor);
  });
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span);
  const paths = spans.filter((span) => {
    if (WRITTEN_AT_RUN_TIME.has(span)) return false;
    if (/^\w[\w.-]*\.(ts|tsx|mjs|json|toml|svg|md)$/.test(span)) return !fileNames.has(span);
    const isPath = /^\.?[\w-]+(\/[\w.-]+)*\/?$/.test(span) && span.includes("/");
    return isPath && topFolders.has(span.split("/")[0]) && !existsSync(join(root, span));
  });
  return [...broken, ...paths].map((target) => `${path}: ${target}`);
}

const readDocument = (path: string): string => readFileSync(join(root, path), "utf8");

test("every relative link and path in a document exists", () => {
  const broken = documents.flatMap((path) => findBrokenReferences(path, readDocument(path), readDocument));
  expect(documents.length).toBeGreaterThan(10);
  expect(broken).toEqual([]);
});

test("a broken link, an anchor without a heading and a missing path are found", () => {
  const text = "# One\n[a](#one) [b](#two) [c](absent.md) `core/absent.ts` `core/kit/clock.ts` `absent.ts` `--port N`";
  expect(findBrokenReferences("README.md", text, () => text)).toEqual([
    "README.md: #two",
    "README.md: absent.md",
    "README.md: core/absent.ts",
    "README.md: absent.ts",
  ]);
});
