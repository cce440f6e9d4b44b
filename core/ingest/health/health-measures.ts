/** The figures behind the checks, for charts. */
import type { LinkMeter } from "./link-meter.ts";
import type { SenderMeter } from "./sender-meter.ts";

/** Names of the figures, in the order of `HealthMeasures`. */
export const HEALTH_MEASURES = [
  "bitsPerSecond",
  "framesPerSecond",
  "roundTripMs",
  "lossShare",
  "offsetMs",
  "delayMs",
  "compositionMs",
  "encodeMs",
  "sendQueueMs",
  "laggedShare",
  "skippedShare",
  "droppedShare",
] as const;

/**
 * Bits per second of all tracks and frames per second of the largest picture (5 s); round trip; packets lost on the way before
 * repair (10 s); by how much the sound is late (10 s); from a part's end to its confirmation by the edge, p95. The others are
 * what the encoder says of itself: see `EncoderFigures`. Null: unknown, or not told by the protocol.
 */
export type HealthMeasures = Readonly<Record<(typeof HEALTH_MEASURES)[number], number | null>>;

/** What is known without a sender. */
export const NO_MEASURES: HealthMeasures = Object.fromEntries(
  HEALTH_MEASURES.map((name) => [name, null]),
) as HealthMeasures;

/** Seconds of rates: two groups of pictures of most encoders. */
const RATE_S = 5;
const LOSS_MS = 10_000;

/** The figures of a connected sender. */
export function measureHealth(
  sender: SenderMeter,
  link: LinkMeter,
  publishDelayMs: number | null,
  nowMs: number,
): HealthMeasures {
  const bits = sender.bitsBySecond(RATE_S, nowMs);
  const picture = sender.sums(sender.leader?.meter ?? null, RATE_S, nowMs);
  const packets = link.packets(LOSS_MS, nowMs);
  return {
    ...NO_MEASURES,
    bitsPerSecond: bits === null ? null : bits.reduce((sum, each) => sum + each, 0) / RATE_S,
    framesPerSecond: picture === null ? null : picture.frames / RATE_S,
    roundTripMs: link.transport?.roundTripMs ?? null,
    lossShare: packets === null ? null : packets.missing / packets.sent,
    offsetMs: sender.offsetMs(nowMs),
    delayMs: publishDelayMs,
    ...sender.encoder.figures(nowMs),
  };
}
