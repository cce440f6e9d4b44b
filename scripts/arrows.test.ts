import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** One import per file, and the rule of `.dependency-cruiser.cjs` that it breaks; null if none. */
const IMPORTS: readonly (readonly [from: string, to: string, rule: string | null, keyword?: string])[] = [
  ["core/delivery/a.ts", "core/media/x.ts", null],
  ["core/media/a.ts", "core/delivery/x.ts", "core/media imports kit, broadcast, media only"],
  ["core/kit/types.ts", "core/access/x.ts", "core/kit imports kit only", "import type"],
  ["core/room/a.ts", "workers/x.ts", "core imports no runtime"],
  ["core/room/b.ts", "core/kit/workerd/x.ts", "core is pure"],
  ["core/access/workerd/a.ts", "core/kit/workerd/x.ts", null],
  ["web/src/kit/a.ts", "core/kit/workerd/x.ts", "workerd/ is for the Worker"],
  ["origin/a.ts", "workers/x.ts", "origin imports no other runtime"],
  ["web/src/chat/types.ts", "durable-objects/live/x.ts", "web imports no other runtime", "import type"],
  ["workers/access/a.ts", "workers/api/x.ts", "workers/access imports kit, access only"],
  ["workers/env.ts", "durable-objects/live/x.ts", null, "import type"],
  ["workers/b.ts", "durable-objects/live/x.ts", "workers import types of objects only"],
  ["workers/index.ts", "durable-objects/live/x.ts", null],
  ["workers/c.ts", "web/csp.ts", null],
  ["durable-objects/shield/a.ts", "durable-objects/live/x.ts", "durable-objects/shield imports kit, shield only"],
  ["origin/b.ts", "scripts/x.ts", "production imports nothing of scripts and tests"],
  ["origin/c.ts", "core/kit/testing.ts", "production imports nothing of scripts and tests"],
  ["origin/c.test.ts", "tests/x.ts", null],
  ["scripts/a.ts", "origin/x.ts", null],
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-arrows-"));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const [, to] of IMPORTS) write(to, "export const x = 1;\n");
  for (const [from, to, , keyword = "import"] of IMPORTS) {
    write(
      from,
      `${keyword} { x } from "${relative(dirname(join(folder, from)), join(folder, to))}";\nexport type X = typeof x;\nx;\n`,
    );
  }
  write("tests/one.ts", 'import { two } from "./two.ts";\nexport const one = (): number => two();\n');
  write("tests/two.ts", 'import { one } from "./one.ts";\nexport const two = (): number => one();\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("an import outside the list breaks the domain's rule, also a type-only import", () => {
  const { stdout } = spawnSync(
    join(ROOT, "node_modules/.bin/depcruise"),
    ["--config", join(ROOT, ".dependency-cruiser.cjs"), "--output-type", "json", "."],
    { cwd: folder, encoding: "utf8" },
  );
  const { summary } = JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } };
  const broken = new Map(summary.violations.map(({ from, rule }) => [from, rule.name]));
  const expected = IMPORTS.filter(([, , rule]) => rule !== null).map(([from, , rule]) => [from, rule] as const);
  expect(broken).toEqual(new Map([...expected, ["tests/one.ts", "no cycle"]]));
});
