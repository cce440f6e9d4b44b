/** Time until a new broadcast is on the list of what is live, as a page reads it. */
import { setTimeout as sleep } from "node:timers/promises";
import { SyntheticPublisher } from "../loadtest/publisher.ts";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { type BenchFigure, formatFixed, median } from "./stats.ts";

const BROADCASTS = 15;
const POLL_MS = 50;
/** A broadcast that is not listed by then has failed. */
const PATIENCE_MS = 20_000;
const GOAL_S = 5;
const SHAPE = { partMs: 500, partsPerSegment: 4, tracks: { av: 4_000 } } as const;

/** One broadcast after another, each of a stream of its own; a visitor asks for the list all the time. */
export async function measureDirectory(edge: LocalEdge, adminToken: string): Promise<BenchFigure[]> {
  const seconds: number[] = [];
  for (let index = 0; index < BROADCASTS; index += 1) {
    const stream = `bench-listed-${index}`;
    const publisher = await SyntheticPublisher.start(edge.url, stream, adminToken, SHAPE);
    const startedMs = performance.now();
    try {
      while (!(await listsStream(edge.url, stream))) {
        if (performance.now() - startedMs > PATIENCE_MS) throw new Error(`${stream} is not on the list`);
        await sleep(POLL_MS);
      }
      seconds.push((performance.now() - startedMs) / 1000);
    } finally {
      await publisher.stop();
    }
  }
  const worst = Math.max(...seconds);
  return [
    {
      figure: `broadcast begun → on the list of what is live, longest of ${BROADCASTS}`,
      goal: `≤ ${GOAL_S} s`,
      measured: `${formatFixed(worst)} s, p50 ${formatFixed(median(seconds))} s`,
      met: worst <= GOAL_S,
      values: { worstS: worst, p50S: median(seconds) },
    },
  ];
}

async function listsStream(edgeUrl: string, stream: string): Promise<boolean> {
  const answer = await fetch(`${edgeUrl}/api/directory`);
  const { live } = (await answer.json()) as { readonly live: readonly { readonly stream: string }[] };
  return live.some((card) => card.stream === stream);
}
