/**
 * `npm run sources [-- NAME… | FILE…]`: airs odd sources faster than real time and judges what comes out: all that are
 * made here, those whose name contains NAME, or the files given. Ends non-zero if one is wrong.
 */
import { existsSync, globSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../origin/errors.ts";
import { air } from "./air.ts";
import { faultsOf } from "./judge.ts";
import { judge } from "./run.ts";
import { SOURCES } from "./sources.ts";

/** The first part of a source is expected within this, milliseconds. */
const ON_AIR_MS = 3000;
/** A file of somebody's is aired for so long, seconds. */
const FILE_S = 60;

const words = process.argv.slice(2);
const files = words.filter((word) => existsSync(word));
const names = words.filter((word) => !existsSync(word));
const wrong: string[] = [];
let right = 0;

function tell(name: string, faults: readonly string[], note: string): void {
  if (faults.length === 0) right += 1;
  else wrong.push(name);
  console.log(`${faults.length === 0 ? "ok    " : "FAILED"} ${name}${note}`);
  for (const fault of faults) console.log(`         ${fault}`);
}

const chosen = SOURCES.filter(({ name, kind }) => names.some((word) => name.includes(word) || kind.includes(word)));
const made = words.length === 0 ? SOURCES : chosen;
if (words.length > 0 && made.length + files.length === 0) {
  console.error(`No source and no file is called ${words.join(" or ")}; the sources are:`);
  for (const { name, kind } of SOURCES) console.error(`  ${kind}: ${name}`);
  process.exit(2);
}
for (const source of made) {
  try {
    const { faults, aired } = await judge(source);
    const late =
      aired.firstPartMs > ON_AIR_MS ? [`its first part came after ${(aired.firstPartMs / 1000).toFixed(1)} s`] : [];
    tell(
      `${source.kind}: ${source.name}`,
      [...faults, ...late],
      ` (first part after ${(aired.firstPartMs / 1000).toFixed(1)} s)`,
    );
  } catch (error) {
    tell(`${source.kind}: ${source.name}`, [messageOf(error)], "");
  }
}
const all = files.flatMap((path) =>
  statSync(path).isDirectory()
    ? globSync("**/*", { cwd: path })
        .map((name) => join(path, name))
        .filter((name) => statSync(name).isFile())
    : [path],
);
for (const url of all.toSorted()) {
  try {
    const aired = await air({ input: { kind: "file", url, loop: false }, untilS: FILE_S });
    const late =
      aired.firstPartMs > ON_AIR_MS ? [`its first part came after ${(aired.firstPartMs / 1000).toFixed(1)} s`] : [];
    const faults =
      aired.end.kind === "failed" && aired.runs === 1 && aired.outputs.length === 0
        ? []
        : [...faultsOf(aired), ...late];
    const said = [...aired.said, ...(aired.end.kind === "failed" ? [aired.end.message] : [])];
    tell(url, faults, said.length === 0 ? "" : `: ${said.join(" ")}`);
  } catch (error) {
    // One sentence that says why is an answer.
    const text = messageOf(error);
    tell(url, text.includes("\n") || !/[.!?]$/.test(text) ? [text] : [], `: not on the air: ${text}`);
  }
}
console.log(`${right} of ${right + wrong.length} sources are right`);
process.exit(wrong.length === 0 ? 0 : 1);
