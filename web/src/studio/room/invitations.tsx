/** A host's invitations to moderate: a new link, and those that are open. */
import type { VNode } from "preact";
import { CopyField } from "../../kit/copy-field.tsx";
import { formatDateTime } from "../../kit/date-text.ts";
import type { ModerationDesk } from "./moderation-desk.ts";

export function Invitations({ desk }: { desk: ModerationDesk }): VNode {
  const { invitationLink } = desk;
  const open = desk.staff.invitations ?? [];
  return (
    <div class="invitations">
      <button type="button" class="plain-button" onClick={() => void desk.inviteModerator()}>
        Invite a moderator
      </button>
      {invitationLink !== null && (
        <>
          <CopyField id="invitation-link" label="Link for one person" text={invitationLink} isSecret />
          <p class="card-more">
            Who opens it first and accepts becomes a moderator, within a day. It is shown until this page is left.
          </p>
        </>
      )}
      {open.length > 0 && (
        <ul class="cards" aria-label="Open invitations">
          {open.map(({ id, by, untilMs }) => (
            <li key={id} class="card-row">
              <p>
                Invitation by <bdi>{by.name}</bdi>
                <span class="card-more"> until {formatDateTime(untilMs, desk.serverNowMs())}</span>
              </p>
              <button type="button" class="plain-button" onClick={() => void desk.revokeInvitation(id)}>
                Revoke<span class="sr"> the invitation by {by.name}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
