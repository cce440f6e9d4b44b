/** Fetches a recording's chat around the playhead, one window of programme time after the other. */
import { decodeEvents } from "../../../protocol/room/decode-server.ts";
import type { RoomEvent } from "../../../protocol/room/events.ts";
import { jumped, missingWindows } from "./replay.ts";

/** After a failure the next try waits so long. */
const AGAIN_MS = 3_000;

/** The replay of one stream. */
export class ReplayLoader {
  readonly #stream: string;
  readonly #anew: () => void;
  readonly #take: (events: readonly RoomEvent[]) => void;
  readonly #known = new Set<number>();
  #playheadMs: number | null = null;
  #asking: AbortController | null = null;
  #againAtMs = 0;

  /** `anew`: the picture is elsewhere, and what was told no longer fits; `take`: events of a window. */
  constructor(stream: string, anew: () => void, take: (events: readonly RoomEvent[]) => void) {
    this.#stream = stream;
    this.#anew = anew;
    this.#take = take;
  }

  /** Some times a second: where the picture is. */
  at(playheadMs: number): void {
    if (jumped(this.#playheadMs, playheadMs)) {
      this.stop();
      this.#known.clear();
      this.#anew();
    }
    this.#playheadMs = playheadMs;
    const [fromMs] = missingWindows(playheadMs, this.#known);
    if (fromMs === undefined || this.#asking !== null || performance.now() < this.#againAtMs) return;
    const asking = new AbortController();
    this.#asking = asking;
    void this.#fetch(fromMs, asking.signal).finally(() => {
      if (this.#asking === asking) this.#asking = null;
    });
  }

  /** Asks no more. */
  stop(): void {
    this.#asking?.abort();
    this.#asking = null;
  }

  async #fetch(fromMs: number, signal: AbortSignal): Promise<void> {
    try {
      const answer = await fetch(`/rooms/${this.#stream}/replay?from=${fromMs}`, { signal });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const { events } = (await answer.json()) as { events: unknown };
      if (signal.aborted) return;
      this.#known.add(fromMs);
      this.#take(decodeEvents(events));
    } catch {
      // Gone on elsewhere, or the edge is away: the window is asked for again while it is still wanted.
      if (!signal.aborted) this.#againAtMs = performance.now() + AGAIN_MS;
    }
  }
}
