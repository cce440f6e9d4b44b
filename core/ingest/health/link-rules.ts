/** Rules of connections, transport, publishing and keys. */

import { HEALTH_LIMITS, HEALTH_THRESHOLDS as LIMIT } from "./health-limits.ts";
import { type HealthRule, healthReading, severityAbove } from "./health-rule.ts";
import { HEALTH_SENTENCES as SAY } from "./health-sentences.ts";

/** The rules. */
export const LINK_RULES: readonly HealthRule[] = [
  {
    id: "key-revoked",
    forMs: 0,
    isOfLink: true,
    read: ({ link }) => (link.isRevoked ? healthReading("error", 1, 0, SAY.keyRevoked()) : null),
  },
  {
    id: "no-data",
    forMs: 0,
    ownMs: LIMIT.noDataMs,
    isOfLink: true,
    read: ({ link, nowMs }) => {
      const silentMs = link.silentMs(nowMs);
      if (silentMs < LIMIT.noDataMs) return null;
      return healthReading("error", silentMs, LIMIT.noDataMs, SAY.noData(silentMs));
    },
  },
  {
    id: "disconnected",
    forMs: 0,
    isOfLink: true,
    read: ({ link: { lost }, nowMs }) => {
      if (lost === null) return null;
      const goneMs = nowMs - lost.atMs;
      return healthReading("error", goneMs, 0, SAY.disconnected(goneMs, Math.max(0, lost.waitMs - goneMs)));
    },
  },
  {
    id: "reconnecting-often",
    forMs: 0,
    isOfLink: true,
    read: ({ link, nowMs }) => {
      const count = link.connections(nowMs);
      if (count < LIMIT.reconnections) return null;
      return healthReading("warning", count, LIMIT.reconnections, SAY.reconnectingOften(count));
    },
  },
  {
    id: "packet-loss",
    forMs: 10_000,
    read: ({ link, nowMs }) => {
      const packets = link.packets(10_000, nowMs);
      if (packets === null) return null;
      const share = packets.missing / packets.sent;
      const above = severityAbove(share, LIMIT.lossShare);
      const sentence = SAY.packetLoss(share, packets.repaired / packets.sent);
      return above === null ? null : healthReading(above.severity, share, above.limit, sentence);
    },
  },
  {
    id: "packet-loss-seen",
    forMs: 5_000,
    read: ({ link, nowMs }) => {
      const packets = link.packets(10_000, nowMs);
      if (packets === null || packets.lost / packets.sent <= LIMIT.lostShare) return null;
      const { roundTripMs = null } = link.transport ?? {};
      const latencyMs = roundTripMs === null ? null : Math.max(120, 4 * roundTripMs);
      const share = packets.lost / packets.sent;
      return healthReading("error", share, LIMIT.lostShare, SAY.packetLossSeen(packets.lost, latencyMs));
    },
  },
  {
    id: "round-trip-high",
    forMs: 10_000,
    read: ({ link }) => {
      const roundTripMs = link.transport?.roundTripMs ?? 0;
      const above = severityAbove(roundTripMs, LIMIT.roundTripMs);
      if (above === null) return null;
      return healthReading(above.severity, roundTripMs, above.limit, SAY.roundTripHigh(roundTripMs));
    },
  },
  {
    id: "latency-unfit",
    forMs: 10_000,
    read: ({ link }) => {
      const { roundTripMs = null, latencyMs = null } = link.transport ?? {};
      if (roundTripMs === null || latencyMs === null) return null;
      const leastMs = LIMIT.latencyRoundTrips * roundTripMs;
      if (latencyMs >= leastMs) return null;
      return healthReading("warning", latencyMs, leastMs, SAY.latencyUnfit(latencyMs, roundTripMs, 4 * roundTripMs));
    },
  },
  {
    id: "ingest-delay",
    forMs: 10_000,
    read: ({ publishDelayMs }) => {
      const above = publishDelayMs === null ? null : severityAbove(publishDelayMs, LIMIT.publishDelayMs);
      if (above === null || publishDelayMs === null) return null;
      return healthReading(above.severity, publishDelayMs, above.limit, SAY.ingestDelay(publishDelayMs));
    },
  },
  {
    id: "transcode-slow",
    forMs: 5_000,
    read: ({ transcodeSpeed: speed }) => {
      if (speed === null || speed >= LIMIT.transcodeSpeed.warning) return null;
      const severity = speed < LIMIT.transcodeSpeed.error ? "error" : "warning";
      return healthReading(severity, speed, LIMIT.transcodeSpeed[severity], SAY.transcodeSlow(speed));
    },
  },
  {
    id: "rendition-shed",
    forMs: 0,
    read: ({ shedRenditions: names }) =>
      names.length === 0 ? null : healthReading("warning", names.length, 0, SAY.renditionShed(names)),
  },
  {
    id: "key-expiring",
    forMs: 0,
    read: ({ keyExpiresMs, nowMs }) => {
      if (keyExpiresMs === null) return null;
      const leftMs = keyExpiresMs - nowMs;
      if (leftMs >= LIMIT.keyExpiryMs.info) return null;
      const severity = leftMs < LIMIT.keyExpiryMs.warning ? "warning" : "info";
      return healthReading(severity, leftMs, LIMIT.keyExpiryMs[severity], SAY.keyExpiring(leftMs));
    },
  },
  {
    id: "timestamps-broken",
    forMs: 0,
    read: ({ sender: { jump }, nowMs }) => {
      if (jump === null || nowMs - jump.atMs >= HEALTH_LIMITS.eventMs) return null;
      const severity = Math.abs(jump.jumpMs) > HEALTH_LIMITS.jumpMs ? "error" : "warning";
      return healthReading(severity, jump.jumpMs, HEALTH_LIMITS.jumpMs, SAY.timestampsBroken(jump.jumpMs));
    },
  },
  {
    id: "faster-than-realtime",
    forMs: 5_000,
    read: ({ sender, nowMs, refusedFor }) => {
      const leadMs = sender.leadMs(nowMs) ?? 0;
      if (leadMs <= LIMIT.leadMs && refusedFor !== "faster-than-realtime") return null;
      return healthReading("warning", leadMs, LIMIT.leadMs, SAY.fasterThanRealtime(leadMs));
    },
  },
  {
    id: "jitter-high",
    forMs: 10_000,
    read: ({ sender, nowMs, link, ownDelayMs }) => {
      const arriving = sender.sums(sender.main, 5, nowMs);
      // Media that arrives too slowly is another check's matter.
      if (arriving === null || arriving.mediaMs < 5_000 * LIMIT.starvedShare || link.silentMs(nowMs) > 1_000)
        return null;
      // A node that is busy reads frames late that came in time.
      const jitterMs = (sender.leader?.meter.jitterMs(10_000, nowMs) ?? 0) - ownDelayMs;
      if (jitterMs <= LIMIT.jitterMs) return null;
      return healthReading("warning", jitterMs, LIMIT.jitterMs, SAY.jitterHigh(jitterMs));
    },
  },
];
