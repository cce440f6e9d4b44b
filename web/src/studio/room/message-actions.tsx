/** The moderation buttons of one message. */
import type { VNode } from "preact";
import type { ChatEvent } from "../../../../core/room/events.ts";
import { isStaff } from "../../../../core/room/participants.ts";
import { formatTimeSpan } from "../../chat/chat-text.ts";
import { PinIcon, ReplyIcon } from "../../chat/icons.tsx";
import { BanIcon, ModeratorIcon, SweepIcon, TrashIcon } from "./icons.tsx";
import type { ModerationDesk } from "./moderation-desk.ts";

/** Timeout durations on offer, seconds. */
const TIMEOUTS_S = [60, 600, 3_600, 86_400, 604_800] as const;

interface MessageActionsProps {
  readonly desk: ModerationDesk;
  readonly message: ChatEvent;
  readonly onReply: (message: ChatEvent) => void;
}

export function MessageActions({ desk, message, onReply }: MessageActionsProps): VNode {
  const { by, offset } = message;
  const { subject, name } = by;
  const isHost = desk.view.you?.roles.includes("host") === true;
  const mine = subject === desk.view.you?.subject;
  // Only a host may act on staff.
  const sanctionable = !mine && (isHost || !isStaff(by.roles));
  return (
    <>
      <ActionButton label={`Reply to ${name}`} icon={<ReplyIcon />} act={() => onReply(message)} />
      <ActionButton
        label="Pin"
        icon={<PinIcon />}
        act={() => void desk.runCommand({ kind: "pin", target: offset }, "Pinned.")}
      />
      <ActionButton
        label="Delete"
        icon={<TrashIcon />}
        act={() => void desk.runCommand({ kind: "delete", target: offset }, `Deleted a message from ${name}.`)}
      />
      {sanctionable && (
        <>
          <ActionButton
            label={`Delete all messages from ${name}`}
            icon={<SweepIcon />}
            act={() => void desk.runCommand({ kind: "clear", subject }, `Deleted all messages from ${name}.`)}
          />
          <TimeoutSelect desk={desk} subject={subject} name={name} />
          <ActionButton
            label={`Ban ${name}`}
            icon={<BanIcon />}
            act={() => {
              const undo = { kind: "unban", subject } as const;
              void desk.runCommand({ kind: "ban", subject, address: false }, `${name} is banned.`, undo);
            }}
          />
          {isHost && !isStaff(by.roles) && (
            <ActionButton
              label={`Make ${name} a moderator`}
              icon={<ModeratorIcon />}
              act={() => {
                const undo = { kind: "role", subject, role: null } as const;
                void desk.runCommand({ kind: "role", subject, role: "moderator" }, `${name} is now a moderator.`, undo);
              }}
            />
          )}
        </>
      )}
    </>
  );
}

/** A button of an icon. */
export function ActionButton({ label, icon, act }: { label: string; icon: VNode; act: () => void }): VNode {
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} onClick={act}>
      {icon}
    </button>
  );
}

/** A choice of how long somebody may not write. */
export function TimeoutSelect({ desk, subject, name }: { desk: ModerationDesk; subject: string; name: string }): VNode {
  return (
    <select
      class="timeout"
      aria-label={`Time out ${name}`}
      title={`Time out ${name}`}
      value=""
      onChange={(event) => {
        const seconds = Number(event.currentTarget.value);
        event.currentTarget.value = "";
        if (!(seconds > 0)) return;
        const undo = { kind: "unban", subject } as const;
        void desk.runCommand(
          { kind: "timeout", subject, seconds },
          `${name} is timed out for ${formatTimeSpan(seconds)}.`,
          undo,
        );
      }}
    >
      <option value="">Time out</option>
      {TIMEOUTS_S.map((seconds) => (
        <option key={seconds} value={seconds}>
          {formatTimeSpan(seconds)}
        </option>
      ))}
    </select>
  );
}
