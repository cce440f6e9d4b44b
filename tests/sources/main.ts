/**
 * `npm run sources`: airs odd sources faster than real time and judges what comes out. Ends non-zero if one is wrong.
 */
import { existsSync, globSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ArgsDef, defineCommand, runMain } from "citty";
import { messageOf } from "../../origin/errors.ts";
import { complaintAbout } from "../../scripts/known-options.ts";
import { type Aired, air } from "./air.ts";
import { faultsOf } from "./judge.ts";
import { repeatedRates } from "./rates.ts";
import { judge } from "./run.ts";
import { type OddSource, SOURCES } from "./sources.ts";

/** The first part of a source is expected within this, milliseconds. */
const ON_AIR_MS = 3000;
/** A file of somebody's is aired for so long, seconds. */
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
    description: "air clips of nine frame rates with 44.1 and 48 kHz, repeated for so long each, instead",
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
    // Any number of words is fine.
    const complaint = complaintAbout({ ...args, _: args._.slice(0, 1) }, ARGS);
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
    const sources = args.rates === undefined ? SOURCES.filter(isMeant) : repeatedRates(minutes * 60);
    if (sources.length + files.length === 0) {
      console.error(`No source and no file is called ${words.join(" or ")}; the sources are:`);
      for (const { name, kind } of SOURCES) console.error(`  ${kind}: ${name}`);
      process.exitCode = 2;
      return;
    }
    const report = new Report();
    for (const source of sources) await report.source(source);
    for (const file of files.flatMap(filesOf).toSorted()) await report.file(file);
    process.exitCode = report.end() ? 0 : 1;
  },
});
/** A file, or all files in a folder. */
function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const paths = globSync("**/*", { cwd: path }).map((name) => join(path, name));
  return paths.filter((name) => statSync(name).isFile());
}

/** Prints a line for each source, and what is wrong with it. */
class Report {
  #right = 0;
  #wrong = 0;

  async source(source: OddSource): Promise<void> {
    const name = `${source.kind}: ${source.name}`;
    try {
      const { faults, aired } = await judge(source);
      this.#tell(name, [...faults, ...lateness(aired)], ` (first part after ${seconds(aired)})`);
    } catch (error) {
      this.#tell(name, [messageOf(error)], "");
    }
  }

  /** On the air without a fault, or one sentence that says why not. */
  async file(url: string): Promise<void> {
    try {
      const aired = await air({ input: { kind: "file", url, loop: false }, untilS: FILE_S });
      const { end, runs, outputs } = aired;
      const isRefused = end.kind === "failed" && runs === 1 && outputs.length === 0;
      const said = [...aired.said, ...(end.kind === "failed" ? [end.message] : [])].join(" ");
      this.#tell(url, isRefused ? [] : [...faultsOf(aired), ...lateness(aired)], said === "" ? "" : `: ${said}`);
    } catch (error) {
      const text = messageOf(error);
      this.#tell(url, /^[^\n]+[.!?]$/.test(text) ? [] : ["it is refused without a sentence"], `: ${text}`);
    }
  }

  /** The sum of it; whether all were right. */
  end(): boolean {
    console.log(`${this.#right} of ${this.#right + this.#wrong} sources are right`);
    return this.#wrong === 0;
  }

  #tell(name: string, faults: readonly string[], note: string): void {
    if (faults.length === 0) this.#right += 1;
    else this.#wrong += 1;
    console.log(`${faults.length === 0 ? "ok    " : "FAILED"} ${name}${note}`);
    for (const fault of faults) console.log(`         ${fault}`);
  }
}

function lateness(aired: Aired): string[] {
  return aired.firstPartMs > ON_AIR_MS ? [`its first part came after ${seconds(aired)}`] : [];
}

function seconds({ firstPartMs }: Aired): string {
  return `${(firstPartMs / 1000).toFixed(1)} s`;
}

await runMain(command);
process.exit();
