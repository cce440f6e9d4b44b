/** The health of one page's stream, with the token of the operator or of a host. */
import type { Platform } from "../../../../core/kit/clock.ts";
import { ControlClient } from "../../kit/control-client.ts";
import { SampleHistory } from "../sample-history.ts";
import { announceChange, type ListedCheck, listChecks } from "./check-list.ts";
import type { HealthAnswer, MeasuredSample } from "./health-answer.ts";
import { HealthFeed } from "./health-feed.ts";
import { type HistoryAnswer, parseHistoryAnswer } from "./history-answer.ts";
import { parseQualityAnswer, type QualityAnswer } from "./quality-answer.ts";

/** See the file's first line. It follows the health while the page is visible. */
export class HealthController {
  readonly #client: ControlClient;
  readonly #feed: HealthFeed;
  readonly #platform: Platform;
  readonly #onChange: () => void;
  readonly #onVisibility = (): void => this.#follow();
  #answer: HealthAnswer | null = null;
  #checks: readonly ListedCheck[] = [];
  #history = new SampleHistory<MeasuredSample>();
  #link: "events" | "polling" | "away" = "events";
  #announced = "";
  #needsToken = true;
  #hasToken = false;
  #isRunning = false;
  #isStopped = false;

  constructor(stream: string, platform: Platform, changed: () => void) {
    this.#platform = platform;
    this.#onChange = changed;
    this.#client = new ControlClient(stream, changed);
    this.#feed = new HealthFeed({
      platform,
      request: (accept, afterMs, signal) => this.#client.open(`/health?after=${afterMs}`, accept, signal),
      onAnswer: (answer) => this.#apply(answer),
      onLink: (link) => {
        this.#link = link;
        changed();
      },
    });
  }

  /** The last answer; null before the first. */
  get answer(): HealthAnswer | null {
    return this.#answer;
  }

  /** The checks to show. */
  get checks(): readonly ListedCheck[] {
    return this.#checks;
  }

  /** The figures of the last minutes. */
  get history(): SampleHistory<MeasuredSample> {
    return this.#history;
  }

  /** Whether the edge does not answer. */
  get isAway(): boolean {
    return this.#link === "away";
  }

  /** The last change of checks, for screen readers. */
  get announced(): string {
    return this.#announced;
  }

  get needsToken(): boolean {
    return this.#needsToken;
  }

  /** Whether a token is being tried. */
  get isBusy(): boolean {
    return this.#isRunning && this.#needsToken;
  }

  get errorText(): string | null {
    return this.#client.errorText;
  }

  /** Starts with the tab's token; on a local edge, with a host token. */
  async start(): Promise<void> {
    this.#isStopped = false;
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#hasToken = await this.#client.loadToken();
    this.#follow();
  }

  stop(): void {
    this.#isStopped = true;
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#feed.stop();
  }

  /** The history within a range of time, ms since the epoch; null: from the oldest, to the newest. Null if the edge tells none. */
  async readHistory(fromMs: number | null, toMs: number | null): Promise<HistoryAnswer | null> {
    const range = new URLSearchParams();
    if (fromMs !== null) range.set("from", String(Math.max(0, Math.floor(fromMs))));
    if (toMs !== null) range.set("to", String(Math.ceil(toMs)));
    const answer = await this.#client.request({ method: "GET", path: `/health/history?${range.toString()}` });
    return answer.ok ? parseHistoryAnswer(answer.body) : null;
  }

  /** What viewers reported in the last `periodMs`; null if the edge tells nothing. */
  async readQuality(periodMs: number): Promise<QualityAnswer | null> {
    const fromMs = Math.max(0, Math.floor(this.#platform.clock.nowMs() - periodMs));
    const answer = await this.#client.request({ method: "GET", path: `/quality?from=${fromMs}` });
    return answer.ok ? parseQualityAnswer(answer.body) : null;
  }

  /** Uses a token that only this page keeps. */
  async useToken(token: string): Promise<void> {
    this.#client.setToken(token);
    this.#hasToken = true;
    this.#follow();
  }

  /** Runs the feed while somebody sees it. */
  #follow(): void {
    if (document.visibilityState === "hidden" || this.#isStopped) {
      this.#feed.stop();
      return;
    }
    if (!this.#hasToken || this.#isRunning) return;
    this.#isRunning = true;
    this.#onChange();
    void this.#feed.run().then((isDenied) => {
      this.#isRunning = false;
      if (isDenied) {
        this.#hasToken = false;
        this.#needsToken = true;
      }
      this.#onChange();
      // The page may have become visible again meanwhile.
      this.#follow();
    });
  }

  #apply(answer: HealthAnswer): void {
    this.#needsToken = false;
    this.#answer = answer;
    for (const sample of answer.samples) {
      if (sample.atMs > (this.#history.latest?.atMs ?? 0)) this.#history.add(sample);
    }
    const before = this.#checks;
    this.#checks = listChecks(before, answer.checks, this.#platform.clock.nowMs());
    this.#announced = announceChange(before, this.#checks) ?? this.#announced;
    this.#onChange();
  }
}
