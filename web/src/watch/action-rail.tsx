/** What a thumb reaches at the right of a phone's picture. */
import type { VNode } from "preact";
import { HeartIcon } from "../chat/icons.tsx";
import { ChatIcon, MoreIcon, NextIcon, ShareIcon } from "../kit/icons.tsx";
import { formatCount } from "../kit/number-text.ts";

interface ActionRailProps {
  /** Likes of the room; null without a chat, through which likes are sent. */
  readonly likes: number | null;
  readonly onLike: () => void;
  readonly onChat: (() => void) | null;
  readonly onShare: () => void;
  readonly onNext: () => void;
  readonly onMore: () => void;
}

export function ActionRail({ likes, onLike, onChat, onShare, onNext, onMore }: ActionRailProps): VNode {
  return (
    <section class="rail" aria-label="Quick actions">
      {likes !== null && (
        <button type="button" class="rail-like" aria-label={`Like, ${likes} so far`} onClick={onLike}>
          <HeartIcon />
          <span aria-hidden="true">{formatCount(likes)}</span>
        </button>
      )}
      {onChat !== null && (
        <button type="button" class="rail-chat" aria-label="Open the whole chat" onClick={onChat}>
          <ChatIcon />
        </button>
      )}
      <button type="button" aria-label="Share" onClick={onShare}>
        <ShareIcon />
      </button>
      <button type="button" class="rail-next" aria-label="Next live stream" onClick={onNext}>
        <NextIcon />
      </button>
      <button type="button" aria-label="More" aria-haspopup="dialog" onClick={onMore}>
        <MoreIcon />
      </button>
    </section>
  );
}
