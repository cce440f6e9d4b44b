/** `npm run attack`: every test of tests/attacks at full scale, and a table of its measurements. */
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineCommand, runMain } from "citty";
import type { Reporter } from "vitest/node";
import { describeOptionError } from "../../origin/cli/option-errors.ts";
import { runTests } from "../../scripts/run-tests.ts";

/** Timeout of an attack at full scale: floods, days in simulated time, a hundred kills. */
const TEST_TIMEOUT_MS = 900_000;

const ARGS = {
  what: {
    type: "positional",
    required: false,
    description: "words in the paths of test files (default: every attack)",
  },
} as const;

/** A line printed by a test (by `figure` of scale.ts, or otherwise). */
const FIGURE = /^(?:figure: )?(.+?)(?: \| (.*?))?(?: \| (.*))?$/;

const command = defineCommand({
  meta: {
    name: "npm run attack --",
    description: "Attacks this machine's own edge in every way that tests/attacks knows, in full. Takes minutes.",
  },
  args: ARGS,
  async run({ args }) {
    const words = args._;
    const complaint = describeOptionError({ ...args, _: words.slice(0, 1) }, ARGS);
    if (complaint !== null) {
      console.error(complaint);
      process.exitCode = 2;
      return;
    }
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const files = globSync("tests/attacks/**/*.test.ts", { cwd: root }).sort();
    const meant = files.filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
    if (meant.length === 0) {
      console.error(`No attack's path contains ${words.join(" or ")}; the attacks are:\n  ${files.join("\n  ")}`);
      process.exitCode = 2;
      return;
    }
    process.env["CORRAL_ATTACK"] = "whole";
    console.log(`corral: ${meant.length} files of attacks, in full: each says when it is done…`);
    const figures: Record<"figure" | "measured" | "goal", string>[] = [];
    const reporter: Reporter = {
      onUserConsoleLog({ content, type }) {
        if (type !== "stdout") return;
        for (const line of content.split("\n")) {
          const [, figure, measured = "", goal = ""] = FIGURE.exec(line) ?? [];
          if (figure !== undefined) figures.push({ figure, measured, goal });
        }
      },
    };
    const closing = (): void => {
      if (figures.length > 0) console.table(figures);
    };
    await runTests({ filters: meant, testTimeoutMs: TEST_TIMEOUT_MS, reporter, onEnd: closing });
  },
});

await runMain(command);
