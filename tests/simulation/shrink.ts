/** The shortest run that still fails: fewer faults, fewer viewers, less time. */
import type { MediaPlan } from "./media/scenario.ts";

/** What a run of a plan saw: the checker that failed, or null, and the faults that it had. */
export interface ShrinkTrial {
  readonly checker: string | null;
  readonly faults: readonly number[];
}

/** Runs that are made at most. */
const MAX_TRIALS = 60;

/** Cuts a failing plan down while the same checker fails. `onTrial` hears of each attempt. */
export async function shrinkPlan(
  plan: MediaPlan,
  checker: string,
  run: (plan: MediaPlan) => Promise<ShrinkTrial>,
  onTrial: (plan: MediaPlan, isFailing: boolean) => void = () => {},
): Promise<MediaPlan> {
  let best = plan;
  let trials = 0;
  const fails = async (candidate: MediaPlan): Promise<boolean> => {
    if (trials >= MAX_TRIALS) return false;
    trials += 1;
    const isFailing = (await run(candidate)).checker === checker;
    onTrial(candidate, isFailing);
    if (isFailing) best = candidate;
    return isFailing;
  };
  await removeFaults((await run(plan)).faults, (only) => fails({ ...best, onlyFaults: new Set(only) }));
  for (let viewers = best.viewers >> 1; viewers >= 1 && (await fails({ ...best, viewers })); viewers >>= 1);
  const last = best;
  for (let durationMs = last.durationMs / 2; durationMs >= 5_000; durationMs /= 2) {
    if (!(await fails({ ...best, durationMs: Math.round(durationMs) }))) break;
  }
  return best;
}

/** Removes ever smaller groups of faults while the run fails without them. */
async function removeFaults(
  faults: readonly number[],
  fails: (only: readonly number[]) => Promise<boolean>,
): Promise<void> {
  let kept = faults;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < kept.length; ) {
      const without = [...kept.slice(0, at), ...kept.slice(at + size)];
      if (await fails(without)) kept = without;
      else at += size;
    }
  }
}
