/** The stream's status that flow responses carry, so that their players do not poll for it. */
import type { StreamStatus } from "../../broadcast/stream-status.ts";

/** It is composed at most this often. */
const COMPOSE_MS = 1_000;

/** One stream's. What it returns is one object until it changes: responses compare it by identity. */
export class FlowStatus {
  #composedMs = Number.NEGATIVE_INFINITY;
  #text = "";
  #current: object | null = null;

  /** The status now, null if it is unknown. `nowMs` is monotonic. */
  read(nowMs: number, compose: () => StreamStatus | null): object | null {
    if (nowMs - this.#composedMs < COMPOSE_MS) return this.#current;
    this.#composedMs = nowMs;
    const status = compose();
    const next = status === null ? null : selectPlayerFields(status);
    const text = JSON.stringify(next);
    if (text !== this.#text) {
      this.#text = text;
      this.#current = next;
    }
    return this.#current;
  }
}

/** Fields of `GET /api/streams/{stream}` that a player reads: counters change all the time. */
function selectPlayerFields({ stream, state, broadcast, startedAt, tracks, viewers }: StreamStatus): object {
  const { current, peak, watching } = viewers;
  return {
    ...{ stream, state, broadcast, startedAt },
    viewers: { current, peak, watching },
    tracks: tracks.map(({ name, kind, codecs, bandwidth, partTargetMs }) => ({
      ...{ name, kind, codecs, bandwidth, partTargetMs },
    })),
  };
}
