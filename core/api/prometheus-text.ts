/** Streams' statuses as Prometheus text, exposition format 0.0.4. */

import {
  JOIN_REFUSAL_COUNTERS,
  type JoinRefusal,
  type StreamStatus,
  type StreamViewers,
  type TierCounters,
} from "../broadcast/stream-status.ts";
import type { StreamName } from "../kit/ids.ts";

/** The media type of `metricsText`. */
export const METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A reported stream; `status` is null before its first broadcast. */
export interface StreamMetrics {
  readonly stream: StreamName;
  readonly status: StreamStatus | null;
  /** Raised checks of the stream's ingest, with the rank of their severity; absent if they were not asked for. */
  readonly checks?: readonly { readonly id: string; readonly rank: number }[];
}

interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly samples: (status: StreamStatus) => readonly MetricSample[];
}

const JOIN_REFUSALS = Object.keys(JOIN_REFUSAL_COUNTERS) as JoinRefusal[];

const STREAM_STATES: readonly StreamStatus["state"][] = ["live", "reconnecting", "ended"];

const streamMetric = (name: string, help: string, value: (status: StreamStatus) => number): MetricFamily => ({
  name,
  help,
  samples: (status) => [{ labels: {}, value: value(status) }],
});

/** The room's counts, if it has counted anybody. */
const roomMetric = (
  name: string,
  help: string,
  value: (viewers: StreamViewers) => number | undefined,
): MetricFamily => ({
  name,
  help,
  samples: ({ viewers }) => {
    const read = value(viewers);
    return read === undefined ? [] : [{ labels: {}, value: read }];
  },
});

const tierMetric = (name: string, help: string, value: (counters: TierCounters) => number): MetricFamily => ({
  name,
  help,
  samples: ({ tiers }) => tiers.map((counters) => ({ labels: { tier: counters.tier }, value: value(counters) })),
});

/** Flow is served by isolates only. */
const flowMetric = (name: string, help: string, value: (counters: TierCounters) => number): MetricFamily => ({
  name,
  help,
  samples: ({ tiers }) =>
    tiers.flatMap((counters) => (counters.tier === "isolate" ? [{ labels: {}, value: value(counters) }] : [])),
});

const trackMetric = (name: string, help: string, value: (track: TrackStatus) => number | null): MetricFamily => ({
  name,
  help,
  samples: ({ tracks }) =>
    tracks.flatMap((track) => {
      const { name, kind, codecs } = track;
      const read = value(track);
      return read === null ? [] : [{ labels: { track: name, kind, codecs }, value: read }];
    }),
});

type TrackStatus = StreamStatus["tracks"][number];

