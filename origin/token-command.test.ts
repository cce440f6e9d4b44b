import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemPlatform } from "../core/kit/system-platform.ts";
import { type CommandResult, runTokenCommand, type TokenEnvironment } from "./token-command.ts";

const SECRET = "a viewer secret of the tests, 32 bytes";

const run = (words: readonly string[], env: TokenEnvironment = {}): Promise<CommandResult> =>
  runTokenCommand(words, env, systemPlatform);

test("the secret is read where npm start keeps it, and never printed; without one the error says what to do", async () => {
  const folder = mkdtempSync(join(tmpdir(), "corral-token-"));
  try {
    const words = ["--role", "host", "--stream", "show", "--data", folder];
    const without = await run(words);
    expect(without).toMatchObject({ code: 2, out: "" });
    expect(without.err).toMatch(/has no key yet: start the edge once with npm start/);
    writeFileSync(join(folder, "secrets.json"), JSON.stringify({ viewer: SECRET }));
    const made = await run(words);
    expect(made).toMatchObject({ code: 0, err: "" });
    expect(made.out).toContain("http://127.0.0.1:8787/studio/show#token=");
    expect(made.out).not.toContain(SECRET);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a deployed edge's secret comes from a file or the environment, and is long enough", async () => {
  const words = ["--role", "viewer", "--edge", "https://e.example"];
  expect((await run(words)).err).toMatch(/--edge needs the edge's viewer secret/);
  expect((await run(words, { CORRAL_VIEWER_SECRET: "short" })).err).toMatch(/at least 32 bytes/);
  expect((await run([...words, "--secret-file", "/no/such"])).err).toMatch(/--secret-file cannot be read/);
  const made = await run(words, { CORRAL_VIEWER_SECRET: SECRET });
  expect(made.out).toContain("https://e.example/watch/demo#token=");
  expect(made.out).not.toContain(SECRET);
});
