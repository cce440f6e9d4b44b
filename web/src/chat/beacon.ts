/** Counts a viewer whose chat is hidden: while the video plays, the page sends a beacon every few seconds. */
import { randomBetween } from "../../../core/kit/backoff.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import { sendViewerBeacon } from "./room-ticket.ts";

/** The beacon interval until the edge gives one. */
const DEFAULT_INTERVAL_MS = 10_000;
/** How often playback is checked while nothing plays; also the shortest beacon interval. */
const IDLE_MS = 2_000;

/** The beacon of one page. */
export class ViewerBeacon {
  readonly #stream: string;
  readonly #token: () => string | null;
  readonly #isPlaying: () => boolean;
  readonly #platform: Platform;
  #cancelTimer: () => void = () => {};
  /** Counts starts and stops; a request that a later one overtakes schedules no further beacon. */
  #generation = 0;

  constructor(stream: string, token: () => string | null, isPlaying: () => boolean, platform: Platform) {
    this.#stream = stream;
    this.#token = token;
    this.#isPlaying = isPlaying;
    this.#platform = platform;
  }

  start(): void {
    this.stop();
    void this.#run(this.#generation);
  }

  stop(): void {
    this.#generation += 1;
    this.#cancelTimer();
  }

  async #run(generation: number): Promise<void> {
    const { clock, random } = this.#platform;
    const intervalMs = this.#isPlaying() ? await this.#send().catch(() => DEFAULT_INTERVAL_MS) : IDLE_MS;
    if (generation !== this.#generation) return;
    const delayMs = randomBetween(0.9 * intervalMs, intervalMs, random);
    this.#cancelTimer = clock.startTimer(delayMs, () => void this.#run(generation));
  }

  /** Sends a beacon; returns the time until the next one, ms. */
  async #send(): Promise<number> {
    const nextMs = await sendViewerBeacon(this.#stream, this.#token());
    return nextMs !== null && nextMs >= IDLE_MS ? nextMs : DEFAULT_INTERVAL_MS;
  }
}
