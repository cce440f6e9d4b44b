/** Keeps a growing list at its end while it is read there, through changes of its box and rows. */

/** Pixels from the end within which a list counts as at its end. */
export const END_THRESHOLD_PX = 48;

/** The scroll position of a list, in pixels, as of the scrolling element. */
export interface ScrollState {
  readonly scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
}

/** Distinguishes a reader who leaves the end from an end that moves: only a reader scrolls up. */
export class EndAnchor {
  #atEnd = true;
  #lastTop = 0;

  /** Whether the list is at its end. */
  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** Handles a scroll; whether `atEnd` changed. */
  handleScroll({ scrollTop, scrollHeight, clientHeight }: ScrollState): boolean {
    const before = this.#atEnd;
    if (scrollHeight - clientHeight - scrollTop <= END_THRESHOLD_PX) this.#atEnd = true;
    else if (scrollTop < this.#lastTop) this.#atEnd = false;
    this.#lastTop = scrollTop;
    return this.#atEnd !== before;
  }
}

/**
 * Keeps `scroller` at its end while the list is at its end, through changes of its size and that of `rows`. `changed` is
 * called when `atEnd` changed. Returns what stops it.
 */
export function anchorToEnd(
  scroller: HTMLElement,
  rows: HTMLElement,
  following: EndAnchor,
  changed: () => void,
): () => void {
  const onScroll = (): void => {
    if (following.handleScroll(scroller)) changed();
  };
  const sizes = new ResizeObserver(() => {
    if (!following.atEnd) return;
    scroller.scrollTop = scroller.scrollHeight;
    onScroll();
  });
  scroller.addEventListener("scroll", onScroll, { passive: true });
  sizes.observe(scroller);
  sizes.observe(rows);
  return () => {
    scroller.removeEventListener("scroll", onScroll);
    sizes.disconnect();
  };
}
