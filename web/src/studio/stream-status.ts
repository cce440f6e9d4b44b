/** The parsed response of `GET /api/streams/{stream}`. */
import type { StreamStatus, TierCounters } from "../../../core/broadcast/stream-status.ts";

/** A status; `none` before the first broadcast. */
export type StatusAnswer = StreamStatus | "none";

type Track = StreamStatus["tracks"][number];

/** The status in `body`, or null if it is none. */
export function parseStreamStatus(body: unknown): StreamStatus | null {
  if (!isRecord(body)) return null;
  const { state, viewers, tracks, tiers } = body;
  const whole =
    (state === "live" || state === "reconnecting" || state === "ended") &&
    typeof body["broadcast"] === "string" &&
    (body["stop"] === undefined || isRecord(body["stop"])) &&
    hasNumbers(body, "startedAt", "at", "countedFrom", "requestsPerSecond", "children") &&
    isRecord(viewers) &&
    hasNumbers(viewers, "current", "peak") &&
    Array.isArray(tracks) &&
    tracks.every(isTrack) &&
    Array.isArray(tiers) &&
    tiers.every(isTier);
  return whole ? (body as unknown as StreamStatus) : null;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const hasNumbers = (record: Record<string, unknown>, ...names: string[]): boolean =>
  names.every((name) => typeof record[name] === "number");

function isTrack(value: unknown): value is Track {
  if (!isRecord(value) || typeof value["name"] !== "string" || typeof value["codecs"] !== "string") return false;
  const { programTimeMs } = value;
  return (
    hasNumbers(value, "bandwidth", "partTargetMs") && (programTimeMs === null || typeof programTimeMs === "number")
  );
}

function isTier(value: unknown): value is TierCounters {
  if (!isRecord(value) || typeof value["tier"] !== "string") return false;
  const counts = ["requests", "hits", "coalesced", "pulled", "errors", "refusals", "upstream", "objects", "crossings"];
  return hasNumbers(value, ...counts);
}
