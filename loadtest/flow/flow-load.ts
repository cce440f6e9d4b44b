/** The scenario of viewers by flow: they come within a quarter of the time, at the isolates in turn, and stay. */
import { median, percentile } from "../../bench/stats.ts";
import type { ColoHarness } from "../colos/colos.ts";
import type { K6Summary } from "../k6-summary.ts";
import type { MediaShape, SyntheticPublisher } from "../publisher.ts";
import { FlowFleet } from "./flow-fleet.ts";

const ARRIVAL_SHARE = 0.25;

/** Runs the viewers for the time of the options. */
export async function runFlowLoad(
  colos: ColoHarness | null,
  { stream, config }: SyntheticPublisher,
  { viewers, seconds, shape }: { readonly viewers: number; readonly seconds: number; readonly shape: MediaShape },
): Promise<K6Summary> {
  const [video = "none", audio = "none"] = Object.keys(shape.tracks);
  const path = `/live/${stream}/${config.broadcast}/flow.mp4?video=${video}&audio=${audio}&join=latest`;
  const fleet = new FlowFleet({
    urls: (colos?.edges ?? []).map(({ url }) => `${url}${path}`),
    ...{ viewers, shape, arrivalMs: ARRIVAL_SHARE * seconds * 1_000 },
  });
  try {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    const report = await fleet.report();
    const count = (value: number) => ({ values: { count: value } });
    return {
      metrics: {
        wrong_bytes: count(report.wrongBytes),
        out_of_order: count(report.outOfOrder),
        // Every viewer must have media, and no response ends within this time.
        errors: count(viewers - report.watching + report.ended),
        retries: count(report.failed),
        stalls: count(report.stalls),
        answers: count(report.responses),
        parts: count(report.parts),
        joins_refused: count(report.refused),
        fell_behind: count(report.skipped),
        join_ms: { values: { med: median(report.joinsMs), "p(99)": percentile(report.joinsMs, 99) } },
        part_ms: { values: {} },
      },
    };
  } finally {
    await fleet.stop();
  }
}
