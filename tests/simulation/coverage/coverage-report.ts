/** What a measurement of coverage prints: a line a file, what is missing, and a total a folder. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SourceBranch } from "./branch-coverage.ts";
import { UNREACHABLE, type UnreachableBranch } from "./unreachable.ts";

interface FileReport {
  readonly reached: number;
  readonly missing: readonly SourceBranch[];
  readonly unreachable: readonly (SourceBranch & { readonly why: string })[];
}

/**
 * Prints all files of the folders, the ones without branches and those that no part loads too; and which entries of
 * `UNREACHABLE` are not true: all their branches were reached, or there are none.
 */
export function printCoverage(
  root: string,
  folders: readonly string[],
  files: readonly string[],
  branches: ReadonlyMap<string, readonly SourceBranch[]>,
): void {
  const reports = new Map<string, FileReport>();
  for (const path of files) {
    const report = reportFile(root, path, branches.get(path) ?? []);
    reports.set(path, report);
    const { reached, missing, unreachable } = report;
    if (reached + missing.length + unreachable.length === 0) console.log(`${path}: no branches, or not loaded`);
    else console.log(`${path}: ${describe(report)}${missing.length === 0 ? "" : `; missing ${listLines(missing)}`}`);
    for (const { line, kind, why } of unreachable) console.log(`  unreachable: ${line} ${kind}, ${why}`);
  }
  for (const known of UNREACHABLE) {
    const refuted = refute(root, known, branches.get(known.path) ?? []);
    if (refuted !== null) console.log(`listed as unreachable, but ${refuted}: ${known.path}: ${known.text}`);
  }
  for (const folder of folders) {
    const all = [...reports].flatMap(([path, report]) => (path.startsWith(`${folder}/`) ? [report] : []));
    console.log(
      `${folder}: ${describe({
        reached: all.reduce((sum, { reached }) => sum + reached, 0),
        missing: all.flatMap(({ missing }) => missing),
        unreachable: all.flatMap(({ unreachable }) => unreachable),
      })}`,
    );
  }
}

/** Why an entry of the list is wrong, or null. */
function refute(root: string, known: UnreachableBranch, branches: readonly SourceBranch[]): string | null {
  const lines = readFileSync(join(root, known.path), "utf8").split("\n");
  const matching = branches.filter((branch) => isListedBy(known, known.path, branch, lines));
  if (matching.length === 0) return "there is no such branch";
  return matching.every(({ count }) => count > 0) ? "reached" : null;
}

function isListedBy(known: UnreachableBranch, path: string, { line, kind }: SourceBranch, lines: string[]): boolean {
  const text = lines[line - 1] ?? "";
  return known.path === path && text.includes(known.text) && (known.kinds?.includes(kind) ?? true);
}

function reportFile(root: string, path: string, branches: readonly SourceBranch[]): FileReport {
  const lines = readFileSync(join(root, path), "utf8").split("\n");
  const missed = branches.filter(({ count }) => count === 0).sort((a, b) => a.line - b.line);
  const whyOf = (branch: SourceBranch): string | null =>
    UNREACHABLE.find((known) => isListedBy(known, path, branch, lines))?.why ?? null;
  return {
    reached: branches.length - missed.length,
    missing: missed.filter((branch) => whyOf(branch) === null),
    unreachable: missed.flatMap((branch) => {
      const why = whyOf(branch);
      return why === null ? [] : [{ ...branch, why }];
    }),
  };
}

function describe({ reached, missing, unreachable }: FileReport): string {
  const reachable = reached + missing.length;
  const share = reachable === 0 ? "–" : `${((100 * reached) / reachable).toFixed(1)} %`;
  const rest = unreachable.length === 0 ? "" : `, ${unreachable.length} more are unreachable`;
  return `${reached} of ${reachable} branches, ${share}${rest}`;
}

const listLines = (missing: readonly SourceBranch[]): string =>
  missing.map(({ line, kind }) => `${line} ${kind}`).join(", ");
