/** What a person sees who was sent a link to moderate: which stream, who invites, and the question. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { isGuestSubject } from "../../../../core/access/guest.ts";
import { CLIENT_ROOM_LIMITS } from "../../../../core/room/client-room-limits.ts";
import { TextForm } from "../fields.tsx";
import { requestDetails } from "../overview/overview-requests.ts";
import type { InvitationView, ModerationDesk } from "./moderation-desk.ts";

interface InvitationPanelProps {
  readonly desk: ModerationDesk;
  readonly stream: string;
  readonly invitation: InvitationView;
}

export function InvitationPanel({ desk, stream, invitation }: InvitationPanelProps): VNode {
  const [title, setTitle] = useState<string | null>(null);
  useEffect(() => {
    void requestDetails(stream, desk.clock.nowMs()).then((details) => setTitle(details?.title || null));
  }, [desk, stream]);
  return (
    <section class="invitation" aria-labelledby="invitation-title">
      <h3 id="invitation-title">
        Moderate <bdi>{title ?? stream}</bdi>
      </h3>
      <p class="card-more">
        The stream <code>{stream}</code> · <a href={`/watch/${stream}`}>Watch it</a>
      </p>
      <InvitationStep desk={desk} invitation={invitation} />
    </section>
  );
}

function InvitationStep({ desk, invitation }: Omit<InvitationPanelProps, "stream">): VNode {
  switch (invitation.step) {
    case "name":
      return (
        <>
          <p>You were invited to moderate the chat. Say first who you are: the room’s log names you.</p>
          <TextForm
            class="inline-form"
            label="Your name"
            placeholder="Your name"
            button="Continue"
            maxLength={CLIENT_ROOM_LIMITS.nameChars}
            submit={(name) => {
              desk.setGuestName(name);
              return false;
            }}
          />
          <p class="bad" role="alert" hidden={invitation.error === null}>
            {invitation.error}
          </p>
        </>
      );
    case "asking":
      return <p role="status">Asking the room about the invitation…</p>;
    case "offered":
      return <Offer desk={desk} by={invitation.by} />;
    case "over":
      return (
        <>
          <p role="status">{invitation.text}</p>
          <button type="button" class="plain-button" onClick={() => desk.leaveInvitation()}>
            Close
          </button>
        </>
      );
  }
}

function Offer({ desk, by }: { desk: ModerationDesk; by: string }): VNode {
  const { you } = desk.view;
  return (
    <>
      <p role="status">
        <strong>
          <bdi>{by}</bdi> invites you to moderate.
        </strong>{" "}
        Moderators delete messages, time people out and ban them, and change the chat’s rules. What you do stands in the
        room’s log as <bdi>{you?.name ?? ""}</bdi>.
      </p>
      {you !== null && isGuestSubject(you.subject) && (
        <p class="card-more">You have no account here: the right stays with this browser, on this device.</p>
      )}
      <div class="card-actions">
        <button type="button" class="plain-button good" onClick={() => void desk.acceptInvitation()}>
          Become a moderator
        </button>
        <button type="button" class="plain-button" onClick={() => desk.leaveInvitation()}>
          Not now
        </button>
      </div>
    </>
  );
}
