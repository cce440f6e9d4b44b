/** The review queue. */
import type { VNode } from "preact";
import { MessageText, ParticipantName } from "../../chat/message-row.tsx";
import type { ModerationDesk } from "./moderation-desk.ts";
import { holdReasonText } from "./review-text.ts";

export function ReviewTab({ desk }: { desk: ModerationDesk }): VNode {
  const { held } = desk.staff;
  if (held.length === 0) return <p class="tab-empty">No messages to review.</p>;
  return (
    <ul class="cards">
      {held.map(({ id, by, text, reasons }) => (
        <li key={id} class="card-row">
          <div>
            <p class="chat-message">
              <ParticipantName by={by} />
              <MessageText text={text} me={null} />
            </p>
            <p class="card-more">{reasons.map(holdReasonText).join(", ")}</p>
          </div>
          <button
            type="button"
            class="plain-button good"
            aria-label={`Approve message from ${by.name}`}
            onClick={() => void desk.runCommand({ kind: "approve", held: id }, "Approved.")}
          >
            Approve
          </button>
          <button
            type="button"
            class="plain-button"
            aria-label={`Deny message from ${by.name}`}
            onClick={() => void desk.runCommand({ kind: "deny", held: id }, "Denied.")}
          >
            Deny
          </button>
        </li>
      ))}
    </ul>
  );
}
