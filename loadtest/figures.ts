/** The figures of a load run with their goals; pure. */
import type { TierCounters, TierName } from "../core/broadcast/stream-status.ts";
import type { LoadFigure } from "./figure.ts";
import { roomFigures } from "./room/room-figures.ts";
import type { LoadResult, LoadSample } from "./run.ts";
import { watchesFlow, watchesVideo } from "./scenarios.ts";

const TIERS: readonly TierName[] = ["isolate", "colo", "region"];

const MINUTE_S = 60;

/** The figures of a run. */
export function loadFigures(result: LoadResult): LoadFigure[] {
  const { options, k6Failed } = result;
  return [
    ...roomFigures(result),
    ...(watchesVideo(options.scenario) ? videoFigures(result) : []),
    ...(watchesFlow(options.scenario)
      ? []
      : [{ figure: "k6's thresholds", goal: "held", measured: k6Failed ? "broken" : "held", met: !k6Failed }]),
  ];
}

function videoFigures({ options, samples, k6 }: LoadResult): LoadFigure[] {
  const last = samples.at(-1);
  const count = (metric: string): number => k6.metrics[metric]?.values["count"] ?? 0;
  const trend = (metric: string, value: string): number => k6.metrics[metric]?.values[value] ?? Number.NaN;
  const figures: LoadFigure[] = [
    zeroFigure("wrong responses: order, length or hash", count("wrong_bytes") + count("out_of_order")),
    zeroFigure("requests that failed twice", count("errors")),
  ];
  if (options.faults.length === 0) {
    figures.push(zeroFigure("requests that failed once", count("retries")));
    figures.push(zeroFigure("5xx responses to admitted viewers", count("server_errors")));
    const stalls = zeroFigure("stalls", count("stalls"));
    figures.push(options.failOnStalls ? stalls : { ...stalls, goal: "printed", met: null });
  } else {
    figures.push({
      figure: "requests that succeeded on retry, 5xx responses",
      goal: "printed",
      measured: `${count("retries")}, ${count("server_errors")} of ${count("answers")}`,
      met: null,
    });
    const longest = trend("longest_stall_s", "max");
    const segmentS = (options.shape.partMs * options.shape.partsPerSegment) / 1000;
    figures.push({
      figure: `longest stall of any viewer with ${options.faults.join(", ")} failing`,
      goal: `≤ a segment: ${segmentS} s`,
      measured: Number.isNaN(longest) ? "no stall" : `${longest.toFixed(2)} s (${count("stalls")} stalls)`,
      met: Number.isNaN(longest) || longest <= segmentS,
    });
    figures.push(...stormFigures(samples));
  }
  for (const tier of TIERS) {
    const counters = tierCountersOf(last, tier);
    if (counters === undefined || counters.objects === 0) continue;
    figures.push({
      figure: `times one object crosses the link into ${tier === "isolate" ? "an isolate" : `a ${tier} shield`}`,
      goal: options.faults.length === 0 ? "1.000, at most 1" : "printed",
      measured: `${(counters.crossings / counters.objects).toFixed(3)}, at most ${counters.mostCrossings}`,
      met: options.faults.length === 0 ? counters.crossings === counters.objects && counters.mostCrossings === 1 : null,
    });
  }
  const live = tierCountersOf(last, "live");
  const isolate = tierCountersOf(last, "isolate");
  if (live !== undefined && isolate !== undefined && last !== undefined) {
    const tracks = Object.keys(options.shape.tracks).length;
    const children = Math.max(1, ...samples.map((sample) => sample.children));
    // Collecting the counters renews feeds, which no viewer causes.
    const watched = samples.findLast(({ over }) => !over) ?? last;
    const asked = tierCountersOf(watched, "live")?.requests ?? 0;
    const perMinute = asked / (watched.atS / 60);
    figures.push({
      figure: "requests at the Live object per minute, child and track",
      goal: watched.atS < MINUTE_S ? "≤ 4, in a run of a minute or more" : "≤ 4",
      measured: `${(perMinute / children / tracks).toFixed(2)} (${asked} requests in ${watched.atS.toFixed(0)} s, ${children} children, ${tracks} tracks)`,
      // In less than a minute each child's first requests have too much weight.
      met: watched.atS < MINUTE_S ? null : perMinute / children / tracks <= 4,
    });
    const r2 = tierCountersOf(last, "r2");
    const pulled = isolate.requests - isolate.hits - isolate.coalesced;
    figures.push({
      figure: "viewer requests that caused a pull by an isolate, of all",
      goal: options.scenario === "dvr-seek" ? "printed" : "0",
      measured: `${pulled} of ${isolate.requests} (R2 was read ${r2?.requests ?? 0} times)`,
      met: options.scenario === "dvr-seek" || options.faults.length > 0 ? null : pulled === 0,
    });
    const sum = (counters: readonly (TierCounters | undefined)[], key: "requests" | "upstream"): number =>
      counters.reduce((all, one) => all + (one?.[key] ?? 0), 0);
    const sent = sum([isolate, tierCountersOf(last, "colo"), tierCountersOf(last, "region")], "upstream");
    const came = sum([tierCountersOf(last, "colo"), tierCountersOf(last, "region"), live, r2], "requests");
    figures.push({
      figure: "requests sent upstream ÷ counted by the tiers above",
      goal: "1, except requests in flight",
      measured: `${(sent / Math.max(1, came)).toFixed(3)} (${sent} ÷ ${came})`,
      met: null,
    });
    const polls = isolate.requests;
    const ours = isolate.upstream;
    figures.push({
      figure: "upstream requests of an edge without caching ÷ ours",
      goal: "printed",
      measured: `${(polls / Math.max(1, ours)).toFixed(0)} (${polls} ÷ ${ours})`,
      met: null,
    });
  }
  if (watchesFlow(options.scenario) && options.faults.length === 0) {
    const severed = count("severed_ms");
    const [severedMs, severedP99Ms] = [trend("severed_ms", "med"), trend("severed_ms", "p(99)")];
    figures.push({
      figure: `playback refused to all → last byte, p50 and p99 of ${options.viewers} viewers`,
      goal: "≤ 2,000 ms, all",
      measured: `${formatLatencies(severedMs, severedP99Ms)} (${severed} ended)`,
      met: severed >= options.viewers && severedP99Ms <= 2_000,
    });
  }
  figures.push(
    {
      figure: `time to the first ${watchesFlow(options.scenario) ? "media" : "playlist"}, p50 and p99`,
      goal: "printed",
      measured: formatLatencies(trend("join_ms", "med"), trend("join_ms", "p(99)")),
      met: null,
    },
    {
      figure: "response time of a part, p50 and p99",
      goal: "printed",
      measured: formatLatencies(trend("part_ms", "med"), trend("part_ms", "p(99)")),
      met: null,
    },
    {
      figure: "responses, parts, deferred joins, viewers too late for a part",
      goal: "printed",
      measured: `${count("answers")}, ${count("parts")}, ${count("joins_refused")}, ${count("fell_behind")}`,
      met: null,
    },
  );
  return figures;
}

