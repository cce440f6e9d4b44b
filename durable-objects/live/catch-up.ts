/**
 * What a Live object may lack that it had before it lost its memory: nodes below have shown it, and the publisher sends it
 * again. Nodes that remember none of it wait for that, so that no playlist goes back.
 */
import type { BroadcastConfig } from "../../core/broadcast/broadcast-log.ts";
import { comparePartPositions, type PartPosition } from "../../core/broadcast/track-position.ts";
import { LIVE_LIMITS } from "../../core/delivery/node-limits.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { Notifier } from "../../core/kit/notifier.ts";

/** The return of one broadcast's tracks. */
export class CatchUp {
  readonly #clock: Clock;
  readonly #untilMs: number;
  readonly #progress: Notifier;
  /** The latest part that the publisher has sent, by track that lacks it; null: it has sent none yet. */
  readonly #awaited: Map<TrackName, PartPosition | null>;

  /** `tracks`: those that may lack parts; `maxMs`: the publisher may have gone, milliseconds. */
  constructor(clock: Clock, tracks: readonly TrackName[], maxMs: number) {
    this.#clock = clock;
    this.#untilMs = clock.monotonicMs() + maxMs;
    this.#progress = new Notifier(clock);
    this.#awaited = new Map(tracks.map((track) => [track, null]));
  }

  /** Begins with a broadcast's stored state; `isComplete`: nothing is lost of it, or nobody is there to send it again. */
  static begin(
    clock: Clock,
    { config, ended }: { readonly config: BroadcastConfig; readonly ended: boolean },
    isComplete: boolean,
  ): CatchUp {
    const tracks = ended || isComplete ? [] : config.tracks.map(({ name }) => name);
    return new CatchUp(clock, tracks, LIVE_LIMITS.catchUpMs);
  }

  /** The publisher has sent this part, accepted or not; `next` is the first one that the track lacks now. */
  recordSent(track: TrackName, sent: PartPosition, next: PartPosition): void {
    const latest = this.#awaited.get(track);
    if (latest === undefined) return;
    const awaited = latest === null || comparePartPositions(sent, latest) > 0 ? sent : latest;
    if (comparePartPositions(awaited, next) < 0) this.#awaited.delete(track);
    else this.#awaited.set(track, { msn: awaited.msn, part: awaited.part });
    if (this.#awaited.size === 0) this.#progress.notifyAll();
  }

  /** Ends when no track lacks what its publisher has sent, or the time is over. */
  async wait(): Promise<void> {
    for (;;) {
      const leftMs = this.#untilMs - this.#clock.monotonicMs();
      if (this.#awaited.size === 0 || leftMs <= 0) return;
      await this.#progress.wait(leftMs);
    }
  }
}
