/** The message list: it follows new messages while its end is in view; the arrow keys move through it. */
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Clock, startInterval } from "../../../core/kit/clock.ts";
import type { ChatEvent } from "../../../core/room/events.ts";
import type { OwnProfile } from "../../../core/room/room-protocol.ts";
import { formatCount } from "../kit/number-text.ts";
import { announcementText } from "./chat-text.ts";
import type { TimelineEntry } from "./chat-timeline.ts";
import { DownIcon } from "./icons.tsx";
import { isAddressedToReader, MessageRow } from "./message-row.tsx";
import { useVirtualList } from "./virtual-list.ts";

/** How often new messages are announced to screen readers. */
const ANNOUNCE_EVERY_MS = 4_000;

interface MessageListProps {
  readonly clock: Clock;
  readonly entries: readonly TimelineEntry[];
  /** All messages, in which replies find their message. */
  readonly all: readonly TimelineEntry[];
  readonly you: OwnProfile;
  readonly empty: string;
  /** Whether each message shows when it was sent. */
  readonly hasTimes?: boolean;
  /** The buttons of a message. */
  readonly actions: (message: ChatEvent) => ComponentChildren;
}

export function MessageList({ clock, entries, all, you, empty, hasTimes = false, actions }: MessageListProps): VNode {
  const scroller = useRef<HTMLDivElement>(null);
  const sizer = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<string | null>(null);
  const keys = entries.map(({ key }) => key);
  const activeIndex = active === null ? -1 : keys.indexOf(active);
  const { list, rows, atEnd } = useVirtualList(scroller, sizer, keys, activeIndex < 0 ? null : activeIndex);
  const unread = useUnreadCount(keys, atEnd);
  const announcement = useAnnouncement(clock, entries);

  const move = (to: number): void => {
    const index = Math.min(entries.length - 1, Math.max(0, to));
    const key = keys[index];
    if (key === undefined) return;
    setActive(key);
    list.scrollToIndex(index, { align: "auto" });
    // The row may not be rendered yet.
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus());
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const from = activeIndex < 0 ? entries.length : activeIndex;
    const to = { ArrowUp: from - 1, ArrowDown: from + 1, Home: 0, End: entries.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  };
  return (
    <div class="chat-list">
      {/* Not a live region: a separate status line announces new messages at a pace that can be listened to. */}
      <div
        ref={scroller}
        class="chat-scroll"
        role="log"
        aria-live="off"
        aria-label="Chat messages; use arrow keys to navigate"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        {entries.length === 0 && <p class="chat-empty">{empty}</p>}
        <div ref={sizer} class="chat-rows" style={{ height: `${list.getTotalSize()}px` }}>
          {rows.map(({ key, index, start }) => {
            const entry = entries[index];
            if (entry === undefined) return null;
            return (
              <div
                key={key}
                ref={list.measureElement}
                data-index={index}
                data-offset={entry.key}
                class={isAddressedToReader(entry, all, you) ? "chat-row chat-row-me" : "chat-row"}
                style={{ transform: `translateY(${start}px)` }}
                tabIndex={entry.key === active ? 0 : -1}
                onFocusIn={() => setActive(entry.key)}
              >
                <MessageRow entry={entry} entries={all} me={you?.name ?? null} hasTime={hasTimes}>
                  {entry.content.kind === "chat" && <div class="chat-actions">{actions(entry.content)}</div>}
                </MessageRow>
              </div>
            );
          })}
        </div>
      </div>
      {!atEnd && entries.length > 0 && (
        <button type="button" class="chat-jump" onClick={() => list.scrollToEnd()}>
          <DownIcon />
          {unread === 0 ? "Jump to latest" : `${formatCount(unread)} new ${unread === 1 ? "message" : "messages"}`}
        </button>
      )}
      <div class="sr" role="status" aria-live="polite">
        {announcement}
      </div>
    </div>
  );
}

/** Rows added since the end was last in view. */
function useUnreadCount(keys: readonly string[], atEnd: boolean): number {
  const lastSeen = useRef<string | undefined>(undefined);
  if (atEnd || lastSeen.current === undefined) lastSeen.current = keys.at(-1);
  const index = keys.lastIndexOf(lastSeen.current ?? "");
  // The last seen row may have been pruned or removed.
  return index < 0 ? keys.length : keys.length - 1 - index;
}

/** The announcement of the messages that are new since the last one. */
function useAnnouncement(clock: Clock, entries: readonly TimelineEntry[]): string {
  const [text, setText] = useState("");
  const latest = useRef(entries);
  latest.current = entries;
  useEffect(() => {
    let announced = new Set(latest.current.map(({ key }) => key));
    return startInterval(clock, ANNOUNCE_EVERY_MS, () => {
      const now = latest.current;
      const fresh = now.filter(({ key }) => !announced.has(key));
      announced = new Set(now.map(({ key }) => key));
      if (fresh.length > 0) setText(announcementText(fresh));
    });
  }, [clock]);
  return text;
}
