/** Whose stream it is, whether it is live, and the way out. */
import type { VNode } from "preact";
import { ChatIcon, CloseIcon, PeopleIcon } from "../kit/icons.tsx";
import { formatCount } from "../kit/number-text.ts";
import type { AudienceCount } from "../player/status.ts";
import type { WatchView } from "../player/watch-state.ts";
import type { StreamAbout } from "./about.ts";
import { FollowButton } from "./follow-button.tsx";

interface TopBarProps {
  readonly about: StreamAbout;
  readonly view: WatchView;
  readonly audience: AudienceCount | null;
  readonly chat: boolean | null;
  readonly onChat: () => void;
  readonly isFollowed: boolean;
  readonly onFollow: () => void;
}

export function TopBar({ about, view, audience, chat, onChat, isFollowed, onFollow }: TopBarProps): VNode {
  const counted = view.phase === "live" || view.phase === "reconnecting" || view.phase === "starting";
  const canFollow = view.phase !== "unknown" && !about.isUnknown;
  return (
    <div class="topbar">
      <div class="who">
        {about.avatar === null ? (
          <span class="avatar" aria-hidden="true">
            {[...about.title][0] ?? "?"}
          </span>
        ) : (
          <img class="avatar" src={about.avatar} alt="" width="36" height="36" />
        )}
        <div class="who-texts">
          {about.host !== "" && about.host !== about.title && <bdi class="who-host">{about.host}</bdi>}
          <h1>
            <bdi class="name">{about.title || "No name"}</bdi>
          </h1>
        </div>
        {canFollow && <FollowButton isFollowed={isFollowed} onFollow={onFollow} />}
      </div>
      <div class="state">
        <Badge view={view} />
        {counted && audience !== null && (
          <span class="chip" title={`Watching now; peak ${formatCount(audience.peak)}`}>
            <PeopleIcon />
            <span class="sr">Watching now: </span>
            {formatCount(audience.watching)}
          </span>
        )}
      </div>
      <span class="spacer" />
      {chat === false && (
        <button type="button" class="chip chip-round" aria-label="Show chat" title="Show chat (C)" onClick={onChat}>
          <ChatIcon />
        </button>
      )}
      <a class="chip chip-round" href="/" aria-label="Back to the start page">
        <CloseIcon />
      </a>
    </div>
  );
}

/** Whether it is live, a recording, or over. */
export function Badge({ view }: { view: WatchView }): VNode | null {
  switch (view.phase) {
    case "live":
      return view.source?.state === "ended" ? null : <span class="badge badge-live">LIVE</span>;
    case "reconnecting":
      return <span class="badge badge-away">LIVE</span>;
    case "replay":
      return <span class="badge">RECORDING</span>;
    case "ended":
      return <span class="badge">ENDED</span>;
    default:
      return null;
  }
}
