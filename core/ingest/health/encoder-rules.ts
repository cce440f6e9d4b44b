/** Rules of what encoders say of themselves (OBS's metrics in multitrack video). */
import type { EncoderFigures } from "./encoder-meter.ts";
import type { HealthCheckId } from "./health-check.ts";
import { HEALTH_THRESHOLDS as LIMIT } from "./health-limits.ts";
import { type HealthRule, healthReading, severityAbove } from "./health-rule.ts";
import { HEALTH_SENTENCES as SAY } from "./health-sentences.ts";

/** A share of frames that is too large. */
function shareRule(
  id: HealthCheckId,
  read: (figures: EncoderFigures) => number | null,
  say: typeof SAY.encoderLagging,
): HealthRule {
  return {
    id,
    forMs: 10_000,
    read: ({ sender, nowMs }) => {
      const figures = sender.encoder.figures(nowMs);
      const share = figures === null ? null : read(figures);
      const above = share === null ? null : severityAbove(share, LIMIT.droppedShare);
      return share === null || above === null ? null : healthReading(above.severity, share, above.limit, say(share));
    },
  };
}

/** The rules. */
export const ENCODER_RULES: readonly HealthRule[] = [
  shareRule("rendering-lagging", ({ laggedShare }) => laggedShare, SAY.renderingLagging),
  shareRule("encoder-lagging", ({ skippedShare }) => skippedShare, SAY.encoderLagging),
  {
    id: "uplink-headroom",
    forMs: 5_000,
    read: ({ sender, nowMs }) => {
      const figures = sender.encoder.figures(nowMs);
      const waitMs = figures?.sendQueueMs ?? 0;
      if (waitMs <= LIMIT.sendQueueMs) return null;
      return healthReading(
        "warning",
        waitMs,
        LIMIT.sendQueueMs,
        SAY.uplinkHeadroom(waitMs, figures?.droppedShare ?? 0),
      );
    },
  },
];
