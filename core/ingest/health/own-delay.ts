/** How late the process that measures runs itself, by its ticks: what it reads late has not arrived late. */

/** Limits, each with its reason. */
const OWN_DELAY_LIMITS = {
  /** Ticks that are remembered: the window of `jitter-high`. */
  ticks: 10,
  /** Ticks that are further apart were not asked for meanwhile. */
  pauseMs: 5_000,
} as const;

/** See the file's first line. */
export class OwnDelay {
  readonly #periodMs: number;
  readonly #delaysMs: number[] = [];
  #tickedMs: number | null = null;

  /** Ticks are asked for `periodMs` apart. */
  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  /** The longest delay of the latest ticks, milliseconds. */
  get longestMs(): number {
    return Math.max(0, ...this.#delaysMs);
  }

  tick(nowMs: number): void {
    const delayMs = nowMs - (this.#tickedMs ?? nowMs) - this.#periodMs;
    this.#tickedMs = nowMs;
    this.#delaysMs.push(delayMs < OWN_DELAY_LIMITS.pauseMs ? Math.max(0, delayMs) : 0);
    if (this.#delaysMs.length > OWN_DELAY_LIMITS.ticks) this.#delaysMs.shift();
  }
}
