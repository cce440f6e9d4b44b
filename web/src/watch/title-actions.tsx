/** What stands beside the title under a wide window's picture. */
import type { VNode } from "preact";
import { FlagIcon, HistoryIcon, KeyboardIcon, ShareIcon, TheatreIcon } from "../kit/icons.tsx";
import { pageReportLink } from "../kit/report-link.ts";
import { FollowButton } from "./follow-button.tsx";

interface TitleActionsProps {
  readonly isFollowed: boolean;
  readonly onFollow: (() => void) | null;
  /** When the broadcast began, milliseconds since the epoch; null if nothing is live. */
  readonly startedAtMs: number | null;
  readonly isTheatre: boolean;
  readonly onTheatre: () => void;
  readonly onShare: () => void;
  /** Null: nobody has the stream. */
  readonly onPast: (() => void) | null;
  readonly onHelp: () => void;
}

export function TitleActions(props: TitleActionsProps): VNode {
  const { isFollowed, onFollow, startedAtMs, isTheatre, onTheatre, onShare, onPast, onHelp } = props;
  const reportLink = pageReportLink(null);
  return (
    <>
      {startedAtMs !== null && (
        <p class="started">
          Live since{" "}
          <time dateTime={new Date(startedAtMs).toISOString()} title={new Date(startedAtMs).toLocaleString()}>
            {new Date(startedAtMs).toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit" })}
          </time>
        </p>
      )}
      <span class="spacer" />
      {onFollow !== null && <FollowButton isFollowed={isFollowed} onFollow={onFollow} />}
      <button type="button" class="action" onClick={onShare}>
        <ShareIcon /> Share
      </button>
      {onPast !== null && (
        <button type="button" class="action" aria-label="Past broadcasts" title="Past broadcasts" onClick={onPast}>
          <HistoryIcon />
        </button>
      )}
      <button type="button" class="action" aria-pressed={isTheatre} title="Theatre (T)" onClick={onTheatre}>
        <TheatreIcon /> Theatre
      </button>
      <button
        type="button"
        class="action"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        onClick={onHelp}
      >
        <KeyboardIcon />
      </button>
      {reportLink !== null && (
        <a
          class="action"
          href={reportLink}
          target="_blank"
          rel="noopener"
          aria-label="Report this stream"
          title="Report this stream"
        >
          <FlagIcon />
        </a>
      )}
    </>
  );
}
