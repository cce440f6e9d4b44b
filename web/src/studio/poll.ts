/** Asks for the status every two seconds while somebody looks at the page. */
import { backoffMs } from "../backoff.ts";
import { narrow, type OffsetBounds, offsetMs, UNBOUNDED } from "../clock.ts";
import { parseTold, type Told } from "./told.ts";

const POLL_LIMITS = {
  everyMs: 2_000,
  /** After failures, doubling between these two. */
  failureBaseMs: 2_000,
  failureMaxMs: 15_000,
  timeoutMs: 8_000,
} as const;

/** Polls until the page goes away. */
export class Poll {
  #bounds: OffsetBounds = UNBOUNDED;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking = false;
  #failures = 0;
  readonly #url: string;
  readonly #answer: (told: Told | "failed") => void;

  /** `answer` is told of every answer, and of questions that failed. */
  constructor(url: string, answer: (told: Told | "failed") => void) {
    this.#url = url;
    this.#answer = answer;
  }

  /** The server's clock, milliseconds since the epoch. */
  serverNowMs(): number {
    return Date.now() + offsetMs(this.#bounds);
  }

  /** Begins; also after the page was hidden. */
  start(): void {
    document.addEventListener("visibilitychange", () => this.#ask());
    addEventListener("online", () => this.#ask());
    this.#ask();
  }

  #ask(): void {
    clearTimeout(this.#timer);
    if (this.#asking || document.visibilityState === "hidden") return;
    this.#asking = true;
    void this.#once().then((told) => {
      this.#asking = false;
      this.#failures = told === "failed" ? this.#failures + 1 : 0;
      this.#answer(told);
      const { everyMs, failureBaseMs, failureMaxMs } = POLL_LIMITS;
      const failing = this.#failures > 0;
      const pauseMs = failing ? backoffMs(this.#failures, failureBaseMs, failureMaxMs, Math.random()) : everyMs;
      this.#timer = setTimeout(() => this.#ask(), pauseMs);
    });
  }

  async #once(): Promise<Told | "failed"> {
    const sentMs = Date.now();
    try {
      const signal = AbortSignal.timeout(POLL_LIMITS.timeoutMs);
      const answer = await fetch(this.#url, { cache: "no-store", signal });
      this.#bounds = narrow(this.#bounds, Date.parse(answer.headers.get("date") ?? ""), sentMs, Date.now());
      if (answer.status === 404) return "none";
      return (answer.ok ? parseTold(await answer.json()) : null) ?? "failed";
    } catch {
      // Whatever went wrong, asking again later is all that can be done.
      return "failed";
    }
  }
}
