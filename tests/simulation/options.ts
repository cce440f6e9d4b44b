/** The options of `npm run simulate`. */
import { FAULT_GROUPS, type FaultGroup } from "./media/fault-schedule.ts";
import { SIDES, type Side } from "./sides.ts";

/** The options as the command line has them. */
export const SIMULATE_ARGS = {
  seed: { type: "string", description: "the first seed", default: "1", valueHint: "N" },
  seeds: { type: "string", description: "how many seeds, one after the other", default: "1", valueHint: "K" },
  minutes: { type: "string", description: "simulated minutes with viewers and faults", default: "2", valueHint: "M" },
  viewers: { type: "string", description: "viewers", default: "20", valueHint: "N" },
  faults: {
    type: "string",
    description: "groups of faults: network, objects, isolates, storage, clocks, publishers, viewers; or none",
    default: "all",
    valueHint: "LIST",
  },
  side: { type: "string", description: "media, room, or both", default: "both", valueHint: "SIDE" },
  only: { type: "string", description: "only these faults of the seed, by number", valueHint: "LIST" },
  trace: { type: "boolean", description: "print the timeline: what each node did" },
  shrink: { type: "boolean", description: "cut a failing run to the shortest that still fails", default: true },
  measure: { type: "boolean", description: "print how fast it is, with 50 viewers of 3 tracks and a room of 50" },
  coverage: {
    type: "boolean",
    description: "count which branches of core/ the seeds reach, and go on after a failure",
  },
  mutants: { type: "boolean", description: "prove that the checkers find the faults of tests/simulation/mutants" },
  results: {
    type: "string",
    description: "with --mutants: a file that results are added to, and whose mutants are not run again",
    valueHint: "FILE",
  },
  mutant: { type: "string", description: "with --mutants: only those whose names contain this", valueHint: "NAME" },
} as const;
/** The options as they are used. */
export interface SimulateOptions {
  readonly seed: number;
  readonly seeds: number;
  readonly durationMs: number;
  readonly viewers: number;
  readonly faults: readonly FaultGroup[];
  readonly sides: readonly Side[];
  readonly only: ReadonlySet<number> | null;
}

interface RawOptions {
  readonly seed: string;
  readonly seeds: string;
  readonly minutes: string;
  readonly viewers: string;
  readonly faults: string;
  readonly side: string;
  readonly only?: string | undefined;
}

/** Reads the options; a sentence where one is wrong. */
export function parseOptions(raw: RawOptions): SimulateOptions | string {
  const [seed, seeds, minutes, viewers] = [
    Number(raw.seed),
    Number(raw.seeds),
    Number(raw.minutes),
    Number(raw.viewers),
  ];
  if (!Number.isSafeInteger(seed) || seed < 0) return "--seed is a whole number from 0.";
  if (!Number.isSafeInteger(seeds) || seeds < 1) return "--seeds is a whole number from 1.";
  if (!(minutes > 0 && minutes <= 600)) return "--minutes is a number above 0, up to 600.";
  if (!Number.isInteger(viewers) || viewers < 0 || viewers > 1_000)
    return "--viewers is a whole number from 0 to 1000.";
  const faults = parseFaults(raw.faults);
  if (faults === null) return `--faults is "all", "none", or some of ${FAULT_GROUPS.join(",")}.`;
  const sides = raw.side === "both" ? SIDES : SIDES.filter((side) => side === raw.side);
  if (sides.length === 0) return '--side is "media", "room" or "both".';
  const only = raw.only === undefined ? null : new Set(splitList(raw.only).map(Number));
  if (only !== null && [...only].some((number) => !Number.isInteger(number)))
    return "--only is a list of whole numbers.";
  return { seed, seeds, durationMs: Math.round(60_000 * minutes), viewers, faults, sides, only };
}

const splitList = (list: string): string[] => list.split(",").filter((item) => item !== "");

function parseFaults(list: string): readonly FaultGroup[] | null {
  if (list === "all") return FAULT_GROUPS;
  if (list === "none") return [];
  const named = splitList(list);
  const known = FAULT_GROUPS.filter((group) => named.includes(group));
  return known.length === named.length ? known : null;
}

/** The command that repeats a run. */
export function formatCommand({
  seed,
  durationMs,
  viewers,
  faults,
  sides,
  only,
}: Omit<SimulateOptions, "seeds">): string {
  const groups =
    faults.length === FAULT_GROUPS.length ? "" : ` --faults ${faults.length === 0 ? "none" : faults.join(",")}`;
  const numbers = only === null ? "" : ` --only ${[...only].join(",") || ","}`;
  const side = sides.length === SIDES.length ? "" : ` --side ${sides.join()}`;
  return `npm run simulate -- --seed ${seed} --minutes ${durationMs / 60_000} --viewers ${viewers}${side}${groups}${numbers}`;
}
