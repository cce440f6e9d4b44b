/** The virtualiser as a hook: only the rows that are in view, and a few around them, are in the page. */
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type Range,
  type VirtualItem,
  Virtualizer,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

/** Pixels from the end within which the list still counts as being at its end, and follows what comes. */
const AT_END_PX = 48;
/** Rows kept beyond those in view. */
const OVERSCAN = 6;
/** A row of one line; each is measured once it is there. */
const ROW_PX = 34;

/** The rows in view of the list in `scroller`, and the virtualiser itself. `kept`: a row that stays whatever is in view. */
export function useVirtual(
  scroller: RefObject<HTMLElement | null>,
  keys: readonly string[],
  kept: number | null,
): { list: Virtualizer<HTMLElement, HTMLElement>; rows: VirtualItem[] } {
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const made = useRef<Virtualizer<HTMLElement, HTMLElement> | null>(null);
  const options = {
    count: keys.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index: number) => keys[index] ?? index,
    overscan: OVERSCAN,
    anchorTo: "end" as const,
    followOnAppend: true,
    scrollEndThreshold: AT_END_PX,
    scrollToFn: elementScroll<HTMLElement>,
    observeElementRect,
    observeElementOffset,
    rangeExtractor: (range: Range) => indexes(range, kept),
    onChange: () => redraw(null),
  };
  made.current ??= new Virtualizer<HTMLElement, HTMLElement>(options);
  const list = made.current;
  list.setOptions(options);
  useLayoutEffect(() => list._didMount(), [list]);
  useLayoutEffect(() => list._willUpdate());
  return { list, rows: list.getVirtualItems() };
}

/** The rows of a range with those around it, and the kept one wherever it is. */
function indexes({ startIndex, endIndex, overscan, count }: Range, kept: number | null): number[] {
  const first = Math.max(0, startIndex - overscan);
  const last = Math.min(count - 1, endIndex + overscan);
  const inView = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  if (kept === null || kept >= count || (kept >= first && kept <= last)) return inView;
  return kept < first ? [kept, ...inView] : [...inView, kept];
}
