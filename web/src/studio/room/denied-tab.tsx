/** The last messages that the rules refused by themselves: what they were, why, and what to do about them. */
import type { VNode } from "preact";
import { isGuestSubject } from "../../../../core/access/guest.ts";
import { isStaff } from "../../../../core/room/participants.ts";
import { MessageText, ParticipantName } from "../../chat/message-row.tsx";
import { BanIcon } from "./icons.tsx";
import { ActionButton, TimeoutSelect } from "./message-actions.tsx";
import type { ModerationDesk } from "./moderation-desk.ts";
import { denialReasonText } from "./review-text.ts";

export function DeniedTab({ desk }: { desk: ModerationDesk }): VNode {
  const { denied } = desk.staff;
  if (denied === null) return <p class="tab-empty">Loading…</p>;
  if (denied.length === 0) return <p class="tab-empty">The rules have refused no message in the last day.</p>;
  return (
    <ul class="cards">
      {denied.map(({ id, by, text, reasons, atMs }) => (
        <li key={id} class="card-row card-wide">
          <div>
            <p class="chat-message">
              <ParticipantName by={by} />
              <MessageText text={text} me={null} />
            </p>
            <p class="card-more">
              <time dateTime={new Date(atMs).toISOString()}>{new Date(atMs).toTimeString().slice(0, 5)}</time>
              {" · "}
              {reasons.map(denialReasonText).join(", ")}
              {isGuestSubject(by.subject) && " · guest"}
            </p>
          </div>
          <div class="card-actions">
            <button
              type="button"
              class="plain-button good"
              aria-label={`Allow message from ${by.name}`}
              onClick={() => void desk.runCommand({ kind: "approve", held: id }, "Allowed: the message is shown.")}
            >
              Allow
            </button>
            <button
              type="button"
              class="plain-button"
              aria-label={`Take message from ${by.name} off the list`}
              onClick={() => void desk.runCommand({ kind: "deny", held: id }, "Taken off the list.")}
            >
              Dismiss
            </button>
            {!isStaff(by.roles) && (
              <>
                <TimeoutSelect desk={desk} subject={by.subject} name={by.name} />
                <ActionButton
                  label={`Ban ${by.name}`}
                  icon={<BanIcon />}
                  act={() => {
                    const undo = { kind: "unban", subject: by.subject } as const;
                    const ban = { kind: "ban", subject: by.subject, address: false } as const;
                    void desk.runCommand(ban, `${by.name} is banned.`, undo);
                  }}
                />
              </>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}
