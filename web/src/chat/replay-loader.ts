/** Fetches a recording's chat around the playhead, one window of programme time after the other. */
import { decodeRoomEvents } from "../../../core/room/client/decode-server-frame.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { isPlayheadJump, missingReplayWindows } from "./replay-windows.ts";

/** After a failure the next try waits so long. */
const RETRY_MS = 3_000;

/** The replay of one stream. */
export class ReplayLoader {
  readonly #stream: string;
  readonly #onJump: () => void;
  readonly #onEvents: (events: readonly RoomEvent[]) => void;
  readonly #loadedWindows = new Set<number>();
  #playheadMs: number | null = null;
  #request: AbortController | null = null;
  #retryAtMs = 0;

  /** `anew`: the picture is elsewhere, and what was told no longer fits; `take`: events of a window. */
  constructor(stream: string, anew: () => void, take: (events: readonly RoomEvent[]) => void) {
    this.#stream = stream;
    this.#onJump = anew;
    this.#onEvents = take;
  }

  /** Some times a second: where the picture is. */
  setPlayhead(playheadMs: number): void {
    if (isPlayheadJump(this.#playheadMs, playheadMs)) {
      this.stop();
      this.#loadedWindows.clear();
      this.#onJump();
    }
    this.#playheadMs = playheadMs;
    const [fromMs] = missingReplayWindows(playheadMs, this.#loadedWindows);
    if (fromMs === undefined || this.#request !== null || performance.now() < this.#retryAtMs) return;
    const asking = new AbortController();
    this.#request = asking;
    void this.#fetch(fromMs, asking.signal).finally(() => {
      if (this.#request === asking) this.#request = null;
    });
  }

  /** Asks no more. */
  stop(): void {
    this.#request?.abort();
    this.#request = null;
  }

  async #fetch(fromMs: number, signal: AbortSignal): Promise<void> {
    try {
      const answer = await fetch(`/rooms/${this.#stream}/replay?from=${fromMs}`, { signal });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const { events } = (await answer.json()) as { events: unknown };
      if (signal.aborted) return;
      this.#loadedWindows.add(fromMs);
      this.#onEvents(decodeRoomEvents(events));
    } catch {
      // Gone on elsewhere, or the edge is away: the window is asked for again while it is still wanted.
      if (!signal.aborted) this.#retryAtMs = performance.now() + RETRY_MS;
    }
  }
}
