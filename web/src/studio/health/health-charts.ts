/** Specifications of the charts of a stream's ingest. */
import type { HistorySample, ViewerFigures } from "../../../../core/ingest/health/health-history.ts";
import { formatCount } from "../../kit/number-text.ts";
import type { ChartSpec } from "../charts.ts";
import { formatBitRate } from "../format.ts";
import type { MeasuredSample } from "./health-answer.ts";

type HealthChart = ChartSpec<MeasuredSample>;

const fromZero =
  (atLeast: number) =>
  (_: number, most: number): readonly [number, number] => [0, Math.max(atLeast, most * 1.15)];

const formatMs = (ms: number): string =>
  Math.abs(ms) < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
const formatShare = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 2 : 0)} %`;

/** Of viewers, where samples are of a longer time. */
export const VIEWER_CHARTS: readonly ChartSpec<Pick<HistorySample, "viewers" | keyof ViewerFigures>>[] = [
  {
    id: "viewers",
    title: "Viewers",
    about: "at most",
    series: [{ label: "viewers", read: ({ viewers }) => viewers }],
    format: formatCount,
    range: fromZero(4),
  },
  {
    id: "viewer-delay",
    title: "Viewers’ delay",
    about: "half of them were at most this far behind",
    series: [{ label: "delay", read: ({ viewerDelayMs }) => viewerDelayMs }],
    format: formatMs,
    range: fromZero(1_000),
  },
  {
    id: "viewer-stalls",
    title: "Stalled",
    about: "share of viewers’ time",
    series: [{ label: "stalled", read: ({ stalledShare }) => stalledShare }],
    format: formatShare,
    range: fromZero(0.01),
  },
];

/** What every encoder is measured by. */
export const INGEST_CHARTS: readonly HealthChart[] = [
  {
    id: "ingest-bitrate",
    title: "Bitrate",
    about: "all tracks, mean of 5 s",
    series: [{ label: "bitrate", read: ({ bitsPerSecond }) => bitsPerSecond }],
    format: formatBitRate,
    tick: (value) => `${(value / 1e6).toFixed(1)} M`,
    range: fromZero(500_000),
  },
  {
    id: "ingest-frame-rate",
    title: "Frame rate",
    about: "pictures per second",
    series: [{ label: "frame rate", read: ({ framesPerSecond }) => framesPerSecond }],
    format: (value) => `${value.toFixed(1)}/s`,
    tick: (value) => value.toFixed(0),
    range: fromZero(10),
  },
  {
    id: "ingest-round-trip",
    title: "Round trip",
    about: "between encoder and ingest server",
    series: [{ label: "round trip", read: ({ roundTripMs }) => roundTripMs }],
    format: formatMs,
    range: fromZero(50),
  },
  {
    id: "ingest-loss",
    title: "Packet loss",
    about: "on the way, before repair",
    series: [{ label: "loss", read: ({ lossShare }) => lossShare }],
    format: formatShare,
    range: fromZero(0.01),
  },
  {
    id: "ingest-offset",
    title: "Sound against picture",
    about: "ms; above zero the sound is late",
    series: [{ label: "offset", read: ({ offsetMs }) => offsetMs }],
    format: formatMs,
    tick: (value) => value.toFixed(0),
    range: (least, most) => {
      const reach = Math.max(150, 1.15 * Math.max(Math.abs(least), Math.abs(most)));
      return [-reach, reach];
    },
  },
  {
    id: "ingest-delay",
    title: "Delay to the edge",
    about: "from a part’s end to its confirmation, p95",
    series: [{ label: "delay", read: ({ delayMs }) => delayMs }],
    format: formatMs,
    range: fromZero(500),
  },
];

/** What OBS tells of itself with multitrack video. */
export const ENCODER_CHARTS: readonly HealthChart[] = [
  {
    id: "encoder-delay",
    title: "Encoder’s delay",
    about: "told by the encoder, by its clock",
    series: [
      { label: "to arrival", read: ({ compositionMs }) => compositionMs },
      { label: "encoding", read: ({ encodeMs }) => encodeMs },
      { label: "waiting to be sent", read: ({ sendQueueMs }) => sendQueueMs },
    ],
    format: formatMs,
    range: fromZero(200),
  },
  {
    id: "encoder-frames",
    title: "Encoder’s lost pictures",
    about: "told by the encoder, of the last 10 s",
    series: [
      { label: "composed late", read: ({ laggedShare }) => laggedShare },
      { label: "skipped", read: ({ skippedShare }) => skippedShare },
      { label: "dropped", read: ({ droppedShare }) => droppedShare },
    ],
    format: formatShare,
    range: fromZero(0.05),
  },
];
