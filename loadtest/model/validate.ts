/** Compares the model with the load test: k6's viewers against the real Worker and objects. */
import { runLoad } from "../run.ts";
import { compareWithModel, type TierComparison } from "./compare.ts";
import { formatScaled, markdownTable } from "./print.ts";

/** The compared sizes. */
const VALIDATION_SIZES = [
  { viewers: 100, isolates: 2 },
  { viewers: 400, isolates: 2 },
] as const;
const SHAPE = { partMs: 1_000, partsPerSegment: 2, tracks: { av: 50_000 } };
const SECONDS = 30;
const COLOS = 4;
const REGIONS = 2;

/** A size with its comparisons. */
export interface TreeValidation {
  readonly viewers: number;
  readonly comparisons: readonly TierComparison[];
}

/** Runs the load test and the model at each size. Throws errors of `runLoad`. */
export async function validateTree(onProgress: (line: string) => void): Promise<readonly TreeValidation[]> {
  const done: TreeValidation[] = [];
  for (const { viewers, isolates } of VALIDATION_SIZES) {
    onProgress(`${viewers} viewers against ${COLOS} data centres for ${SECONDS} s …`);
    const result = await runLoad(
      {
        scenario: "steady",
        viewers,
        seconds: SECONDS,
        colos: COLOS,
        regions: REGIONS,
        isolates,
        latencyMs: 20,
        shape: SHAPE,
        faults: [],
        failOnStalls: true,
        target: null,
      },
      onProgress,
    );
    done.push({ viewers, comparisons: compareWithModel(result) });
  }
  return done;
}

/** The comparison as a table. */
export function treeValidationTable(validations: readonly TreeValidation[]): string {
  return markdownTable(
    ["viewers", "requests at", "measured", "modelled", "measured ÷ modelled"],
    validations.flatMap(({ viewers, comparisons }) =>
      comparisons.map(({ tier, measured, modelled, ratio }) => [
        formatScaled(viewers),
        tier,
        String(measured),
        String(modelled),
        ratio === null ? "too few" : ratio.toFixed(2),
      ]),
    ),
  );
}
