/** Polls the API for the stream's status, with jitter. */

import { STOP_CATEGORIES, type StopNotice } from "../../../core/access/stream-stop.ts";
import { backoffMs, randomBetween } from "../../../core/kit/backoff.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import { type ClockOffsetBounds, clockOffsetMs, narrowClockOffset, UNBOUNDED_OFFSET } from "../kit/clock-offset.ts";
import type { WatchPhase, WatchSource } from "./watch-state.ts";

/** Current viewers, and their peak. */
export interface AudienceCount {
  readonly watching: number;
  readonly peak: number;
}

/** A track of the broadcast. */
export interface WatchTrack {
  readonly name: string;
  readonly kind: "video" | "audio";
  readonly codecs: string;
  /** Peak bits per second. */
  readonly bandwidth: number;
  readonly partTargetMs: number;
}

/** The used part of `GET /api/streams/{stream}`. */
export interface WatchStatus {
  readonly source: WatchSource;
  /** Viewer counts, or null if the API has none. */
  readonly audience: AudienceCount | null;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number | null;
  /** The stop of the stream, or null. */
  readonly stop: StopNotice | null;
  readonly tracks: readonly WatchTrack[];
}

/** Poll intervals, milliseconds. */
const STATUS_POLL_LIMITS = {
  /** While something is awaited: a start, a reconnection, another broadcast. */
  awaitMinMs: 2000,
  awaitMaxMs: 5000,
  /** During playback: the player itself detects a stall. During a stop: all viewers of the stream poll. Held: nobody may look. */
  calmMinMs: 10_000,
  calmMaxMs: 15_000,
  failure: { firstMs: 4000, maxMs: 20_000 },
} as const;

/** The status in `body`, or null if it is invalid. */
export function parseWatchStatus(body: unknown): WatchStatus | null {
  if (!isRecord(body)) return null;
  const { state, broadcast, startedAt, viewers } = body;
  if (typeof broadcast !== "string") return null;
  if (state !== "live" && state !== "reconnecting" && state !== "ended") return null;
  const started = typeof startedAt === "number" ? startedAt : Date.parse(String(startedAt));
  return {
    source: { state, broadcast },
    audience: parseAudience(viewers),
    startedAtMs: Number.isFinite(started) ? started : null,
    stop: parseStopNotice(body["stop"]),
    tracks: Array.isArray(body["tracks"]) ? body["tracks"].flatMap((track) => parseTrack(track) ?? []) : [],
  };
}

function parseTrack(track: unknown): WatchTrack | null {
  const { name, kind, codecs, bandwidth, partTargetMs } = isRecord(track) ? track : {};
  if (typeof name !== "string" || typeof codecs !== "string" || (kind !== "video" && kind !== "audio")) return null;
  if (typeof bandwidth !== "number" || typeof partTargetMs !== "number") return null;
  return { name, kind, codecs, bandwidth, partTargetMs };
}

function parseStopNotice(stop: unknown): StopNotice | null {
  if (!isRecord(stop)) return null;
  const { category, reason, until } = stop;
  return {
    category: STOP_CATEGORIES.find((each) => each === category) ?? "other",
    reason: typeof reason === "string" ? reason : "",
    until: typeof until === "string" ? until : null,
  };
}

