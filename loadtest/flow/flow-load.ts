/** The scenario of viewers by flow: they come within a quarter of the time, at the isolates in turn, and stay. */
import { median, percentile } from "../../bench/stats.ts";
import type { ColoHarness } from "../colos/colos.ts";
import type { K6Summary } from "../k6-summary.ts";
import type { MediaShape, SyntheticPublisher } from "../publisher.ts";
import { FlowFleet } from "./flow-fleet.ts";

const ARRIVAL_SHARE = 0.25;

/** Time in which the responses must have ended after all viewers were refused: more says that one goes on. */
const SEVER_MS = 10_000;

/** A run's size; with faults viewers ask again, as players do. */
interface FlowLoad {
  readonly viewers: number;
  readonly seconds: number;
  readonly shape: MediaShape;
  readonly faults: readonly unknown[];
}

/** Viewers that have been started. */
export interface RunningFlowLoad {
  readonly fleet: FlowFleet;
  /** Rejects if the viewers' thread has failed, or the edge does not take the policy. */
  readonly summary: Promise<K6Summary>;
}

/** Runs the viewers for the time of the options, and then refuses them all, unless faults are injected. */
export function startFlowLoad(
  colos: ColoHarness | null,
  { stream, config }: SyntheticPublisher,
  load: FlowLoad,
): RunningFlowLoad {
  const { viewers, seconds, shape, faults } = load;
  const [video = "none", audio = "none"] = Object.keys(shape.tracks);
  const path = `/live/${stream}/${config.broadcast}/flow.mp4?video=${video}&audio=${audio}&join=latest`;
  const fleet = new FlowFleet({
    urls: (colos?.edges ?? []).map(({ url }) => `${url}${path}`),
    ...{ viewers, shape, arrivalMs: ARRIVAL_SHARE * seconds * 1_000, isPersistent: faults.length > 0 },
  });
  return { fleet, summary: watch(colos, stream, fleet, load) };
}

async function watch(
  colos: ColoHarness | null,
  stream: string,
  fleet: FlowFleet,
  { viewers, seconds, faults }: FlowLoad,
): Promise<K6Summary> {
  try {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    const report = await fleet.report();
    const severedMs = colos === null || faults.length > 0 ? [] : await severAll(colos, stream, fleet, viewers);
    const count = (value: number) => ({ values: { count: value } });
    return {
      metrics: {
        wrong_bytes: count(report.wrongBytes),
        out_of_order: count(report.outOfOrder),
        // Every viewer must have media, and no response ends within this time.
        errors: count(viewers - report.watching + (faults.length > 0 ? 0 : report.ended)),
        retries: count(report.failed),
        stalls: count(report.stalls),
        answers: count(report.responses),
        parts: count(report.parts),
        joins_refused: count(report.refused),
        fell_behind: count(report.skipped),
        join_ms: { values: { med: median(report.joinsMs), "p(99)": percentile(report.joinsMs, 99) } },
        part_ms: { values: {} },
        ...(report.longestStallMs === 0 ? {} : { longest_stall_s: { values: { max: report.longestStallMs / 1_000 } } }),
        severed_ms: { values: { count: severedMs.length, med: median(severedMs), "p(99)": percentile(severedMs, 99) } },
      },
    };
  } finally {
    await fleet.stop();
  }
}

/** Nobody may watch any more: times from that request to the end of each response, ms. */
async function severAll(
  { coreUrl, adminToken }: ColoHarness,
  stream: string,
  fleet: FlowFleet,
  viewers: number,
): Promise<number[]> {
  const beganMs = performance.timeOrigin + performance.now();
  const answer = await fetch(`${coreUrl}/api/streams/${stream}/access`, {
    method: "PUT",
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ playback: "token" }),
  });
  if (!answer.ok) throw new Error(`the policy was not changed: ${answer.status} ${await answer.text()}`);
  const endsMs: number[] = [];
  const untilMs = performance.now() + SEVER_MS;
  while (endsMs.length < viewers && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    endsMs.push(...(await fleet.report()).endsMs);
  }
  return endsMs.map((endMs) => endMs - beganMs);
}
