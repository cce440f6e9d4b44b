/** The room section of the studio: the live chat with its actions, and the moderation tabs. */
import type { VNode } from "preact";
import { useEffect, useReducer, useState } from "preact/hooks";
import type { Platform } from "../../../../core/kit/clock.ts";
import type { ChatEvent } from "../../../../core/room/events.ts";
import { modeLabels } from "../../chat/chat-text.ts";
import { visibleEntries } from "../../chat/chat-timeline.ts";
import { Composer } from "../../chat/composer.tsx";
import { HideIcon, PinIcon } from "../../chat/icons.tsx";
import { MessageList } from "../../chat/message-list.tsx";
import { ParticipantName } from "../../chat/message-row.tsx";
import { formatCount } from "../../kit/number-text.ts";
import { InvitationPanel } from "./invitation-panel.tsx";
import { MessageActions } from "./message-actions.tsx";
import { ModerationDesk } from "./moderation-desk.ts";
import { ModerationTabs } from "./moderation-tabs.tsx";
import { TokenForm } from "./token-form.tsx";

/** The room section of one stream; it stays connected while the page is open. */
export function RoomPanel({ stream, platform }: { stream: string; platform: Platform }): VNode {
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const [desk] = useState(() => {
    let frame = 0;
    return new ModerationDesk(stream, platform, () => {
      if (frame !== 0) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        redraw(null);
      });
    });
  });
  useEffect(() => {
    void desk.start();
    return () => desk.stop();
  }, [desk]);
  return (
    <section class="panel" aria-labelledby="room">
      <h2 id="room">Room</h2>
      {desk.invitation !== null ? (
        <InvitationPanel desk={desk} stream={stream} invitation={desk.invitation} />
      ) : (
        desk.needsToken && <TokenForm desk={desk} />
      )}
      <div class="desk">
        <LiveChat desk={desk} />
        {desk.isModerator && <ModerationTabs desk={desk} />}
      </div>
      <Notice desk={desk} />
    </section>
  );
}

function LiveChat({ desk }: { desk: ModerationDesk }): VNode {
  const [answering, setAnswering] = useState<ChatEvent | null>(null);
  const { view } = desk;
  const { watching, peak, likes } = view.counts;
  const { state } = view.link;
  const modes = modeLabels(view.modes);
  return (
    <div class="desk-chat" id="chat">
      <div class="chat-head">
        <h3>Live chat</h3>
        <p class="chat-link" role="status">
          {state === "away" && "Reconnecting…"}
          {state === "connecting" && "Connecting…"}
        </p>
        <p class="desk-counts" title={`Peak: ${formatCount(peak)}`}>
          {formatCount(watching)} watching · {formatCount(likes)} likes
        </p>
        {desk.isModerator && <GuestSwitch desk={desk} />}
        {modes.length > 0 && <p class="chat-modes">{modes.join(" · ")}</p>}
      </div>
      <Pinned desk={desk} />
      <MessageList
        clock={desk.clock}
        entries={visibleEntries(view.timeline)}
        all={view.timeline.entries}
        you={view.you}
        empty="No messages yet."
        actions={(message) =>
          desk.isModerator && <MessageActions desk={desk} message={message} onReply={setAnswering} />
        }
      />
      {view.you !== null && state !== "closed" && (
        <div class="chat-foot">
          <Composer
            view={view}
            clock={desk.clock}
            serverNowMs={() => desk.serverNowMs()}
            replyTarget={answering}
            onReplyDone={() => setAnswering(null)}
            send={(text, replyTo) => desk.send(text, replyTo)}
          />
        </div>
      )}
    </div>
  );
}

/** Keeps guests from writing, and lets them again: the first thing to do in a raid. */
function GuestSwitch({ desk }: { desk: ModerationDesk }): VNode {
  const { accountsOnly } = desk.view.modes;
  const set = (off: boolean): Promise<void> =>
    desk.runCommand(
      { kind: "modes", modes: { accountsOnly: off } },
      off ? "Guests can’t write." : "Guests can write.",
      {
        kind: "modes",
        modes: { accountsOnly: !off },
      },
    );
  return (
    <button type="button" class="plain-button" aria-pressed={accountsOnly} onClick={() => void set(!accountsOnly)}>
      {accountsOnly ? "Let guests write" : "Stop guests"}
    </button>
  );
}

function Pinned({ desk }: { desk: ModerationDesk }): VNode | null {
  const { pinned } = desk.view.timeline;
  if (pinned === null) return null;
  return (
    <section class="chat-pinned" aria-label="Pinned message">
      <PinIcon />
      <p>
        <ParticipantName by={pinned.by} /> <bdi>{pinned.text}</bdi>
      </p>
      {desk.isModerator && (
        <button
          type="button"
          class="icon-button"
          aria-label="Unpin"
          title="Unpin"
          onClick={() => void desk.runCommand({ kind: "pin", target: null }, "Unpinned.")}
        >
          <HideIcon />
        </button>
      )}
    </section>
  );
}

/** The outcome of the last command. */
function Notice({ desk }: { desk: ModerationDesk }): VNode {
  const { notice } = desk;
  const undo = notice?.undo ?? null;
  return (
    <p class={notice?.bad ? "desk-said bad" : "desk-said"} role="status">
      {notice?.text}
      {undo !== null && (
        <button type="button" class="text-button" onClick={() => void desk.runCommand(undo, "Undone.")}>
          Undo
        </button>
      )}
    </p>
  );
}
