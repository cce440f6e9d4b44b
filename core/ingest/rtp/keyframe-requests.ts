/** When to ask a sender for a keyframe: at its start, after loss, and at each segment, as browsers send none by themselves. */
import { RTP_LIMITS } from "./limits.ts";

/** See the file's first line. Times are milliseconds. */
export class KeyframeRequests {
  #lastKeyframeMs: number | null = null;
  #askedMs = Number.NEGATIVE_INFINITY;
  #isNeeded = true;

  /** Whether nothing can be decoded before the next keyframe. */
  get isNeeded(): boolean {
    return this.#isNeeded;
  }

  /** Pictures are missing. */
  need(): void {
    this.#isNeeded = true;
  }

  /** A keyframe has come. */
  observeKeyframe(nowMs: number): void {
    this.#lastKeyframeMs = nowMs;
    this.#isNeeded = false;
  }

  /** Whether to ask now; `isUrgent`: one may be needed soon. */
  take(nowMs: number, isUrgent: boolean): boolean {
    const dueMs = (this.#lastKeyframeMs ?? Number.NEGATIVE_INFINITY) + RTP_LIMITS.keyframeMs;
    const isDue = isUrgent || this.#isNeeded || nowMs >= dueMs;
    if (!isDue || nowMs - this.#askedMs < RTP_LIMITS.keyframeStepMs) return false;
    this.#askedMs = nowMs;
    return true;
  }
}