function parseAudience(viewers: unknown): AudienceCount | null {
  const { current, watching, peak } = isRecord(viewers) ? viewers : {};
  // The room counts viewers; without it requests provide an estimate.
  const now = typeof watching === "number" ? watching : current;
  if (typeof now !== "number" || now < 0) return null;
  return { watching: now, peak: typeof peak === "number" ? Math.max(peak, now) : now };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** A status that the media brought. Milliseconds since the epoch, `atMs` of the server's clock. */
export interface CarriedStatus {
  /** As the API answers. */
  readonly body: unknown;
  readonly atMs: number;
  /** When the media were asked for, if `body` answers that; -Infinity if unknown. */
  readonly askedMs: number;
}

/** What a poller needs. */
export interface StatusPollerOptions {
  readonly url: string;
  /** Selects the interval. */
  readonly phase: () => WatchPhase;
  /** Receives every status. */
  readonly onStatus: (status: WatchStatus) => void;
  /** Whether the media bring the status, so that regular polls would tell nothing new. */
  readonly isResting: () => boolean;
  /** Whether nothing plays before the viewer wants it: a page may stay so for hours. Else never. */
  readonly isHeld?: () => boolean;
  readonly platform: Platform;
}

/** Polls until it is stopped. */
export class StatusPoller {
  #bounds: ClockOffsetBounds = UNBOUNDED_OFFSET;
  #failures = 0;
  #cancelTimer: () => void = () => {};
  #isPolling = false;
  #isStopped = false;
  readonly #url: string;
  readonly #phase: () => WatchPhase;
  readonly #onStatus: (status: WatchStatus) => void;
  readonly #isResting: () => boolean;
  readonly #isHeld: () => boolean;
  readonly #platform: Platform;

  constructor({ url, phase, onStatus, isResting, isHeld = () => false, platform }: StatusPollerOptions) {
    this.#url = url;
    this.#phase = phase;
    this.#onStatus = onStatus;
    this.#isResting = isResting;
    this.#isHeld = isHeld;
    this.#platform = platform;
  }

  /** The server's clock, estimated from responses; milliseconds since the epoch. */
  serverNowMs(): number {
    return this.#platform.clock.nowMs() + clockOffsetMs(this.#bounds);
  }

  /** Takes a status that the media brought. */
  accept({ body, atMs, askedMs }: CarriedStatus): void {
    this.#bounds = narrowClockOffset(this.#bounds, atMs, askedMs, this.#platform.clock.nowMs(), 1);
    const status = parseWatchStatus(body);
    if (status !== null) this.#onStatus(status);
  }

  /** Begins with a status that the page came with. */
  begin(status: CarriedStatus): void {
    this.accept(status);
    this.#scheduleRegular();
  }

  /** No poll follows. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
  }

  /** Polls now, unless a request is pending. */
  pollNow(): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    this.#cancelTimer();
    void this.#requestStatus().finally(() => {
      this.#isPolling = false;
      this.#scheduleRegular();
    });
  }

  /** Polls within a second or two, with jitter: many pages may have seen the same event. */
  pollSoon(): void {
    if (!this.#isPolling) this.#schedule(randomBetween(200, 1500, this.#platform.random), () => this.pollNow());
  }

  #scheduleRegular(): void {
    this.#schedule(this.#nextDelayMs(), () => (this.#isResting() ? this.#scheduleRegular() : this.pollNow()));
  }

  #schedule(afterMs: number, task: () => void): void {
    this.#cancelTimer();
    if (this.#isStopped) return;
    this.#cancelTimer = this.#platform.clock.startTimer(afterMs, task);
  }

  #nextDelayMs(): number {
    const { awaitMinMs, awaitMaxMs, calmMinMs, calmMaxMs, failure } = STATUS_POLL_LIMITS;
    const { random } = this.#platform;
    if (this.#failures > 0) return backoffMs(this.#failures, failure, random);
    const phase = this.#phase();
    const calm = phase === "live" || phase === "replay" || phase === "stopped" || this.#isHeld();
    return calm ? randomBetween(calmMinMs, calmMaxMs, random) : randomBetween(awaitMinMs, awaitMaxMs, random);
  }

  async #requestStatus(): Promise<void> {
    const sentMs = this.#platform.clock.nowMs();
    try {
      const answer = await fetch(this.#url, { cache: "no-store", signal: AbortSignal.timeout(10_000) });
      this.#bounds = narrowClockOffset(
        this.#bounds,
        Date.parse(answer.headers.get("date") ?? ""),
        sentMs,
        this.#platform.clock.nowMs(),
      );
      const status = await readStatus(answer);
      if (status === null) throw new Error(`unexpected response ${answer.status}`);
      this.#failures = 0;
      this.#onStatus(status);
    } catch {
      // Every failure is retried later.
      this.#failures += 1;
    }
  }
}

async function readStatus(answer: Response): Promise<WatchStatus | null> {
  if (answer.status === 404)
    return { source: { state: "none" }, audience: null, startedAtMs: null, stop: null, tracks: [] };
  return answer.ok ? parseWatchStatus(await answer.json()) : null;
}
