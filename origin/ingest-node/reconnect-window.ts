/** A broadcast between its timelines: time without media is filled, and a sender is waited for. */
import { type Platform, startInterval } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { errorMessage } from "../kit/errors.ts";
import { INGEST_NODE_LIMITS } from "./ingest-limits.ts";
import type { PublishedBroadcast } from "./published-broadcast.ts";

/** What a window needs. */
export interface ReconnectWindowOptions {
  readonly stream: StreamName;
  readonly log: { error(text: string): void };
  readonly platform: Platform;
  /** Milliseconds since the epoch, never going back. */
  readonly epochNowMs: () => number;
}

/** See the file's first line. */
export class ReconnectWindow {
  readonly #options: ReconnectWindowOptions;
  #stopFilling: (() => void) | null = null;
  #cancelEnd: () => void = () => {};
  /** Times of broken timelines, milliseconds. */
  #broken: number[] = [];

  constructor(options: ReconnectWindowOptions) {
    this.#options = options;
  }

  /** Calls `onEnd` unless `cancelWait` comes within `waitMs`. */
  wait(waitMs: number, onEnd: () => void): void {
    this.#cancelEnd();
    this.#cancelEnd = this.#options.platform.clock.startTimer(waitMs, onEnd);
  }

  cancelWait(): void {
    this.#cancelEnd();
    this.#cancelEnd = () => {};
  }

  /** From now on due parts of `broadcast`, which has no open timeline, are marked as gaps. */
  fill(broadcast: PublishedBroadcast): void {
    if (this.#stopFilling !== null) return;
    const { platform, epochNowMs, log, stream } = this.#options;
    this.#stopFilling = startInterval(platform.clock, INGEST_NODE_LIMITS.gapStepMs, () => {
      try {
        broadcast.fillGapUntil(epochNowMs() - INGEST_NODE_LIMITS.gapMarginMs);
      } catch (error) {
        this.endFilling();
        log.error(`${stream}: the gap cannot be continued: ${errorMessage(error)}.`);
      }
    });
  }

  endFilling(): void {
    this.#stopFilling?.();
    this.#stopFilling = null;
  }

  /** Records a broken timeline; whether there were too many lately. */
  isBrokenTooOften(): boolean {
    const nowMs = this.#options.platform.clock.monotonicMs();
    const { brokenTimelines, brokenWindowMs } = INGEST_NODE_LIMITS;
    this.#broken = [...this.#broken.filter((at) => nowMs - at < brokenWindowMs), nowMs];
    return this.#broken.length > brokenTimelines;
  }
}
