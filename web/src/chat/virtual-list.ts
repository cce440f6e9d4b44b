/** The virtualiser as a hook: only rows in view, and a few around them, are rendered. */
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
import { anchorToEnd, END_THRESHOLD_PX, EndAnchor } from "./end-anchor.ts";

/** Rendered rows beyond those in view. */
const OVERSCAN = 6;
/** The estimated height of a row; rendered rows are measured. */
const ROW_PX = 34;

/** A list of which only a part is rendered. */
export interface VirtualList {
  readonly list: Virtualizer<HTMLElement, HTMLElement>;
  /** The rows in view. */
  readonly rows: readonly VirtualItem[];
  /** Whether the list is at its end and follows new rows. */
  readonly atEnd: boolean;
}

/** The list of `keys`, in `sizer` in `scroller`. `pinnedIndex`: the index of a row that is always rendered. */
export function useVirtualList(
  scroller: RefObject<HTMLElement | null>,
  sizer: RefObject<HTMLElement | null>,
  keys: readonly string[],
  pinnedIndex: number | null,
): VirtualList {
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
    scrollEndThreshold: END_THRESHOLD_PX,
    scrollToFn: elementScroll<HTMLElement>,
    observeElementRect,
    observeElementOffset,
    rangeExtractor: (range: Range) => renderedIndexes(range, pinnedIndex),
    onChange: () => redraw(null),
  };
  made.current ??= new Virtualizer<HTMLElement, HTMLElement>(options);
  const list = made.current;
  list.setOptions(options);
  useLayoutEffect(() => list._didMount(), [list]);
  useLayoutEffect(() => list._willUpdate());
  const following = useRef(new EndAnchor());
  useLayoutEffect(() => {
    if (scroller.current === null || sizer.current === null) return;
    return anchorToEnd(scroller.current, sizer.current, following.current, () => redraw(null));
  }, [scroller, sizer]);
  return { list, rows: list.getVirtualItems(), atEnd: following.current.atEnd };
}

/** The indices of a range with its surroundings, and of the pinned row. */
function renderedIndexes({ startIndex, endIndex, overscan, count }: Range, pinnedIndex: number | null): number[] {
  const first = Math.max(0, startIndex - overscan);
  const last = Math.min(count - 1, endIndex + overscan);
  const inView = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  if (pinnedIndex === null || pinnedIndex >= count || (pinnedIndex >= first && pinnedIndex <= last)) return inView;
  return pinnedIndex < first ? [pinnedIndex, ...inView] : [...inView, pinnedIndex];
}
