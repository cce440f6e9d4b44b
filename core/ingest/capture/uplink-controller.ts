/** Decides from the age of the send queue what a browser publishes: all renditions, all but the largest, or nothing. */

/** Thresholds, each with its reason. */
export const UPLINK_LIMITS = {
  /** An older queue costs viewers a stall: the largest rendition is dropped. */
  dropQueueMs: 500,
  /** One part may be late; a queue that stays is a slow uplink. */
  dropHoldMs: 500,
  /** Headroom: a queue below this, a mobile round trip and an upload, for the calm time shows that the remaining renditions fit. */
  calmQueueMs: 350,
  /** Calm time before the first return; it doubles with every drop, up to the limit. */
  calmMs: 20_000,
  maxCalmMs: 320_000,
  /** An older queue is of no use for live viewers: what waits is skipped. */
  skipQueueMs: 4_000,
  /** Parts are skipped at most this often: what was skipped needs time to show its effect. */
  skipEveryMs: 4_000,
  /** A queue that old while the edge accepts nothing for this long is a lost network: encoding for it is pointless. */
  silentMs: 3_000,
  /** A broadcast waits this long for its network. */
  windowMs: 60_000,
} as const;

/** What to do. */
export type UplinkAction = "none" | "drop-top" | "restore-top" | "skip" | "pause" | "resume" | "end";

/** A reading of the send queue. */
export interface UplinkReading {
  readonly nowMs: number;
  /** Age of the oldest part that the edge has not accepted, milliseconds; 0 if none waits. */
  readonly queueMs: number;
  /** Parts that the edge has accepted so far. */
  readonly acceptedParts: number;
  /** The encoders have too much to do: as a slow uplink. */
  readonly isOverloaded: boolean;
}

/** The state between readings, which come a few times a second. */
export class UplinkController {
  readonly #hasLower: boolean;
  #isTopDropped = false;
  #drops = 0;
  #slowSinceMs: number | null = null;
  #calmSinceMs: number | null = null;
  #pausedSinceMs: number | null = null;
  #accepted = { parts: 0, atMs: Number.NEGATIVE_INFINITY };
  #skippedMs: number = Number.NEGATIVE_INFINITY;
  /** After a pause the gap parts of its time drain first. */
  #resumedMs: number = Number.NEGATIVE_INFINITY;

  /** `hasLower`: whether there is a rendition below the largest. */
  constructor(hasLower: boolean) {
    this.#hasLower = hasLower;
  }

  /** Whether the largest rendition is left out. */
  get isTopDropped(): boolean {
    return this.#isTopDropped;
  }

  /** Whether nothing is encoded. */
  get isPaused(): boolean {
    return this.#pausedSinceMs !== null;
  }

  /** Whether parts were skipped lately. */
  isSkipping(nowMs: number): boolean {
    return nowMs - this.#skippedMs < 2 * UPLINK_LIMITS.skipEveryMs;
  }

  update(reading: UplinkReading): UplinkAction {
    const { nowMs, queueMs, acceptedParts } = reading;
    const isFirst = this.#accepted.atMs === Number.NEGATIVE_INFINITY;
    const hasAccepted = acceptedParts > this.#accepted.parts;
    if (hasAccepted || isFirst) this.#accepted = { parts: acceptedParts, atMs: nowMs };
    if (this.#pausedSinceMs !== null) {
      if (hasAccepted) {
        this.#pausedSinceMs = null;
        this.#slowSinceMs = null;
        this.#calmSinceMs = nowMs;
        this.#resumedMs = nowMs;
        return "resume";
      }
      return nowMs - this.#pausedSinceMs >= UPLINK_LIMITS.windowMs ? "end" : "none";
    }
    if (queueMs > UPLINK_LIMITS.skipQueueMs) {
      if (nowMs - this.#accepted.atMs >= UPLINK_LIMITS.silentMs) {
        this.#pausedSinceMs = this.#accepted.atMs;
        return "pause";
      }
      // The largest rendition goes first.
      if (this.#isTopDropped || !this.#hasLower) {
        const sinceMs = Math.max(this.#skippedMs, this.#resumedMs);
        if (nowMs - sinceMs < UPLINK_LIMITS.skipEveryMs) return "none";
        this.#skippedMs = nowMs;
        this.#calmSinceMs = null;
        return "skip";
      }
    }
    return this.#updateRenditions(reading);
  }

  #updateRenditions({ nowMs, queueMs, isOverloaded }: UplinkReading): UplinkAction {
    const isSlow = queueMs > UPLINK_LIMITS.dropQueueMs || isOverloaded;
    const isCalm = queueMs <= UPLINK_LIMITS.calmQueueMs && !isOverloaded;
    this.#slowSinceMs = isSlow ? (this.#slowSinceMs ?? nowMs) : null;
    this.#calmSinceMs = isCalm ? (this.#calmSinceMs ?? nowMs) : null;
    if (!this.#hasLower) return "none";
    if (!this.#isTopDropped) {
      if (this.#slowSinceMs === null || nowMs - this.#slowSinceMs < UPLINK_LIMITS.dropHoldMs) return "none";
      this.#isTopDropped = true;
      this.#drops += 1;
      this.#calmSinceMs = null;
      return "drop-top";
    }
    const calmMs = Math.min(UPLINK_LIMITS.maxCalmMs, UPLINK_LIMITS.calmMs * 2 ** (this.#drops - 1));
    if (this.#calmSinceMs === null || nowMs - this.#calmSinceMs < calmMs) return "none";
    this.#isTopDropped = false;
    this.#slowSinceMs = null;
    return "restore-top";
  }
}
