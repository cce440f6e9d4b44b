/** A broadcast between its timelines: a slate or gaps fill the time, and a sender is waited for. */
import type { PassthroughTrack } from "../../core/ingest/passthrough/timeline-plan.ts";
import { slateFormatOf, slateFrameRate, slateOfRendition } from "../../core/ingest/slate/slate-format.ts";
import { type EncodedSlate, SlateSchedule } from "../../core/ingest/slate/slate-schedule.ts";
import { type Platform, startInterval } from "../../core/kit/clock.ts";
import type { StreamName, TrackName } from "../../core/kit/ids.ts";
import { errorMessage } from "../kit/errors.ts";
import type { Rendition } from "../packager/ladder.ts";
import { INGEST_NODE_LIMITS } from "./ingest-limits.ts";
import type { PublishedBroadcast } from "./published-broadcast.ts";
import type { SlateLibrary } from "./slate-encoder.ts";

/** What a window needs. */
export interface ReconnectWindowOptions {
  readonly stream: StreamName;
  /** Null: gaps stand for the time without a sender. */
  readonly slates: SlateLibrary | null;
  readonly log: Readonly<Record<"debug" | "info" | "error", (text: string) => void>>;
  readonly platform: Platform;
  /** Milliseconds since the epoch, never going back. */
  readonly epochNowMs: () => number;
}

/** A broadcast whose time is being filled. */
interface Filling {
  readonly broadcast: PublishedBroadcast;
  readonly mayUseSlate: boolean;
  readonly stop: () => void;
  /** The slate's frames, and the program time of its first; null while gaps are written. */
  slate: { readonly schedule: SlateSchedule; readonly sinceMs: number } | null;
  /** Nothing is written until then: a sender's timeline is about to begin. */
  heldUntilMs: number;
}

/** See the file's first line. */
export class ReconnectWindow {
  readonly #options: ReconnectWindowOptions;
  #filling: Filling | null = null;
  /** The slates of the broadcast's tracks; null until they are ready. */
  #slates: ReadonlyMap<TrackName, EncodedSlate> | null = null;
  #cancelPreparation: () => void = () => {};
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

