/** Asks the API how the stream is, again and again, with jitter. */

import { STOP_CATEGORIES, type StopNotice } from "../../../core/access/stream-stop.ts";
import { backoffMs, randomBetween } from "../../../core/kit/backoff.ts";
import { type ClockOffsetBounds, clockOffsetMs, narrowClockOffset, UNBOUNDED_OFFSET } from "../kit/clock-offset.ts";
import type { WatchPhase, WatchSource } from "./watch-state.ts";

/** People watching now, and the most that did at once. */
export interface AudienceCount {
  readonly watching: number;
  readonly peak: number;
}

/** What the page uses of `GET /api/streams/{stream}`. */
export interface WatchStatus {
  readonly source: WatchSource;
  /** Who watches, or null where the API doesn't say. */
  readonly audience: AudienceCount | null;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number | null;
  /** Why the stream was stopped, or null. */
  readonly stop: StopNotice | null;
}

/** Times between two questions, milliseconds. */
const STATUS_POLL_LIMITS = {
  /** While something is awaited: a start, a return, another broadcast. */
  awaitMinMs: 2000,
  awaitMaxMs: 5000,
  /** While pictures move: the player notices by itself when they stop. While a stream is stopped: all its viewers ask. */
  calmMinMs: 10_000,
  calmMaxMs: 15_000,
  failure: { firstMs: 4000, maxMs: 20_000 },
} as const;

/** The status that `body` tells, or null where it isn't one. */
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
  };
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
  // The room has counted people; without it their requests tell about how many there are.
  const now = typeof watching === "number" ? watching : current;
  if (typeof now !== "number" || now < 0) return null;
  return { watching: now, peak: typeof peak === "number" ? Math.max(peak, now) : now };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** Polls until the page goes away. */
export class StatusPoller {
  #bounds: ClockOffsetBounds = UNBOUNDED_OFFSET;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isPolling = false;
  readonly #url: string;
  readonly #phase: () => WatchPhase;
  readonly #onStatus: (status: WatchStatus) => void;

  /** `phase` decides how often to ask; `answer` is told every answer. */
  constructor(url: string, phase: () => WatchPhase, answer: (status: WatchStatus) => void) {
    this.#url = url;
    this.#phase = phase;
    this.#onStatus = answer;
  }

  /** The server's clock, as well as answers so far tell, milliseconds since the epoch. */
  serverNowMs(): number {
    return Date.now() + clockOffsetMs(this.#bounds);
  }

  /** Asks now, unless a question is out. */
  pollNow(): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    clearTimeout(this.#timer);
    void this.#requestStatus().finally(() => {
      this.#isPolling = false;
      this.#schedule(this.#nextDelayMs());
    });
  }

  /** Asks within a second or two: many pages may have noticed the same thing at once. */
  pollSoon(): void {
    if (!this.#isPolling) this.#schedule(randomBetween(200, 1500, Math.random));
  }

  #schedule(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.pollNow(), afterMs);
  }

  #nextDelayMs(): number {
    const { awaitMinMs, awaitMaxMs, calmMinMs, calmMaxMs, failure } = STATUS_POLL_LIMITS;
    if (this.#failures > 0) return backoffMs(this.#failures, failure, Math.random);
    const phase = this.#phase();
    const calm = phase === "live" || phase === "replay" || phase === "stopped";
    return calm ? randomBetween(calmMinMs, calmMaxMs, Math.random) : randomBetween(awaitMinMs, awaitMaxMs, Math.random);
  }

  async #requestStatus(): Promise<void> {
    const sentMs = Date.now();
    try {
      const answer = await fetch(this.#url, { cache: "no-store", signal: AbortSignal.timeout(10_000) });
      this.#bounds = narrowClockOffset(this.#bounds, Date.parse(answer.headers.get("date") ?? ""), sentMs, Date.now());
      const status = await readStatus(answer);
      if (status === null) throw new Error(`unexpected answer ${answer.status}`);
      this.#failures = 0;
      this.#onStatus(status);
    } catch {
      // Whatever went wrong, asking again later is all that can be done.
      this.#failures += 1;
    }
  }
}

async function readStatus(answer: Response): Promise<WatchStatus | null> {
  if (answer.status === 404) return { source: { state: "none" }, audience: null, startedAtMs: null, stop: null };
  return answer.ok ? parseWatchStatus(await answer.json()) : null;
}
