/** Airs an odd source and judges what came out. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Aired, air } from "./air.ts";
import { faultsOf, watch } from "./judge.ts";
import type { OddSource } from "./sources.ts";

/** What came of a source. */
export interface Verdict {
  /** What is wrong, a line each. */
  readonly faults: readonly string[];
  readonly aired: Aired;
}

/** Makes, airs and judges `source`. */
export async function judge(source: OddSource): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), "corral-odd-"));
  try {
    const url = join(folder, source.make(folder));
    const aired = await air({ ...source.air, input: { kind: "file", url, loop: source.loop ?? false } });
    const faults = faultsOf(aired);
    const found = aired.outputs.length === 0 ? [] : (source.check?.(aired, watch(aired, source.pictureAt)) ?? []);
    return { faults: [...faults, ...found.filter((fault) => fault !== false)], aired };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
