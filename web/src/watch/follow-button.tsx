/** Follows the stream on this device: the start page then shows it first. */
import type { VNode } from "preact";

export const FollowButton = ({ isFollowed, onFollow }: { isFollowed: boolean; onFollow: () => void }): VNode => (
  <button
    type="button"
    class="follow"
    aria-pressed={isFollowed}
    title={isFollowed ? "Followed on this device" : "Follow on this device"}
    onClick={onFollow}
  >
    {isFollowed ? "Following" : "Follow"}
  </button>
);
