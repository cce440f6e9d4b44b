/** Streams' statuses as Prometheus text, exposition format 0.0.4. */

import type { StreamStatus, StreamViewers, TierCounters } from "../broadcast/stream-status.ts";
import type { StreamName } from "../kit/ids.ts";

/** The media type of `metricsText`. */
export const METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A stream that is asked about; `status` is null before its first broadcast. */
export interface StreamMetrics {
  readonly stream: StreamName;
  readonly status: StreamStatus | null;
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

const STREAM_STATES: readonly StreamStatus["state"][] = ["live", "reconnecting", "ended"];

const streamMetric = (name: string, help: string, value: (status: StreamStatus) => number): MetricFamily => ({
  name,
  help,
  samples: (status) => [{ labels: {}, value: value(status) }],
});

/** What the room counts, where it has counted somebody. */
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

/** A name that ends in `_total` is a counter's, any other a gauge's. */
const METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: "corral_stream_state",
    help: "1 for the state that the stream is in.",
    samples: ({ state }) => STREAM_STATES.map((each) => ({ labels: { state: each }, value: each === state ? 1 : 0 })),
  },
  streamMetric(
    "corral_stream_started_timestamp_seconds",
    "When the broadcast began.",
    ({ startedAt }) => startedAt / 1000,
  ),
  streamMetric("corral_stream_told_timestamp_seconds", "When the Live object told all this.", ({ at }) => at / 1000),
  streamMetric("corral_stream_viewers", "People watching now, estimated.", ({ viewers }) => viewers.current),
  roomMetric("corral_room_watching", "People watching now, as the room counts them.", ({ watching }) => watching),
  roomMetric("corral_room_distinct", "Different people so far, estimated.", ({ distinct }) => distinct),
  roomMetric("corral_room_watch_seconds_total", "Time that all viewers together have watched.", ({ watchTimeMs }) =>
    watchTimeMs === undefined ? undefined : watchTimeMs / 1000,
  ),
  roomMetric(
    "corral_room_uncounted",
    "Viewers who say that they play and aren't counted.",
    ({ uncounted }) => uncounted,
  ),
  streamMetric("corral_stream_viewers_peak", "The most people watching at once.", ({ viewers }) => viewers.peak),
  streamMetric(
    "corral_stream_viewer_requests_per_second",
    "Viewers' requests a second.",
    (status) => status.requestsPerSecond,
  ),
  streamMetric(
    "corral_stream_children",
    "Isolates and shields that the Live object feeds.",
    ({ children }) => children,
  ),
  streamMetric("corral_stream_tracks", "Tracks of the broadcast.", ({ tracks }) => tracks.length),
  trackMetric(
    "corral_track_peak_bytes_per_second",
    "Peak rate of the track's media.",
    ({ bandwidth }) => bandwidth / 8,
  ),
  trackMetric(
    "corral_track_media_timestamp_seconds",
    "Programme time at the end of the track's newest part.",
    ({ programTimeMs }) => (programTimeMs === null ? null : programTimeMs / 1000),
  ),
  tierMetric("corral_tier_requests_total", "Requests that the tier answered.", ({ requests }) => requests),
  tierMetric("corral_tier_hits_total", "Requests answered by the tier itself.", ({ hits }) => hits),
  tierMetric("corral_tier_coalesced_total", "Requests answered by another's answer.", ({ coalesced }) => coalesced),
  tierMetric("corral_tier_pulled_total", "Requests answered by asking upstream.", ({ pulled }) => pulled),
  tierMetric("corral_tier_errors_total", "Answers of 5xx.", ({ errors }) => errors),
  tierMetric("corral_tier_refusals_total", "Answers of 4xx.", ({ refusals }) => refusals),
  tierMetric(
    "corral_tier_upstream_requests_total",
    "Requests that the tier sent upstream.",
    ({ upstream }) => upstream,
  ),
  tierMetric("corral_tier_objects_total", "Distinct objects that came from upstream.", ({ objects }) => objects),
  tierMetric("corral_tier_crossings_total", "How often objects came from upstream.", ({ crossings }) => crossings),
  tierMetric("corral_tier_crossings_max", "The most that one object came to one node.", (tier) => tier.mostCrossings),
];

/** The text: every family with its `HELP` and `TYPE`, and a line for each sample. */
export function renderMetrics(streams: readonly StreamMetrics[]): string {
  const known = streams.map(({ stream, status }) => ({ labels: { stream }, value: status === null ? 0 : 1 }));
  const lines = renderFamily("corral_stream_known", "1 where there has been a broadcast, else 0.", known);
  for (const { name, help, samples } of METRIC_FAMILIES) {
    const all = streams.flatMap(({ stream, status }) =>
      status === null ? [] : samples(status).map(({ labels, value }) => ({ labels: { stream, ...labels }, value })),
    );
    lines.push(...renderFamily(name, help, all));
  }
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
