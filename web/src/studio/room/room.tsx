/** The room's section of the studio: the live chat with its actions, and the desk's tabs beside it. */
import type { VNode } from "preact";
import { useEffect, useReducer, useState } from "preact/hooks";
import type { ChatEvent } from "../../../../protocol/room/events.ts";
import { Composer } from "../../chat/composer.tsx";
import { HideIcon, PinIcon } from "../../chat/icons.tsx";
import { MessageList } from "../../chat/list.tsx";
import { Name } from "../../chat/message.tsx";
import { visible } from "../../chat/timeline.ts";
import { compact, modesInWords } from "../../chat/words.ts";
import { MessageActions } from "./actions.tsx";
import { Desk } from "./desk.ts";
import { Tabs } from "./tabs.tsx";
import { TokenForm } from "./token-form.tsx";

/** The section of one stream; it keeps its connection while the page is open. */
export function Room({ stream }: { stream: string }): VNode {
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const [desk] = useState(() => {
    let due = 0;
    return new Desk(stream, () => {
      if (due !== 0) return;
      due = requestAnimationFrame(() => {
        due = 0;
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
      {desk.needsToken && <TokenForm desk={desk} />}
      <div class="desk">
        <LiveChat desk={desk} />
        {desk.moderates && <Tabs desk={desk} />}
      </div>
      <Notice desk={desk} />
    </section>
  );
}

function LiveChat({ desk }: { desk: Desk }): VNode {
  const [answering, setAnswering] = useState<ChatEvent | null>(null);
  const { view } = desk;
  const { watching, peak, likes } = view.counts;
  const { state } = view.link;
  const modes = modesInWords(view.modes);
  return (
    <div class="desk-chat" id="chat">
      <div class="chat-head">
        <h3>Live chat</h3>
        <p class="chat-link" role="status">
          {state === "away" && "Reconnecting…"}
          {state === "connecting" && "Connecting…"}
        </p>
        <p class="desk-counts" title={`At most ${compact(peak)} at once`}>
          {compact(watching)} watching · {compact(likes)} likes
        </p>
        {modes.length > 0 && <p class="chat-modes">{modes.join(" · ")}</p>}
      </div>
      <Pinned desk={desk} />
      <MessageList
        entries={visible(view.timeline)}
        all={view.timeline.entries}
        you={view.you}
        empty="Nobody has written yet."
        actions={(message) => desk.moderates && <MessageActions desk={desk} message={message} answer={setAnswering} />}
      />
      {view.you !== null && state !== "closed" && (
        <div class="chat-foot">
          <Composer
            view={view}
            serverNowMs={() => desk.serverNowMs()}
            answering={answering}
            onAnswered={() => setAnswering(null)}
            send={(text, replyTo) => desk.send(text, replyTo)}
          />
        </div>
      )}
    </div>
  );
}

function Pinned({ desk }: { desk: Desk }): VNode | null {
  const { pinned } = desk.view.timeline;
  if (pinned === null) return null;
  return (
    <section class="chat-pinned" aria-label="Pinned message">
      <PinIcon />
      <p>
        <Name by={pinned.by} /> <bdi>{pinned.text}</bdi>
      </p>
      {desk.moderates && (
        <button
          type="button"
          class="icon-button"
          aria-label="Unpin"
          title="Unpin"
          onClick={() => void desk.act({ kind: "pin", target: null }, "Unpinned.")}
        >
          <HideIcon />
        </button>
      )}
    </section>
  );
}

/** What became of the last act. */
function Notice({ desk }: { desk: Desk }): VNode {
  const { said } = desk;
  const undo = said?.undo ?? null;
  return (
    <p class={said?.bad ? "desk-said bad" : "desk-said"} role="status">
      {said?.text}
      {undo !== null && (
        <button type="button" class="text-button" onClick={() => void desk.act(undo, "Taken back.")}>
          Undo
        </button>
      )}
    </p>
  );
}
