/** Accuracy of the viewer count: while all watch, and after half of them stop silently. */
import { sleep } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { ViewerFleet } from "../../loadtest/room/viewer-fleet.ts";
import type { BenchFigure } from "../stats.ts";
import { formatFixed } from "../stats.ts";
import { issueBenchTokens, startBenchServer } from "./servers.ts";

/** How long all watch, and how often the count is read, ms. */
const STEADY_MS = 15_000;
const READ_EVERY_MS = 500;
/** The count must converge within this after the leave, ms. */
const CONVERGED_MS = 5_000;
/** All play after this time, ms. */
const BEGUN_MS = 5_000;

const { clock } = systemPlatform;

/** Compares the count with `viewers`. */
export async function measureCountAccuracy(
  crowd: ViewerFleet,
  viewers: number,
  say: (line: string) => void,
): Promise<BenchFigure[]> {
  say("counting …");
  const server = await startBenchServer("corral");
  try {
    const open = { dialect: "corral", servers: [server.socketUrl], room: "counts", perSecond: 500 } as const;
    await crowd.openSockets({ ...open, viewers, tokens: await issueBenchTokens(server, "counts", viewers) });
    await crowd.setPlayingShare(1);
    await sleep(clock, BEGUN_MS);
    let worst = 0;
    for (let passedMs = 0; passedMs < STEADY_MS; passedMs += READ_EVERY_MS) {
      worst = Math.max(worst, Math.abs(((await crowd.socketStats()).watching ?? 0) - viewers));
      await sleep(clock, READ_EVERY_MS);
    }
    await crowd.setPlayingShare(0.5);
    await sleep(clock, CONVERGED_MS);
    const left = Math.round(viewers / 2);
    const counted = (await crowd.socketStats()).watching ?? 0;
    const error = Math.abs(counted - left) / left;
    return [
      {
        figure: `viewer count error with ${viewers} viewers, steady / 5 s after half leave silently`,
        goal: "0 / ≤ 1 %",
        measured: `${worst} / ${formatFixed(100 * error)} %`,
        met: worst === 0 && error <= 0.01,
        values: { steadyError: worst, told: counted, left },
      },
    ];
  } finally {
    await crowd.closeSockets();
    await server.stop();
  }
}
