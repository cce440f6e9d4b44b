/** What the reader can know of, and do about, somebody who wrote. */
import type { VNode } from "preact";
import type { ChatEvent } from "../../../core/room/events.ts";
import { CloseIcon } from "../kit/icons.tsx";
import { pageReportLink } from "../kit/report-link.ts";
import { ParticipantName } from "./message-row.tsx";

interface PersonCardProps {
  /** The message from which the card was opened. */
  readonly message: ChatEvent;
  /** How many of the person's messages are in the list. */
  readonly written: number;
  readonly isMuted: boolean;
  /** Null: it is the reader, who can't be muted. */
  readonly onMute: (() => void) | null;
  readonly onClose: () => void;
}

export function PersonCard({ message, written, isMuted, onMute, onClose }: PersonCardProps): VNode {
  const { by } = message;
  const reportLink = onMute === null ? null : pageReportLink(message);
  return (
    <section class="person-card" aria-label={`About ${by.name}`}>
      <p>
        <ParticipantName by={by} />
        <small>{written === 1 ? "1 message here" : `${written} messages here`}</small>
      </p>
      {onMute !== null && (
        <button type="button" class="person-mute" aria-pressed={isMuted} onClick={onMute}>
          {isMuted ? "Show messages" : "Mute for me"}
        </button>
      )}
      {reportLink !== null && (
        <a class="person-mute" href={reportLink} target="_blank" rel="noopener">
          Report<span class="sr"> this message</span>
        </a>
      )}
      <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
        <CloseIcon />
      </button>
    </section>
  );
}