  /** The broadcast has a timeline of `tracks` and renditions beside them: their slate is made soon, if it is not known. */
  prepareSlate(tracks: readonly PassthroughTrack[], encoded: readonly Rendition[]): void {
    const { slates, platform, log, stream } = this.#options;
    if (slates === null) return;
    this.#cancelPreparation();
    const leader = tracks.find(({ kind }) => kind === "video");
    const frameRate = slateFrameRate(leader?.frameRate ?? null);
    const formats = [
      ...tracks.map((track) => [track.name, slateFormatOf(track, frameRate)] as const),
      ...encoded.map((rendition) => [rendition.name, slateOfRendition(rendition, frameRate)] as const),
    ];
    const timer = { isOver: false };
    const cancel = platform.clock.startTimer(INGEST_NODE_LIMITS.slateDelayMs, () => void prepare());
    this.#cancelPreparation = () => {
      timer.isOver = true;
      cancel();
    };
    const prepare = async (): Promise<void> => {
      const ready = new Map<TrackName, EncodedSlate>();
      for (const [name, format] of formats) {
        const slate = await slates.prepare(format);
        if (slate === null || timer.isOver) return;
        ready.set(name, slate);
      }
      this.#slates = ready;
      log.debug(`${stream}: the slate is ready.`);
    };
  }

  /**
   * From now on time is filled in `broadcast`, which has no open timeline: with its slate if `mayUseSlate` and it is ready,
   * else with gaps.
   */
  fill(broadcast: PublishedBroadcast, mayUseSlate: boolean): void {
    if (this.#filling !== null) {
      if (this.#filling.mayUseSlate || !mayUseSlate) return;
      this.endFilling(null);
    }
    const { platform } = this.#options;
    const stop = startInterval(platform.clock, INGEST_NODE_LIMITS.fillStepMs, () => this.#step());
    this.#filling = { broadcast, mayUseSlate, stop, slate: null, heldUntilMs: Number.NEGATIVE_INFINITY };
    if (mayUseSlate && this.#slates !== null) this.#step();
  }

  /** Program time up to which a slate stands; null without. A sender's timeline begins there or later. */
  get slateUntilMs(): number | null {
    const { slate = null, broadcast } = this.#filling ?? {};
    return slate === null ? null : (broadcast?.writtenUntilMs ?? null);
  }

  /** Whether a slate could stand for the sender at once. */
  get hasSlate(): boolean {
    return this.#slates !== null;
  }

  /**
   * A sender's keyframe has come: gaps end at once, and a slate pauses until the sender's timeline has begun. A sender whose
   * clock `isKnown` begins without delay, or at a later keyframe.
   */
  hold(isKnown: boolean): void {
    const filling = this.#filling;
    if (filling === null || filling.slate === null) {
      this.endFilling(null);
      return;
    }
    // Once: a timeline that does not begin in time begins at a later keyframe.
    if (!isKnown && filling.heldUntilMs === Number.NEGATIVE_INFINITY)
      filling.heldUntilMs = this.#options.epochNowMs() + INGEST_NODE_LIMITS.slateHoldMs;
  }

  /** The time is filled up to `untilMs`, where a sender's media begins; null: up to now, no timeline follows. */
  endFilling(untilMs: number | null): void {
    const filling = this.#filling;
    if (filling === null) return;
    filling.stop();
    this.#filling = null;
    const { slate, broadcast } = filling;
    if (slate === null) return;
    const rest = untilMs === null ? [] : slate.schedule.finish((untilMs - slate.sinceMs) / 1000);
    this.#attempt(() => {
      for (const { track, frame } of rest) broadcast.push(track, frame);
    });
    broadcast.endTimeline();
  }

  /** Nothing is prepared or filled any more. */
  close(): void {
    this.cancelWait();
    this.#cancelPreparation();
    this.endFilling(null);
  }

  /** Records a broken timeline; whether there were too many lately. */
  isBrokenTooOften(): boolean {
    const nowMs = this.#options.platform.clock.monotonicMs();
    const { brokenTimelines, brokenWindowMs } = INGEST_NODE_LIMITS;
    this.#broken = [...this.#broken.filter((at) => nowMs - at < brokenWindowMs), nowMs];
    return this.#broken.length > brokenTimelines;
  }

  #step(): void {
    const filling = this.#filling;
    const nowMs = this.#options.epochNowMs();
    if (filling === null || nowMs < filling.heldUntilMs) return;
    const { broadcast, mayUseSlate } = filling;
    const slates = this.#slates;
    if (filling.slate === null && mayUseSlate && slates !== null) {
      const hasBegun = this.#attempt(() => {
        filling.slate = this.#beginSlate(broadcast, slates);
      });
      if (!hasBegun) this.#slates = null;
    }
    const isDone = this.#attempt(() => {
      if (filling.slate === null) broadcast.fillGapUntil(nowMs - INGEST_NODE_LIMITS.gapMarginMs);
      else
        for (const { track, frame } of filling.slate.schedule.framesUntil((nowMs - filling.slate.sinceMs) / 1000))
          broadcast.push(track, frame);
    });
    if (!isDone) this.endFilling(null);
  }

  #beginSlate(broadcast: PublishedBroadcast, slates: ReadonlyMap<TrackName, EncodedSlate>): Filling["slate"] {
    const sinceMs = broadcast.beginSlate(slates);
    if (sinceMs === null) return null;
    const { log, stream } = this.#options;
    log.info(`${stream}: a slate stands for the sender.`);
    return { schedule: new SlateSchedule(slates), sinceMs };
  }

  #attempt(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      const { log, stream } = this.#options;
      log.error(`${stream}: the time without a sender cannot be filled: ${errorMessage(error)}.`);
      return false;
    }
  }
}
