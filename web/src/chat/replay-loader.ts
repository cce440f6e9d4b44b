/** Fetches a recording's chat around the playhead, one window of program time at a time. */
import type { Clock } from "../../../core/kit/clock.ts";
import { decodeRoomEvents } from "../../../core/room/client/decode-server-frame.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { isPlayheadJump, missingReplayWindows } from "./replay-windows.ts";

/** The delay before a failed request is repeated. */
const RETRY_MS = 3_000;

/** The replay of one stream. */
export class ReplayLoader {
  readonly #stream: string;
  readonly #clock: Clock;
  readonly #onJump: () => void;
  readonly #onEvents: (events: readonly RoomEvent[]) => void;
  readonly #loadedWindows = new Set<number>();
  #playheadMs: number | null = null;
  #request: AbortController | null = null;
  #retryAtMs = 0;

  /** `onJump`: the playhead jumped, and earlier events do not apply; `onEvents`: the events of a window. */
  constructor(stream: string, clock: Clock, onJump: () => void, onEvents: (events: readonly RoomEvent[]) => void) {
    this.#stream = stream;
    this.#clock = clock;
    this.#onJump = onJump;
    this.#onEvents = onEvents;
  }

  /** Sets the playhead; called some times a second. */
  setPlayhead(playheadMs: number): void {
    if (isPlayheadJump(this.#playheadMs, playheadMs)) {
      this.stop();
      this.#loadedWindows.clear();
      this.#onJump();
    }
    this.#playheadMs = playheadMs;
    const [fromMs] = missingReplayWindows(playheadMs, this.#loadedWindows);
    if (fromMs === undefined || this.#request !== null || this.#clock.monotonicMs() < this.#retryAtMs) return;
    const request = new AbortController();
    this.#request = request;
    void this.#fetch(fromMs, request.signal).finally(() => {
      if (this.#request === request) this.#request = null;
    });
  }

  /** Aborts the current request. */
  stop(): void {
    this.#request?.abort();
    this.#request = null;
  }

  async #fetch(fromMs: number, signal: AbortSignal): Promise<void> {
    try {
      const response = await fetch(`/rooms/${this.#stream}/replay?from=${fromMs}`, { signal });
      if (!response.ok) throw new Error(`${response.status}`);
      const { events } = (await response.json()) as { events: unknown };
      if (signal.aborted) return;
      this.#loadedWindows.add(fromMs);
      this.#onEvents(decodeRoomEvents(events));
    } catch {
      // Aborted by a jump, or the edge does not respond: the window is requested again while it is needed.
      if (!signal.aborted) this.#retryAtMs = this.#clock.monotonicMs() + RETRY_MS;
    }
  }
}
