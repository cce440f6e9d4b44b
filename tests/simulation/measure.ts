/** How fast the simulation is: simulated time by time of the processor, with an audience of 50 and a room of 50 people. */
import type { ProductCode } from "./kernel/product-code.ts";
import { Trace } from "./kernel/trace.ts";
import type { MediaShape } from "./media/broadcast-source.ts";
import { FAULT_GROUPS } from "./media/fault-schedule.ts";
import { runSide, SIDES, type SideOutcome } from "./sides.ts";

const AUDIENCE = 50;
/** Two video tracks and one of audio. */
const SHAPE: MediaShape = { partMs: 320, partsPerSegment: 4, windowS: 20, videoTracks: 2, sampleBytes: 100 };

/** Which runs are measured. */
export interface MeasuredRuns {
  readonly seed: number;
  readonly seeds: number;
  /** Time with faults. */
  readonly durationMs: number;
}

/** Time of the processor that this process has used, of all its threads, milliseconds. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Measures each seed on each side, prints a line for each, and the sum. False where a run failed. */
export async function measureSpeed(
  code: ProductCode,
  { seed: first, seeds, durationMs }: MeasuredRuns,
  print: (line: string) => void,
): Promise<boolean> {
  let [simulatedMs, usedMs] = [0, 0];
  for (let seed = first; seed < first + seeds; seed += 1) {
    for (const side of SIDES) {
      const plan = { seed, durationMs, viewers: AUDIENCE, faults: FAULT_GROUPS, onlyFaults: null, shape: SHAPE };
      const beganMs = processorMs();
      const outcome = await runSide(side, plan, code, new Trace());
      const ms = processorMs() - beganMs;
      print(describeRun(`seed ${seed}, ${side}`, outcome, durationMs, ms));
      if (outcome.failure !== null) return false;
      simulatedMs += outcome.simulatedMs / SIDES.length;
      usedMs += ms;
    }
  }
  const [whole, faulty] = [simulatedMs / usedMs, (seeds * durationMs) / usedMs];
  print(
    `${AUDIENCE} viewers of 3 tracks and a room of ${AUDIENCE}, together: ${whole.toFixed(0)} × real time, ` +
      `${faulty.toFixed(0)} × if only the ${durationMs / 60_000} min with faults count`,
  );
  return true;
}

function describeRun(
  name: string,
  { failure, simulatedMs, hash, summary }: SideOutcome,
  durationMs: number,
  usedMs: number,
): string {
  const result = failure === null ? "held" : `FAILED, ${failure.checker}: ${failure.message}`;
  const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
  return (
    `${name}: ${result}, ${seconds(simulatedMs)} s in ${seconds(usedMs)} s of the processor, ` +
    `${(simulatedMs / usedMs).toFixed(0)} ×, ${(durationMs / usedMs).toFixed(0)} × with faults, hash ${hash}: ${summary}`
  );
}
