/** Packages an odd source and checks the output. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeOutput, outputFaults } from "./decode-output.ts";
import type { OddSource } from "./odd-source.ts";
import { packageSource, type SourceOutput } from "./package-source.ts";

/** The result of a source. */
export interface SourceVerdict {
  /** Errors, one per line. */
  readonly faults: readonly string[];
  readonly aired: SourceOutput;
}

/** Creates, airs and checks `source`. */
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
