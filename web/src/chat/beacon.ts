/** Counts a viewer whose chat is hidden: while pictures move, the edge is told so every few seconds. */
import { randomBetween } from "../../../core/kit/backoff.ts";
import { sendViewerBeacon } from "./room-ticket.ts";

/** Until the edge says how often it wants to be told, and while nothing plays. */
const DEFAULT_INTERVAL_MS = 10_000;
const IDLE_MS = 2_000;

/** The beacon of one page. */
export class ViewerBeacon {
  readonly #stream: string;
  readonly #token: () => string | null;
  readonly #playing: () => boolean;
  #stop = new AbortController();

  constructor(stream: string, token: () => string | null, playing: () => boolean) {
    this.#stream = stream;
    this.#token = token;
    this.#playing = playing;
  }

  start(): void {
    this.stop();
    this.#stop = new AbortController();
    void this.#run(this.#stop.signal);
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const everyMs = this.#playing() ? await this.#send().catch(() => DEFAULT_INTERVAL_MS) : IDLE_MS;
      const waitMs = randomBetween(0.9 * everyMs, everyMs, Math.random);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** Ms until the edge wants to be told again. */
  async #send(): Promise<number> {
    const nextMs = await sendViewerBeacon(this.#stream, this.#token());
    return nextMs !== null && nextMs >= IDLE_MS ? nextMs : DEFAULT_INTERVAL_MS;
  }
}
