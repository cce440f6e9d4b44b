/** Which branches of the sources simulations have reached: counts of all bundles that have a file, by its own lines. */
import { SourceMap } from "node:module";
import type { BundledScript } from "../kernel/product-code.ts";
import { type BranchPoint, findBranches } from "./branch-points.ts";
import { type CountedRange, countsAt } from "./script-coverage.ts";

/** A branch of a source file. */
export interface SourceBranch {
  readonly kind: string;
  /** From 1. */
  readonly line: number;
  count: number;
}

interface PlacedBranch {
  readonly point: BranchPoint;
  readonly branch: SourceBranch;
}

/** Branches of all sources whose path is accepted. */
export class BranchCoverage {
  readonly #placed = new Map<string, PlacedBranch[]>();
  readonly #files = new Map<string, Map<string, SourceBranch>>();

  /** `isCounted`: of a path from the project's folder. */
  constructor(scripts: readonly BundledScript[], isCounted: (path: string) => boolean) {
    for (const script of scripts) this.#placed.set(script.name, this.#place(script, isCounted));
  }

  /** Branches by file. */
  get files(): ReadonlyMap<string, readonly SourceBranch[]> {
    return new Map([...this.#files].map(([path, branches]) => [path, [...branches.values()]]));
  }

  /** Adds counts of one script. */
  add(name: string, ranges: readonly CountedRange[]): void {
    const placed = this.#placed.get(name) ?? [];
    const offsets = [...new Set(placed.flatMap(({ point }) => [point.at, point.lessAt ?? point.at]))].sort(
      (a, b) => a - b,
    );
    const counts = countsAt(ranges, offsets);
    const countOf = new Map(offsets.map((offset, index) => [offset, counts[index] ?? 0]));
    for (const { point, branch } of placed) {
      const less = point.lessAt === null ? 0 : (countOf.get(point.lessAt) ?? 0);
      branch.count += Math.max(0, (countOf.get(point.at) ?? 0) - less);
    }
  }

  #place({ code, map }: BundledScript, isCounted: (path: string) => boolean): PlacedBranch[] {
    const sourceMap = new SourceMap(JSON.parse(map));
    const locate = makeLocator(code);
    return findBranches(code).flatMap((point) => {
      const { line, column } = locate(point.at);
      const entry = sourceMap.findEntry(line, column);
      // What the bundler adds by itself has no place in a source: no entry, or one without a name.
      if (!("originalSource" in entry) || entry.originalSource === undefined) return [];
      if (!isCounted(entry.originalSource)) return [];
      const { originalSource, originalLine, originalColumn } = entry;
      const branches = this.#files.get(originalSource) ?? new Map<string, SourceBranch>();
      this.#files.set(originalSource, branches);
      const key = `${originalLine}:${originalColumn}:${point.kind}`;
      const branch = branches.get(key) ?? { kind: point.kind, line: originalLine + 1, count: 0 };
      branches.set(key, branch);
      return [{ point, branch }];
    });
  }
}

/** Line and column of a character, both from 0. */
function makeLocator(code: string): (offset: number) => { readonly line: number; readonly column: number } {
  const starts = [0];
  for (let at = code.indexOf("\n"); at >= 0; at = code.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low, column: offset - (starts[low] ?? 0) };
  };
}
