/** The model beside the real harness: k6's viewers against the real Worker and objects, and the same crowd modelled. */
import { runLoad } from "../run.ts";
import { type Beside, besideOf } from "./beside.ts";
import { short, table } from "./print.ts";

/** The sizes that are compared. */
const SIZES = [
  { viewers: 100, isolates: 2 },
  { viewers: 400, isolates: 2 },
] as const;
const SHAPE = { partMs: 1_000, partsPerSegment: 2, tracks: { av: 50_000 } };
const SECONDS = 30;
const COLOS = 4;
const REGIONS = 2;

/** A size, and what both counted. */
export interface Validation {
  readonly viewers: number;
  readonly beside: readonly Beside[];
}

/** Runs the harness at each size and the model with it. Throws what `runLoad` throws. */
export async function validate(say: (line: string) => void): Promise<readonly Validation[]> {
  const done: Validation[] = [];
  for (const { viewers, isolates } of SIZES) {
    say(`${viewers} viewers against ${COLOS} data centres for ${SECONDS} s …`);
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
        judgeStalls: true,
        target: null,
      },
      say,
    );
    done.push({ viewers, beside: besideOf(result) });
  }
  return done;
}

/** The comparison as a table. */
export function validationTable(validations: readonly Validation[]): string {
  return table(
    ["viewers", "requests at", "measured", "modelled", "measured ÷ modelled"],
    validations.flatMap(({ viewers, beside }) =>
      beside.map(({ tier, measured, modelled, ratio }) => [
        short(viewers),
        tier,
        String(measured),
        String(modelled),
        ratio === null ? "too few to compare" : ratio.toFixed(2),
      ]),
    ),
  );
}
