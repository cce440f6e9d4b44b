/** A deployment drops every socket of a room: time until all reconnect, and calls of the room object. */
import { sleep } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { ViewerFleet } from "../../loadtest/room/viewer-fleet.ts";
import type { BenchFigure } from "../stats.ts";
import { percentile } from "../stats.ts";
import { type BenchServer, startBenchServer } from "./servers.ts";

const OPENED_PER_SECOND = 400;
/** The allowance beyond the spread of the reconnect delays, ms. */
const GRACE_MS = 5_000;
const MOST_CALLS = 500;
/** The timeout of a reconnect, ms. */
const RECONNECT_TIMEOUT_MS = 90_000;
/** The calls of opening are over after this, ms. */
const QUIET_MS = 5_000;

const { clock } = systemPlatform;

/** Measures with `viewers` of the product's own client. */
export async function measureReconnectStorm(
  crowd: ViewerFleet,
  viewers: number,
  say: (line: string) => void,
): Promise<BenchFigure[]> {
  say(`${viewers} viewers reconnect …`);
  const server = await startBenchServer("corral-counted");
  try {
    await crowd.openClients({
      server: server.socketUrl,
      room: "storm",
      viewers,
      tokens: [],
      perSecond: OPENED_PER_SECOND,
    });
    await sleep(clock, QUIET_MS);
    const second = Math.floor(clock.nowMs() / 1_000);
    await fetch(`${server.url}/harness/room/storm/drop`);
    await sleep(clock, 1_000);
    const untilMs = clock.monotonicMs() + RECONNECT_TIMEOUT_MS;
    let { people } = await crowd.clientStats();
    while (people.some(({ connected, losses }) => !connected || losses === 0) && clock.monotonicMs() < untilMs) {
      await sleep(clock, 500);
      people = (await crowd.clientStats()).people;
    }
    const back = people.filter(({ connected, losses }) => connected && losses > 0).length;
    const backMs = people.flatMap((person) => person.backMs);
    const longest = percentile(backMs, 100);
    const spread = Math.max(...people.map(({ spreadMs }) => spreadMs));
    const most = await mostCalls(server, second);
    return [
      {
        figure: `all of ${viewers} viewers reconnected after a deployment`,
        goal: "within the spread + 5 s",
        measured: `${back} back, the last after ${(longest / 1_000).toFixed(1)} s (p50 ${(percentile(backMs, 50) / 1_000).toFixed(1)} s, spread ${spread / 1_000} s)`,
        met: back === viewers && longest <= spread + GRACE_MS,
        values: { back, longestMs: longest, p50Ms: percentile(backMs, 50), spreadMs: spread },
      },
      {
        figure: "calls to the room object in its peak second",
        goal: `≤ ${MOST_CALLS}`,
        measured: String(most),
        met: most <= MOST_CALLS,
        values: { mostCalls: most },
      },
    ];
  } finally {
    await crowd.closeSockets();
    await server.stop();
  }
}

async function mostCalls(server: BenchServer, fromSecond: number): Promise<number> {
  const answer = await fetch(`${server.url}/harness/room/storm/calls`);
  const calls = (await answer.json()) as Readonly<Record<string, number>>;
  return Math.max(
    0,
    ...Object.entries(calls).flatMap(([second, count]) => (Number(second) >= fromSecond ? [count] : [])),
  );
}
