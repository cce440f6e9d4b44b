/** Polls the stream's status every two seconds while the page is visible. */
import { backoffMs } from "../../../core/kit/backoff.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import { type ClockOffsetBounds, clockOffsetMs, narrowClockOffset, UNBOUNDED_OFFSET } from "../kit/clock-offset.ts";
import { parseStreamStatus, type StatusAnswer } from "./stream-status.ts";

const STUDIO_POLL_LIMITS = {
  everyMs: 2_000,
  failure: { firstMs: 4_000, maxMs: 15_000 },
  timeoutMs: 8_000,
} as const;

/** The status poller of one page. */
export class StudioPoller {
  #bounds: ClockOffsetBounds = UNBOUNDED_OFFSET;
  #cancelPoll: () => void = () => {};
  #isPolling = false;
  #failures = 0;
  readonly #url: string;
  readonly #platform: Platform;
  readonly #onAnswer: (answer: StatusAnswer | "failed") => void;

  /** `onAnswer` is called with every answer, and with `failed` for every failed request. */
  constructor(url: string, platform: Platform, onAnswer: (answer: StatusAnswer | "failed") => void) {
    this.#url = url;
    this.#platform = platform;
    this.#onAnswer = onAnswer;
  }

  /** The server's clock, milliseconds since the epoch. */
  serverNowMs(): number {
    return this.#platform.clock.nowMs() + clockOffsetMs(this.#bounds);
  }

  /** Starts polling, and polls at once when the page becomes visible or online. */
  start(): void {
    document.addEventListener("visibilitychange", () => this.#poll());
    addEventListener("online", () => this.#poll());
    this.#poll();
  }

  #poll(): void {
    this.#cancelPoll();
    if (this.#isPolling || document.visibilityState === "hidden") return;
    this.#isPolling = true;
    void this.#requestStatus().then((answer) => {
      this.#isPolling = false;
      this.#failures = answer === "failed" ? this.#failures + 1 : 0;
      this.#onAnswer(answer);
      const { everyMs, failure } = STUDIO_POLL_LIMITS;
      const { clock, random } = this.#platform;
      const delayMs = this.#failures > 0 ? backoffMs(this.#failures, failure, random) : everyMs;
      this.#cancelPoll = clock.startTimer(delayMs, () => this.#poll());
    });
  }

  async #requestStatus(): Promise<StatusAnswer | "failed"> {
    const { clock } = this.#platform;
    const sentMs = clock.nowMs();
    try {
      const signal = AbortSignal.timeout(STUDIO_POLL_LIMITS.timeoutMs);
      const response = await fetch(this.#url, { cache: "no-store", signal });
      const dateMs = Date.parse(response.headers.get("date") ?? "");
      this.#bounds = narrowClockOffset(this.#bounds, dateMs, sentMs, clock.nowMs());
      if (response.status === 404) return "none";
      return (response.ok ? parseStreamStatus(await response.json()) : null) ?? "failed";
    } catch {
      // Every failure is retried by the next poll.
      return "failed";
    }
  }
}
