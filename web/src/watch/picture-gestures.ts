/** Gestures of a finger on the picture: a double tap likes, a swipe up or down goes to another stream; pure. */

/** A pointer's event, in CSS pixels and milliseconds. */
export interface FingerEvent {
  readonly type: "down" | "up" | "cancel";
  readonly pointerId: number;
  readonly x: number;
  readonly y: number;
  readonly atMs: number;
}

/** What the finger did. */
export type PictureGesture =
  | { readonly kind: "like"; readonly x: number; readonly y: number }
  | { readonly kind: "next" | "previous" };

/** Beyond these a movement is none of the gestures. */
const GESTURE_LIMITS = {
  tapMs: 250,
  /** Of a finger that rests. */
  tapPx: 12,
  betweenTapsMs: 300,
  betweenTapsPx: 48,
  swipeMs: 700,
  swipePx: 80,
  /** A swipe's height is at least this many times its width. */
  swipeSlope: 1.6,
} as const;

/** Reads the gestures of one finger; two fingers zoom the page and are none. */
export class PictureGestures {
  #fingers = 0;
  #start: FingerEvent | null = null;
  #lastTap: FingerEvent | null = null;

  /** The gesture that an event completes, or null. */
  accept(event: FingerEvent): PictureGesture | null {
    if (event.type === "down") {
      this.#fingers += 1;
      this.#start = this.#fingers === 1 ? event : null;
      return null;
    }
    this.#fingers = Math.max(0, this.#fingers - 1);
    const start = this.#start;
    this.#start = null;
    if (start === null || start.pointerId !== event.pointerId || event.type === "cancel") return null;
    return this.#finish(start, event);
  }

  #finish(start: FingerEvent, end: FingerEvent): PictureGesture | null {
    const [across, along] = [end.x - start.x, end.y - start.y];
    const lastedMs = end.atMs - start.atMs;
    const { tapMs, tapPx, betweenTapsMs, betweenTapsPx, swipeMs, swipePx, swipeSlope } = GESTURE_LIMITS;
    if (Math.hypot(across, along) <= tapPx && lastedMs <= tapMs) {
      const last = this.#lastTap;
      const isSecond =
        last !== null &&
        end.atMs - last.atMs <= betweenTapsMs &&
        Math.hypot(end.x - last.x, end.y - last.y) <= betweenTapsPx;
      // Each further tap of a row likes once more.
      this.#lastTap = end;
      return isSecond ? { kind: "like", x: end.x, y: end.y } : null;
    }
    this.#lastTap = null;
    const isSwipe = Math.abs(along) >= swipePx && Math.abs(along) >= swipeSlope * Math.abs(across);
    if (!isSwipe || lastedMs > swipeMs) return null;
    return { kind: along < 0 ? "next" : "previous" };
  }
}
