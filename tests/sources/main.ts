/**
 * `npm run sources`: airs odd sources faster than real time and checks the output. Exits non-zero on an error.
 */
import { existsSync, globSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ArgsDef, defineCommand, runMain } from "citty";
import { describeOptionError } from "../../origin/cli/option-errors.ts";
import { errorMessage } from "../../origin/kit/errors.ts";
import { outputFaults } from "./decode-output.ts";
import { judgeSource } from "./judge-source.ts";
import type { OddSource } from "./odd-source.ts";
import { packageSource, type SourceOutput } from "./package-source.ts";
import { repeatedRateSources } from "./rates.ts";
import { ODD_SOURCES } from "./sources.ts";

/** The first part of a source must appear within this time, milliseconds. */
const ON_AIR_MS = 3000;
/** A user's file is aired for this long, seconds. */
const FILE_S = 60;

const ARGS = {
  what: {
    type: "positional",
    required: false,
    description:
      "words in the names of sources, or files and folders of yours (default: every source that is made here)",
  },
  rates: {
    type: "string",
    valueHint: "MINUTES",
    description: "air clips of nine frame rates with 44.1 and 48 kHz, repeated for this many seconds each, instead",
  },
} as const satisfies ArgsDef;

const command = defineCommand({
  meta: {
    name: "npm run sources --",
    description: "Airs odd sources faster than real time and judges what comes out.",
  },
  args: ARGS,
  async run({ args }) {
    const minutes = Number(args.rates ?? "1");
    // Any number of arguments is valid.
    const complaint = describeOptionError({ ...args, _: args._.slice(0, 1) }, ARGS);
    if (complaint !== null || !(minutes > 0 && minutes <= 1440)) {
      console.error(complaint ?? "--rates is a number of minutes up to 1440.");
      process.exitCode = 2;
      return;
    }
    const words = args._;
    const files = words.filter((word) => existsSync(word));
    const names = words.filter((word) => !existsSync(word));
    const isMeant = ({ name, kind }: OddSource): boolean =>
      words.length === 0 || names.some((word) => name.includes(word) || kind.includes(word));
    const sources = args.rates === undefined ? ODD_SOURCES.filter(isMeant) : repeatedRateSources(minutes * 60);
    if (sources.length + files.length === 0) {
      console.error(`No source and no file is called ${words.join(" or ")}; the sources are:`);
      for (const { name, kind } of ODD_SOURCES) console.error(`  ${kind}: ${name}`);
      process.exitCode = 2;
      return;
    }
    const report = new Report();
    for (const source of sources) await report.checkSource(source);
    for (const file of files.flatMap(filesOf).toSorted()) await report.checkFile(file);
    process.exitCode = report.end() ? 0 : 1;
  },
});
/** A file, or all files in a folder. */
function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const paths = globSync("**/*", { cwd: path }).map((name) => join(path, name));
  return paths.filter((name) => statSync(name).isFile());
}

/** Prints a line per source, with its errors. */
class Report {
  #passed = 0;
  #failed = 0;

  async checkSource(source: OddSource): Promise<void> {
    const name = `${source.kind}: ${source.name}`;
    try {
      const { faults, aired } = await judgeSource(source);
      this.#print(name, [...faults, ...latenessFaults(aired)], ` (first part after ${seconds(aired)})`);
    } catch (error) {
      this.#print(name, [errorMessage(error)], "");
    }
  }

  /** On air without an error, or one sentence with the reason. */
  async checkFile(url: string): Promise<void> {
    try {
      const aired = await packageSource({ input: { kind: "file", url, loop: false }, untilS: FILE_S });
      const { end, sessions, outputs } = aired;
      const isRefused = end.kind === "failed" && sessions === 1 && outputs.length === 0;
      const said = [...aired.messages, ...(end.kind === "failed" ? [end.message] : [])].join(" ");
      this.#print(
        url,
        isRefused ? [] : [...outputFaults(aired), ...latenessFaults(aired)],
        said === "" ? "" : `: ${said}`,
      );
    } catch (error) {
      const text = errorMessage(error);
      this.#print(url, /^[^\n]+[.!?]$/.test(text) ? [] : ["it is refused without a sentence"], `: ${text}`);
    }
  }

  /** The summary; whether all sources passed. */
  end(): boolean {
    console.log(`${this.#passed} of ${this.#passed + this.#failed} sources are right`);
    return this.#failed === 0;
  }

  #print(name: string, faults: readonly string[], note: string): void {
    if (faults.length === 0) this.#passed += 1;
    else this.#failed += 1;
    console.log(`${faults.length === 0 ? "ok    " : "FAILED"} ${name}${note}`);
    for (const fault of faults) console.log(`         ${fault}`);
  }
}

function latenessFaults(aired: SourceOutput): string[] {
  return aired.firstPartMs > ON_AIR_MS ? [`its first part came after ${seconds(aired)}`] : [];
}

function seconds({ firstPartMs }: SourceOutput): string {
  return `${(firstPartMs / 1000).toFixed(1)} s`;
}

await runMain(command);
process.exit();