/** Upstream requests per second during each fault, divided by those of the other seconds. */
function stormFigures(samples: readonly LoadSample[]): LoadFigure[] {
  const rates = new Map<string, number[]>();
  for (const [index, sample] of samples.entries()) {
    const before = samples[index - 1];
    if (before === undefined) continue;
    const sum = (s: LoadSample): number =>
      s.tiers.filter(({ tier }) => tier === "live" || tier === "r2").reduce((all, { requests }) => all + requests, 0);
    const grown = sum(sample) - sum(before);
    if (grown < 0) continue;
    const rate = grown / Math.max(0.2, sample.atS - before.atS);
    rates.set(sample.fault, [...(rates.get(sample.fault) ?? []), rate]);
  }
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const normal = mean((rates.get("") ?? []).slice(3));
  return [...rates]
    .filter(([fault]) => fault !== "")
    .map(([fault, values]) => ({
      figure: `requests per second at the Live object and R2 with ${fault} failing ÷ without`,
      goal: "≤ 2",
      measured: `${(mean(values) / Math.max(normal, 0.01)).toFixed(2)} (${mean(values).toFixed(2)} ÷ ${normal.toFixed(2)})`,
      met: mean(values) <= 2 * Math.max(normal, 0.5),
    }));
}

function zeroFigure(figure: string, measured: number): LoadFigure {
  return { figure, goal: "0", measured: String(measured), met: measured === 0 };
}

const tierCountersOf = (sample: LoadSample | undefined, tier: TierName): TierCounters | undefined =>
  sample?.tiers.find((counters) => counters.tier === tier);

const formatLatencies = (median: number, p99: number): string =>
  Number.isNaN(median) ? "none in this scenario" : `${median.toFixed(1)} ms, ${p99.toFixed(1)} ms`;
