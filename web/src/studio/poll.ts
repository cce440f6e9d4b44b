/** Asks for the status every two seconds while somebody looks at the page. */
import { backoffMs } from "../../../core/kit/backoff.ts";
import { type ClockOffsetBounds, clockOffsetMs, narrowClockOffset, UNBOUNDED_OFFSET } from "../kit/clock-offset.ts";
import { parseStreamStatus, type StatusAnswer } from "./stream-status.ts";

const STUDIO_POLL_LIMITS = {
  everyMs: 2_000,
  failure: { firstMs: 4_000, maxMs: 15_000 },
  timeoutMs: 8_000,
} as const;

/** Polls until the page goes away. */
export class StudioPoller {
  #bounds: ClockOffsetBounds = UNBOUNDED_OFFSET;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isPolling = false;
  #failures = 0;
  readonly #url: string;
  readonly #onAnswer: (told: StatusAnswer | "failed") => void;

  /** `answer` is told of every answer, and of questions that failed. */
  constructor(url: string, answer: (told: StatusAnswer | "failed") => void) {
    this.#url = url;
    this.#onAnswer = answer;
  }

  /** The server's clock, milliseconds since the epoch. */
  serverNowMs(): number {
    return Date.now() + clockOffsetMs(this.#bounds);
  }

  /** Begins; also after the page was hidden. */
  start(): void {
    document.addEventListener("visibilitychange", () => this.#poll());
    addEventListener("online", () => this.#poll());
    this.#poll();
  }

  #poll(): void {
    clearTimeout(this.#timer);
    if (this.#isPolling || document.visibilityState === "hidden") return;
    this.#isPolling = true;
    void this.#requestStatus().then((told) => {
      this.#isPolling = false;
      this.#failures = told === "failed" ? this.#failures + 1 : 0;
      this.#onAnswer(told);
      const { everyMs, failure } = STUDIO_POLL_LIMITS;
      const failing = this.#failures > 0;
      const pauseMs = failing ? backoffMs(this.#failures, failure, Math.random) : everyMs;
      this.#timer = setTimeout(() => this.#poll(), pauseMs);
    });
  }

  async #requestStatus(): Promise<StatusAnswer | "failed"> {
    const sentMs = Date.now();
    try {
      const signal = AbortSignal.timeout(STUDIO_POLL_LIMITS.timeoutMs);
      const answer = await fetch(this.#url, { cache: "no-store", signal });
      this.#bounds = narrowClockOffset(this.#bounds, Date.parse(answer.headers.get("date") ?? ""), sentMs, Date.now());
      if (answer.status === 404) return "none";
      return (answer.ok ? parseStreamStatus(await answer.json()) : null) ?? "failed";
    } catch {
      // Whatever went wrong, asking again later is all that can be done.
      return "failed";
    }
  }
}
