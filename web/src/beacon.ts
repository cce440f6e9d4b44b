/** Counts a viewer whose chat is hidden: while pictures move, the edge is told so every few seconds. */
import { between } from "./backoff.ts";

/** Until the edge says how often it wants to be told, and while nothing plays. */
const EVERY_MS = 10_000;
const IDLE_MS = 2_000;

/** The beacon of one page. */
export class Beacon {
  readonly #url: string;
  readonly #token: () => string | null;
  readonly #playing: () => boolean;
  #stop = new AbortController();

  /** `url`: `/rooms/{stream}/beacon?device=…`. */
  constructor(url: string, token: () => string | null, playing: () => boolean) {
    this.#url = url;
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
      const everyMs = this.#playing() ? await this.#tell().catch(() => EVERY_MS) : IDLE_MS;
      const waitMs = between(0.9 * everyMs, everyMs, Math.random());
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** Ms until the edge wants to be told again. */
  async #tell(): Promise<number> {
    const token = this.#token();
    const answer = await fetch(this.#url, {
      method: "POST",
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(EVERY_MS),
    });
    const { nextMs } = (await answer.json()) as { nextMs?: unknown };
    return typeof nextMs === "number" && nextMs >= IDLE_MS ? nextMs : EVERY_MS;
  }
}
