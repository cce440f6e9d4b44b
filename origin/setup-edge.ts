/** `npm run setup-edge`: deploys an edge to Cloudflare, and ends with a link to the studio. */
import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import { systemPlatform } from "../core/kit/system-platform.ts";
import { UsageError } from "./kit/errors.ts";
import { setUpEdge } from "./setup/setup-edge.ts";
import { parseSetupOptions, renderSetupHelp } from "./setup/setup-options.ts";
import { askOnTerminal } from "./setup/terminal-question.ts";
import { WranglerError } from "./setup/wrangler.ts";

/** Bytes of a secret, as the edge requires. */
const SECRET_BYTES = 32;

// An exit removes what the run has written for wrangler; a signal alone would not.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => process.exit(128 + constants.signals[signal]));

process.exitCode = await main(process.argv.slice(2));

/** Runs the command; returns the exit code: 0, 1 for a failure, 2 for wrong usage. */
async function main(words: readonly string[]): Promise<number> {
  if (words.includes("--help") || words.includes("-h")) {
    process.stdout.write(renderSetupHelp());
    return 0;
  }
  try {
    await setUpEdge(parseSetupOptions(words), {
      env: process.env,
      nowMs: () => systemPlatform.clock.nowMs(),
      newSecret: () => randomBytes(SECRET_BYTES).toString("hex"),
      print: (line) => process.stdout.write(`${line}\n`),
      ask: process.stdin.isTTY ? (question) => askOnTerminal(question) : null,
    });
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof WranglerError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}
