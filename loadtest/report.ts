/** A load test's report as one self-contained page; pure. */

import type { TierName } from "../core/broadcast/stream-status.ts";
import { escapeHtml } from "../core/kit/escape-html.ts";
import type { LoadFigure } from "./figure.ts";
import { compareWithModel, type TierComparison } from "./model/compare.ts";
import { roomLatencyMetrics, roomReportSection } from "./room/room-report.ts";
import type { LoadResult, LoadSample } from "./run.ts";
import { renderSamplePlot, type SampleLine } from "./sample-plot.ts";
import { watchesVideo } from "./scenarios.ts";

/** The page. */
export function renderReport(result: LoadResult, figures: readonly LoadFigure[]): string {
  const { options, samples } = result;
  const at = samples.map(({ atS }) => atS);
  const title = `${options.scenario}: ${options.viewers} viewers, ${options.colos} data centres in ${options.regions} regions`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:860px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{padding:.35rem .6rem;border-bottom:1px solid #8885;text-align:left;vertical-align:top}
.no{color:#d33;font-weight:600}.yes{color:#2a8}svg{width:100%;height:auto}text{fill:currentColor;font-size:11px}h2{margin-top:2rem;font-size:1.1rem}
</style></head><body>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(result.began)}, ${options.seconds} s, ${options.isolates} isolates per data centre, ${options.latencyMs} ms round trip to the Live object,
tracks ${escapeHtml(Object.keys(options.shape.tracks).join(", "))} in parts of ${Math.round(options.shape.partMs)} ms.</p>
<table><tr><th>figure</th><th>goal</th><th>measured</th><th></th></tr>
${figures.map(figureRow).join("\n")}</table>
${roomReportSection(result)}
${watchesVideo(options.scenario) ? deliverySections(at, samples) : ""}
<h2>workerd: CPU in ms per second</h2>
${renderSamplePlot(at, [{ name: "CPU", values: samples.map(({ cpu }) => cpu) }])}
<h2>workerd: memory in MB</h2>
${renderSamplePlot(at, [{ name: "memory", values: samples.map(({ memoryBytes }) => memoryBytes / 1e6) }])}
<h2>Latencies in ms, measured by k6</h2>
<table><tr><th></th><th>p50</th><th>p90</th><th>p95</th><th>p99</th><th>max</th></tr>
${[...(watchesVideo(options.scenario) ? VIDEO_LATENCIES : []), ...roomLatencyMetrics(options.scenario)].map((name) => latencyRow(result, name)).join("\n")}</table>
${options.scenario === "steady" && options.faults.length === 0 && options.target === null ? comparisonSection(compareWithModel(result)) : ""}
</body></html>
`;
}

const VIDEO_LATENCIES = ["join_ms", "playlist_ms", "part_ms"] as const;

/** The section of the tiers that deliver video. */
function deliverySections(at: readonly number[], samples: readonly LoadSample[]): string {
  const rate = (tier: TierName): SampleLine => ({ name: tier, values: requestRates(samples, tier) });
  return `<h2>Requests per second by tier</h2><p>Counters of isolates arrive when they renew their feeds, about every 20 s.</p>
${renderSamplePlot(at, [rate("isolate"), rate("colo"), rate("region"), rate("live"), rate("r2")])}
<h2>Crossings of one object, on average</h2>
${renderSamplePlot(
  at,
  (["isolate", "colo", "region"] as const).map((tier) => ({
    name: tier,
    values: samples.map((s) => crossings(s, tier)),
  })),
)}
<h2>Hit ratio by tier</h2>
${renderSamplePlot(
  at,
  (["isolate", "colo", "region"] as const).map((tier) => ({
    name: tier,
    values: samples.map((s) => hitRatio(s, tier)),
  })),
)}
<h2>Viewers counted by the edge</h2>
${renderSamplePlot(at, [{ name: "viewers", values: samples.map(({ viewers }) => viewers) }])}`;
}

function comparisonSection(beside: readonly TierComparison[]): string {
  const rows = beside.map(
    ({ tier, measured, modelled: model, ratio }) =>
      `<tr><th>${tier}</th><td>${measured}</td><td>${model}</td><td>${ratio === null ? "too few" : ratio.toFixed(2)}</td></tr>`,
  );
  return `<h2>Comparison with the scale model</h2><p>Requests by tier, including those that collect the counters.</p>
<table><tr><th></th><th>measured</th><th>modelled</th><th>measured ÷ modelled</th></tr>
${rows.join("\n")}</table>`;
}

function figureRow({ figure, goal, measured, met }: LoadFigure): string {
  const mark = met === null ? "" : met ? '<span class="yes">met</span>' : '<span class="no">not met</span>';
  return `<tr><td>${escapeHtml(figure)}</td><td>${escapeHtml(goal)}</td><td>${escapeHtml(measured)}</td><td>${mark}</td></tr>`;
}

function latencyRow({ k6 }: LoadResult, name: string): string {
  const values = k6.metrics[name]?.values;
  const cell = (key: string): string => `<td>${values?.[key]?.toFixed(1) ?? "–"}</td>`;
  return `<tr><th>${name}</th>${["med", "p(90)", "p(95)", "p(99)", "max"].map(cell).join("")}</tr>`;
}

function requestRates(samples: readonly LoadSample[], tier: TierName): number[] {
  const requests = samples.map((s) => s.tiers.find((counters) => counters.tier === tier)?.requests ?? 0);
  return requests.map((value, index) => {
    const seconds = (samples[index]?.atS ?? 0) - (samples[index - 1]?.atS ?? 0);
    return index === 0 || seconds <= 0 ? 0 : Math.max(0, value - (requests[index - 1] ?? 0)) / seconds;
  });
}

function crossings(sample: LoadSample, tier: TierName): number {
  const counters = sample.tiers.find((one) => one.tier === tier);
  return counters === undefined || counters.objects === 0 ? 0 : counters.crossings / counters.objects;
}

function hitRatio(sample: LoadSample, tier: TierName): number {
  const counters = sample.tiers.find((one) => one.tier === tier);
  return counters === undefined || counters.requests === 0 ? 0 : counters.hits / counters.requests;
}
