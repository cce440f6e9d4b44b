/** The room section of a load report; pure. */

import type { LoadResult } from "../run.ts";
import { renderSamplePlot } from "../sample-plot.ts";
import { joinsRoom, type Scenario } from "../scenarios.ts";

/** Names of k6's room trends in a scenario. */
export function roomLatencyMetrics(scenario: Scenario): readonly string[] {
  return joinsRoom(scenario) ? ["room_welcome_ms", "room_seen_ms", "room_back_ms"] : [];
}

/** The room's charts; empty for a run without chat. */
export function roomReportSection({ options, samples }: LoadResult): string {
  if (!joinsRoom(options.scenario)) return "";
  const at = samples.map(({ atS }) => atS);
  const of = (key: "calls" | "watching" | "shards" | "likes"): number[] => samples.map(({ room }) => room?.[key] ?? 0);
  return `<h2>Room: viewers counted</h2>
${renderSamplePlot(at, [{ name: "watching", values: of("watching") }])}
<h2>Room: calls to the room object per second</h2>
${renderSamplePlot(at, [{ name: "calls", values: of("calls") }])}
<h2>Room: shards</h2>
${renderSamplePlot(at, [{ name: "shards", values: of("shards") }])}
${options.scenario === "likes-storm" ? `<h2>Room: likes</h2>\n${renderSamplePlot(at, [{ name: "likes", values: of("likes") }])}` : ""}`;
}
