/** Packages an odd source and judges the output. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeOutput, outputFaults } from "./decode-output.ts";
import type { OddSource } from "./odd-source.ts";
import { packageSource, type SourceOutput } from "./package-source.ts";

/** What came of a source. */
export interface SourceVerdict {
  /** What is wrong, a line each. */
  readonly faults: readonly string[];
  readonly aired: SourceOutput;
}

/** Makes, airs and judges `source`. */
export async function judgeSource(source: OddSource): Promise<SourceVerdict> {
  const folder = mkdtempSync(join(tmpdir(), "corral-odd-"));
  try {
    const url = join(folder, source.make(folder));
    const aired = await packageSource({ ...source.options, input: { kind: "file", url, loop: source.loop ?? false } });
    const faults = outputFaults(aired);
    const found =
      aired.outputs.length === 0 ? [] : (source.check?.(aired, decodeOutput(aired, source.pictureAt)) ?? []);
    return { faults: [...faults, ...found.filter((fault) => fault !== false)], aired };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
