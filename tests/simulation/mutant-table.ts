/** `npm run simulate -- --mutants`: finds all mutants, and prints how. A run that was interrupted goes on by its results. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { renderMarkdownTable } from "../../core/api/markdown-table.ts";
import { loadMediaCode } from "./media/media-world.ts";
import { findMutant, listMutants, type MutantResult } from "./mutants.ts";

/**
 * Finds every mutant whose name contains `part`; false where one is not found. `resultsFile`: JSON lines that results are
 * added to; what it has is not run again.
 */
export async function proveMutants(
  root: string,
  folder: string,
  part: string,
  resultsFile: string | null,
): Promise<boolean> {
  const known = readResults(resultsFile);
  const results: MutantResult[] = [];
  const sound = await loadMediaCode(root);
  for (const name of listMutants(folder, part)) {
    const result = known.get(name) ?? (await findMutant(root, folder, name, sound));
    results.push(result);
    if (known.has(name)) continue;
    if (resultsFile !== null) appendFileSync(resultsFile, `${JSON.stringify(result)}\n`);
    console.log(`${name}: ${describe(result)}`);
  }
  const found = results.filter((result) => result.found !== null).length;
  console.log(`\n${renderTable(results)}\n\n${found} of ${results.length} mutants found`);
  return found === results.length;
}

function readResults(file: string | null): Map<string, MutantResult> {
  if (file === null || !existsSync(file)) return new Map();
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  return new Map(lines.map((line) => JSON.parse(line) as MutantResult).map((result) => [result.name, result]));
}

function describe({ description, found }: MutantResult): string {
  if (found === null) return `NOT FOUND\n  ${description}`;
  const seeds = `${found.seeds} seed${found.seeds === 1 ? "" : "s"}`;
  return `found after ${seeds} by ${found.checker}\n  ${description}\n  ${found.message.slice(0, 160)}`;
}

function renderTable(results: readonly MutantResult[]): string {
  const rows = results.map(({ name, found, seconds }) => [
    name,
    found === null ? "not found" : String(found.seeds),
    found?.checker ?? "–",
    String(seconds),
  ]);
  return renderMarkdownTable(["mutant", "seeds", "checker", "seconds"], rows).join("\n");
}