/** Names ending in `_total` are counters, others gauges. */
const METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: "corral_stream_state",
    help: "1 for the stream's current state, 0 for the others.",
    samples: ({ state }) => STREAM_STATES.map((each) => ({ labels: { state: each }, value: each === state ? 1 : 0 })),
  },
  streamMetric(
    "corral_stream_started_timestamp_seconds",
    "Start of the broadcast.",
    ({ startedAt }) => startedAt / 1000,
  ),
  streamMetric(
    "corral_stream_told_timestamp_seconds",
    "Time of the Live object's status report.",
    ({ at }) => at / 1000,
  ),
  streamMetric("corral_stream_viewers", "Current viewers, estimated from requests.", ({ viewers }) => viewers.current),
  roomMetric("corral_room_watching", "Current viewers counted by the room.", ({ watching }) => watching),
  roomMetric("corral_room_distinct", "Distinct viewers so far, estimated.", ({ distinct }) => distinct),
  roomMetric("corral_room_watch_seconds_total", "Total watch time of all viewers.", ({ watchTimeMs }) =>
    watchTimeMs === undefined ? undefined : watchTimeMs / 1000,
  ),
  roomMetric(
    "corral_room_uncounted",
    "Viewers that report playback and are not counted.",
    ({ uncounted }) => uncounted,
  ),
  streamMetric("corral_stream_viewers_peak", "Peak of concurrent viewers.", ({ viewers }) => viewers.peak),
  streamMetric(
    "corral_stream_viewer_requests_per_second",
    "Viewer requests per second.",
    (status) => status.requestsPerSecond,
  ),
  streamMetric("corral_stream_children", "Isolates and shields fed by the Live object.", ({ children }) => children),
  streamMetric("corral_stream_tracks", "Number of tracks of the broadcast.", ({ tracks }) => tracks.length),
  trackMetric(
    "corral_track_peak_bytes_per_second",
    "Peak byte rate of the track's media.",
    ({ bandwidth }) => bandwidth / 8,
  ),
  trackMetric(
    "corral_track_media_timestamp_seconds",
    "Program time at the end of the track's newest part.",
    ({ programTimeMs }) => (programTimeMs === null ? null : programTimeMs / 1000),
  ),
  tierMetric("corral_tier_requests_total", "Requests answered by the tier.", ({ requests }) => requests),
  tierMetric("corral_tier_hits_total", "Requests answered from the tier's own state.", ({ hits }) => hits),
  tierMetric(
    "corral_tier_coalesced_total",
    "Requests answered by another request's upstream request.",
    ({ coalesced }) => coalesced,
  ),
  tierMetric(
    "corral_tier_pulled_total",
    "Requests answered by an upstream request of their own.",
    ({ pulled }) => pulled,
  ),
  tierMetric("corral_tier_errors_total", "Responses with status 5xx.", ({ errors }) => errors),
  tierMetric("corral_tier_refusals_total", "Responses with status 4xx.", ({ refusals }) => refusals),
  tierMetric("corral_tier_upstream_requests_total", "Requests sent upstream by the tier.", ({ upstream }) => upstream),
  tierMetric("corral_tier_objects_total", "Distinct objects received from upstream.", ({ objects }) => objects),
  tierMetric(
    "corral_tier_crossings_total",
    "Objects received from upstream, repetitions included.",
    ({ crossings }) => crossings,
  ),
  tierMetric(
    "corral_tier_crossings_max",
    "Most times that one node received one object.",
    (tier) => tier.mostCrossings,
  ),
  {
    name: "corral_join_refusals_total",
    help: "Joins that isolates refused, by reason; places and behind are those by flow.",
    samples: ({ tiers }) =>
      tiers.flatMap((counters) =>
        counters.tier === "isolate"
          ? JOIN_REFUSALS.map((reason) => ({ labels: { reason }, value: counters[JOIN_REFUSAL_COUNTERS[reason]] }))
          : [],
      ),
  },
  flowMetric("corral_flow_responses_total", "Responses by flow that began.", ({ flowOpens }) => flowOpens),
  flowMetric("corral_flow_byes_total", "Responses by flow that the edge ended.", ({ flowByes }) => flowByes),
  flowMetric("corral_flow_skips_total", "Times that media was left out for a viewer.", ({ flowSkips }) => flowSkips),
  flowMetric("corral_flow_bytes_total", "Bytes of responses by flow.", ({ flowBytes }) => flowBytes),
];

/** The text: every family with its `HELP` and `TYPE`, and one line per sample. */
export function renderMetrics(streams: readonly StreamMetrics[]): string {
  const known = streams.map(({ stream, status }) => ({ labels: { stream }, value: status === null ? 0 : 1 }));
  const lines = renderFamily("corral_stream_known", "1 if the stream has had a broadcast, else 0.", known);
  for (const { name, help, samples } of METRIC_FAMILIES) {
    const all = streams.flatMap(({ stream, status }) =>
      status === null ? [] : samples(status).map(({ labels, value }) => ({ labels: { stream, ...labels }, value })),
    );
    lines.push(...renderFamily(name, help, all));
  }
  const checks = streams.flatMap(({ stream, checks: raised = [] }) =>
    raised.map(({ id, rank }) => ({ labels: { stream, check: id }, value: rank })),
  );
  lines.push(
    ...renderFamily("corral_ingest_health", "Raised checks: 1 of severity info, 2 of warning, 3 of error.", checks),
  );
  return `${lines.join("\n")}\n`;
}

function renderFamily(name: string, help: string, samples: readonly MetricSample[]): string[] {
  const type = name.endsWith("_total") ? "counter" : "gauge";
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ labels, value }) => `${name}{${renderLabels(labels)}} ${value}`),
  ];
}

function renderLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabelValue(value)}"`)
    .join(",");
}

/** Label values escape the backslash, the quote and the line feed, and nothing else. */
function escapeLabelValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
