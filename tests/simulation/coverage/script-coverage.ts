/** Counts of V8's block coverage for the scripts of the product's bundles, summed over all evaluations. */
import { type Profiler, Session } from "node:inspector";

/** A range of characters of a script, and how often it was entered. */
export interface CountedRange {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** Records which blocks run, from before the code is loaded. */
export class CoverageRecorder {
  readonly #session = new Session();

  /** Starts. Code that was compiled before is not counted. */
  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Ranges by the name of their script, of all scripts whose name has `prefix`; counting begins anew. */
  take(prefix: string): Map<string, CountedRange[]> {
    const scripts = new Map<string, CountedRange[]>();
    this.#session.post("Profiler.takePreciseCoverage", (error, taken?: Profiler.TakePreciseCoverageReturnType) => {
      if (error !== null) throw error;
      for (const { url, functions } of taken?.result ?? []) {
        if (!url.startsWith(prefix)) continue;
        const ranges = scripts.get(url) ?? [];
        for (const each of functions) ranges.push(...each.ranges);
        scripts.set(url, ranges);
      }
    });
    return scripts;
  }

  /** Stops; frees what V8 keeps for it. */
  stop(): void {
    this.#session.post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }
}

/** How often characters of a script ran: the count of the innermost range around each. `offsets` ascend. */
export function countsAt(ranges: readonly CountedRange[], offsets: readonly number[]): number[] {
  const sorted = [...ranges].sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const open: CountedRange[] = [];
  let next = 0;
  return offsets.map((offset) => {
    for (let range = sorted[next]; range !== undefined && range.startOffset <= offset; range = sorted[next]) {
      closeBefore(open, range.startOffset);
      open.push(range);
      next += 1;
    }
    closeBefore(open, offset);
    return open.at(-1)?.count ?? 0;
  });
}

function closeBefore(open: CountedRange[], offset: number): void {
  for (let last = open.at(-1); last !== undefined && last.endOffset <= offset; last = open.at(-1)) open.pop();
}
