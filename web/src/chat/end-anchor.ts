/** Whether a list that grows at its end is read there: then it stays there, whatever becomes of its box and its rows. */

/** Pixels from the end within which one still reads at the end. */
export const END_THRESHOLD_PX = 48;

/** Where a list is scrolled to, in pixels: as of the element that scrolls. */
export interface ScrollState {
  readonly scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
}

/** Tells a reader who goes away from the end from an end that goes away from the reader: only the former moves up. */
export class EndAnchor {
  #atEnd = true;
  #lastTop = 0;

  /** Whether the end is being read. */
  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** The list was scrolled, by whomever. Gives whether `atEnd` is another now. */
  handleScroll({ scrollTop, scrollHeight, clientHeight }: ScrollState): boolean {
    const before = this.#atEnd;
    if (scrollHeight - clientHeight - scrollTop <= END_THRESHOLD_PX) this.#atEnd = true;
    else if (scrollTop < this.#lastTop) this.#atEnd = false;
    this.#lastTop = scrollTop;
    return this.#atEnd !== before;
  }
}

/**
 * Keeps `scroller` at its end for as long as that is being read, through every change of its own size and that of `rows`,
 * which it scrolls. `changed` is called when `following` has changed; the returned function ends it.
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
