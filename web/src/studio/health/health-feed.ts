/** A stream's health as it changes: server-sent events, and polling where they do not come through. */
import { backoffMs } from "../../../../core/kit/backoff.ts";
import { type Platform, sleep, withTimeout } from "../../../../core/kit/clock.ts";
import { EventStreamReader } from "./event-stream-reader.ts";
import { type HealthAnswer, parseHealthAnswer } from "./health-answer.ts";

/** Periods and limits, each with its reason. */
const HEALTH_FEED_LIMITS = {
  /** The edge sends an event every 2 s; a connection without one for this long is dead. */
  silenceMs: 10_000,
  /** Proxies may hold an event stream back: without a first event, and after these failures in a row, the page polls. */
  failures: 2,
  pollMs: 2_000,
  /** Then events are tried again. */
  pollingMs: 60_000,
  backoff: { firstMs: 1_000, maxMs: 15_000 },
  requestMs: 10_000,
} as const;

/** What became of a request: it was answered, failed, is refused for now, or its token has no right. */
type FeedOutcome = "answered" | "failed" | "busy" | "denied";

/** What a feed needs. */
export interface HealthFeedOptions {
  /** Sends a request for the health with the samples after `afterMs`, as events or as JSON. */
  readonly request: (
    accept: "text/event-stream" | "application/json",
    afterMs: number,
    signal: AbortSignal,
  ) => Promise<Response>;
  readonly platform: Platform;
  readonly onAnswer: (answer: HealthAnswer) => void;
  /** `events` and `polling` have answered, `away` has not. */
  readonly onLink: (link: "events" | "polling" | "away") => void;
}

/** The feed of one page; it ends when the token has no right, or with `stop`. */
export class HealthFeed {
  readonly #options: HealthFeedOptions;
  #stopped = new AbortController();
  #newestMs = 0;
  #failures = 0;
  #pollsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: HealthFeedOptions) {
    this.#options = options;
  }

  /** Follows the health until `stop` (false) or until it is denied (true). */
  async run(): Promise<boolean> {
    const stopped = new AbortController();
    this.#stopped = stopped;
    const { clock, random } = this.#options.platform;
    while (!stopped.signal.aborted) {
      const isPolling = clock.monotonicMs() < this.#pollsUntilMs;
      const outcome = await (isPolling ? this.#poll(stopped.signal) : this.#readEvents(stopped.signal));
      if (stopped.signal.aborted) return false;
      if (outcome === "denied") return true;
      this.#failures = outcome === "answered" ? 0 : this.#failures + 1;
      if (outcome === "failed") this.#options.onLink("away");
      if (!isPolling && (outcome === "busy" || this.#failures >= HEALTH_FEED_LIMITS.failures)) {
        this.#pollsUntilMs = clock.monotonicMs() + HEALTH_FEED_LIMITS.pollingMs;
      }
      // An event stream that has ended is opened again at once.
      if (outcome === "answered" && !isPolling) continue;
      const waitMs =
        this.#failures === 0
          ? HEALTH_FEED_LIMITS.pollMs
          : backoffMs(this.#failures, HEALTH_FEED_LIMITS.backoff, random);
      await sleep(clock, waitMs, stopped.signal).catch(() => {});
    }
    return false;
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #poll(stopped: AbortSignal): Promise<FeedOutcome> {
    const stop = this.#abortWith(stopped);
    try {
      const answer = async (): Promise<FeedOutcome> => {
        const response = await this.#options.request("application/json", this.#newestMs, stop.signal);
        if (!response.ok) return outcomeOf(response.status);
        return this.#apply(await response.json(), "polling");
      };
      return await this.#withTimeout(HEALTH_FEED_LIMITS.requestMs, answer());
    } catch {
      return "failed";
    } finally {
      stop.abort();
    }
  }

  async #readEvents(stopped: AbortSignal): Promise<FeedOutcome> {
    const stop = this.#abortWith(stopped);
    try {
      const { silenceMs } = HEALTH_FEED_LIMITS;
      const response = await this.#withTimeout(
        silenceMs,
        this.#options.request("text/event-stream", this.#newestMs, stop.signal),
      );
      if (!response.ok || response.body === null) return outcomeOf(response.status);
      const body = response.body.getReader();
      stop.signal.addEventListener("abort", () => void body.cancel().catch(() => {}), { once: true });
      const events = new EventStreamReader();
      let outcome: FeedOutcome = "failed";
      for (;;) {
        const { done, value } = await this.#withTimeout(silenceMs, body.read());
        if (done) return outcome;
        for (const data of events.push(value)) outcome = this.#apply(JSON.parse(data), "events");
        if (outcome === "answered") this.#failures = 0;
      }
    } catch {
      return "failed";
    } finally {
      stop.abort();
    }
  }

  #apply(body: unknown, link: "events" | "polling"): FeedOutcome {
    const answer = parseHealthAnswer(body);
    if (answer === null) return "failed";
    this.#newestMs = answer.samples.at(-1)?.atMs ?? this.#newestMs;
    this.#options.onLink(link);
    this.#options.onAnswer(answer);
    return "answered";
  }

  /** Ends a request that takes too long; what it was for has failed then. */
  #withTimeout<T>(limitMs: number, work: Promise<T>): Promise<T> {
    return withTimeout(this.#options.platform.clock, limitMs, work, () => {
      throw new Error("the edge does not answer in time");
    });
  }

  #abortWith(stopped: AbortSignal): AbortController {
    const stop = new AbortController();
    stopped.addEventListener("abort", () => stop.abort(), { once: true, signal: stop.signal });
    return stop;
  }
}

function outcomeOf(status: number): FeedOutcome {
  if (status === 401 || status === 403) return "denied";
  return status === 429 ? "busy" : "failed";
}
