/** `npm run conformance -- URL`: checks a broadcast against the LL-HLS rules and prints the results. */
import { defineCommand, runMain } from "citty";
import { describeOptionError } from "../../origin/cli/option-errors.ts";
import { ConformanceError, runConformance } from "./checker.ts";
import { renderResults } from "./result-table.ts";

const ARGS = {
  url: { type: "positional", description: "URL of the multivariant playlist", required: true },
  seconds: { type: "string", description: "how long to follow the broadcast", default: "30" },
  json: { type: "boolean", description: "print the results as JSON", default: false },
  "expect-end": {
    type: "boolean",
    description: "the broadcast ends during the run: check the rules of its end",
    default: false,
  },
} as const;

const command = defineCommand({
  meta: {
    name: "npm run conformance --",
    description: "Checks a live broadcast against the rules of Low-Latency HLS.",
  },
  args: ARGS,
  async run({ args }) {
    const complaint = describeOptionError(args, ARGS);
    if (complaint !== null) {
      process.stderr.write(`${complaint}\n`);
      process.exitCode = 2;
      return;
    }
    const seconds = Number(args.seconds);
    if (!(seconds >= 1 && seconds <= 86_400)) {
      process.stderr.write("--seconds takes a number from 1 to 86400.\n");
      process.exitCode = 2;
      return;
    }
    try {
      const results = await runConformance(args.url, { seconds, expectEnd: args["expect-end"] });
      process.stdout.write(args.json ? `${JSON.stringify(results, null, 2)}\n` : renderResults(results));
      if (results.some(({ status }) => status === "broken" || status === "not-checked")) process.exitCode = 1;
    } catch (error) {
      if (!(error instanceof ConformanceError)) throw error;
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 2;
    }
  },
});

await runMain(command);
