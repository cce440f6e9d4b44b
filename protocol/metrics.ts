/** Streams' statuses as Prometheus text, exposition format 0.0.4. */
import type { StreamName } from "./ids.ts";
import type { StreamStatus, TierCounters, Viewers } from "./status.ts";

/** The media type of `metricsText`. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A stream that is asked about; `status` is null before its first broadcast. */
export interface Metered {
  readonly stream: StreamName;
  readonly status: StreamStatus | null;
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly samples: (status: StreamStatus) => readonly Sample[];
}

const STATES: readonly StreamStatus["state"][] = ["live", "reconnecting", "ended"];

const one = (name: string, help: string, value: (status: StreamStatus) => number): Family => ({
  name,
  help,
  samples: (status) => [{ labels: {}, value: value(status) }],
});

/** What the room counts, where it has counted somebody. */
const ifCounted = (name: string, help: string, value: (viewers: Viewers) => number | undefined): Family => ({
  name,
  help,
  samples: ({ viewers }) => {
    const read = value(viewers);
    return read === undefined ? [] : [{ labels: {}, value: read }];
  },
});

const perTier = (name: string, help: string, value: (counters: TierCounters) => number): Family => ({
  name,
  help,
  samples: ({ tiers }) => tiers.map((counters) => ({ labels: { tier: counters.tier }, value: value(counters) })),
});

const perTrack = (name: string, help: string, value: (track: Track) => number | null): Family => ({
  name,
  help,
  samples: ({ tracks }) =>
    tracks.flatMap((track) => {
      const { name, kind, codecs } = track;
      const read = value(track);
      return read === null ? [] : [{ labels: { track: name, kind, codecs }, value: read }];
    }),
});

type Track = StreamStatus["tracks"][number];

/** A name that ends in `_total` is a counter's, any other a gauge's. */
const FAMILIES: readonly Family[] = [
  {
    name: "corral_stream_state",
    help: "1 for the state that the stream is in.",
    samples: ({ state }) => STATES.map((each) => ({ labels: { state: each }, value: each === state ? 1 : 0 })),
  },
  one("corral_stream_started_timestamp_seconds", "When the broadcast began.", ({ startedAt }) => startedAt / 1000),
  one("corral_stream_told_timestamp_seconds", "When the Live object told all this.", ({ at }) => at / 1000),
  one("corral_stream_viewers", "People watching now, estimated.", ({ viewers }) => viewers.current),
  ifCounted("corral_room_watching", "People watching now, as the room counts them.", ({ watching }) => watching),
  ifCounted("corral_room_distinct", "Different people so far, estimated.", ({ distinct }) => distinct),
  ifCounted("corral_room_watch_seconds_total", "Time that all viewers together have watched.", ({ watchTimeMs }) =>
    watchTimeMs === undefined ? undefined : watchTimeMs / 1000,
  ),
  ifCounted(
    "corral_room_uncounted",
    "Viewers who say that they play and aren't counted.",
    ({ uncounted }) => uncounted,
  ),
  one("corral_stream_viewers_peak", "The most people watching at once.", ({ viewers }) => viewers.peak),
  one("corral_stream_viewer_requests_per_second", "Viewers' requests a second.", (status) => status.requestsPerSecond),
  one("corral_stream_children", "Isolates and shields that the Live object feeds.", ({ children }) => children),
  one("corral_stream_tracks", "Tracks of the broadcast.", ({ tracks }) => tracks.length),
  perTrack("corral_track_peak_bytes_per_second", "Peak rate of the track's media.", ({ bandwidth }) => bandwidth / 8),
  perTrack(
    "corral_track_media_timestamp_seconds",
    "Programme time at the end of the track's newest part.",
    ({ programTimeMs }) => (programTimeMs === null ? null : programTimeMs / 1000),
  ),
  perTier("corral_tier_requests_total", "Requests that the tier answered.", ({ requests }) => requests),
  perTier("corral_tier_hits_total", "Requests answered by the tier itself.", ({ hits }) => hits),
  perTier("corral_tier_coalesced_total", "Requests answered by another's answer.", ({ coalesced }) => coalesced),
  perTier("corral_tier_pulled_total", "Requests answered by asking upstream.", ({ pulled }) => pulled),
  perTier("corral_tier_errors_total", "Answers of 5xx.", ({ errors }) => errors),
  perTier("corral_tier_refusals_total", "Answers of 4xx.", ({ refusals }) => refusals),
  perTier("corral_tier_upstream_requests_total", "Requests that the tier sent upstream.", ({ upstream }) => upstream),
  perTier("corral_tier_objects_total", "Distinct objects that came from upstream.", ({ objects }) => objects),
  perTier("corral_tier_crossings_total", "How often objects came from upstream.", ({ crossings }) => crossings),
  perTier("corral_tier_crossings_max", "The most that one object came to one node.", (tier) => tier.mostCrossings),
];

/** The text: every family with its `HELP` and `TYPE`, and a line for each sample. */
export function metricsText(streams: readonly Metered[]): string {
  const known = streams.map(({ stream, status }) => ({ labels: { stream }, value: status === null ? 0 : 1 }));
  const lines = family("corral_stream_known", "1 where there has been a broadcast, else 0.", known);
  for (const { name, help, samples } of FAMILIES) {
    const all = streams.flatMap(({ stream, status }) =>
      status === null ? [] : samples(status).map(({ labels, value }) => ({ labels: { stream, ...labels }, value })),
    );
    lines.push(...family(name, help, all));
  }
  return `${lines.join("\n")}\n`;
}

function family(name: string, help: string, samples: readonly Sample[]): string[] {
  const type = name.endsWith("_total") ? "counter" : "gauge";
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ labels, value }) => `${name}{${labelText(labels)}} ${value}`),
  ];
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",");
}

/** Label values escape the backslash, the quote and the line feed, and nothing else. */
function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
