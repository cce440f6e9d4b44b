/** The foot of the chat: the box to write in, or why there is none. */
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ChatEvent } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { commandRefusalText, formatTimeSpan, mentionText } from "./chat-text.ts";
import { HideIcon, SendIcon } from "./icons.tsx";
import { type RoomView, writeCooldown } from "./room-view.ts";

/** The count of characters is shown when so few are left. */
const CHARS_LEFT_SHOWN_BELOW = 100;

interface ComposerProps {
  readonly view: RoomView;
  readonly serverNowMs: () => number;
  readonly replyTarget: ChatEvent | null;
  readonly onReplyDone: () => void;
  readonly send: (text: string, replyTo: number | null) => Promise<CommandOutcome>;
}

export function Composer({ view, serverNowMs, replyTarget, onReplyDone, send }: ComposerProps): VNode {
  const [text, setText] = useState("");
  const [said, setSaid] = useState<{ text: string; bad: boolean } | null>(null);
  const [sending, setSending] = useState(0);
  const box = useRef<HTMLTextAreaElement>(null);
  const wait = useCountdown(view, serverNowMs);
  const left = ROOM_LIMITS.messageChars - text.trim().length;
  const ready = text.trim() !== "" && left >= 0 && wait === null;

  useLayoutEffect(() => {
    if (replyTarget === null) return;
    setText((before) => (before === "" ? mentionText(replyTarget.by.name) : before));
    box.current?.focus();
  }, [replyTarget]);

  // A message of one's own is there: what was said of it, that it waits, is over.
  useEffect(() => setSaid(null), [view.lastOwnMessageMs]);

  const submit = async (): Promise<void> => {
    if (!ready) return;
    const written = text.trim();
    setText("");
    setSaid(null);
    const replyTo = replyTarget?.offset ?? null;
    onReplyDone();
    setSending((count) => count + 1);
    const outcome = await send(written, replyTo);
    setSending((count) => count - 1);
    if (outcome.ok) {
      if (outcome.held !== undefined) setSaid({ text: "Your message waits for a moderator.", bad: false });
      return;
    }
    setSaid({ text: commandRefusalText(outcome.error, view.modes), bad: true });
    // What was refused can be changed and sent again.
    setText((now) => (now === "" ? written : now));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") onReplyDone();
    // An input method's Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void submit();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {replyTarget !== null && (
        <p class="composer-answer">
          <span>
            Answer to <bdi>{replyTarget.by.name}</bdi>: <bdi>{replyTarget.text}</bdi>
          </span>
          <button type="button" class="icon-button" aria-label="Don’t answer" onClick={onReplyDone}>
            <HideIcon />
          </button>
        </p>
      )}
      <p class={said?.bad ? "composer-said bad" : "composer-said"} role="status" hidden={(wait ?? said) === null}>
        {wait ?? said?.text}
      </p>
      <div class="composer-row">
        <label class="composer-box">
          <span class="sr">Message, as {view.you?.name}</span>
          <textarea
            ref={box}
            rows={1}
            value={text}
            placeholder={`Message as ${view.you?.name ?? ""}`}
            enterkeyhint="send"
            aria-invalid={left < 0}
            onInput={(event) => {
              setText(event.currentTarget.value);
              setSaid(null);
            }}
            onKeyDown={onKeyDown}
          />
          <span class={left < 0 ? "composer-left bad" : "composer-left"} hidden={left > CHARS_LEFT_SHOWN_BELOW}>
            {left}
            <span class="sr"> characters left</span>
          </span>
        </label>
        <button type="submit" class="composer-send" disabled={!ready} aria-label={sending > 0 ? "Sending" : "Send"}>
          <SendIcon />
        </button>
      </div>
    </form>
  );
}

/** Why one has to wait, with the time that is left; null when one may write. */
function useCountdown(view: RoomView, serverNowMs: () => number): string | null {
  const [, tick] = useState(0);
  const nowMs = serverNowMs();
  const wait = writeCooldown(view, nowMs);
  const waits = wait !== null;
  useEffect(() => {
    if (!waits) return undefined;
    const timer = setInterval(() => tick((count) => count + 1), 500);
    return () => clearInterval(timer);
  }, [waits]);
  if (wait === null) return null;
  const leftS = (wait.atMs - nowMs) / 1_000;
  return wait.why === "slow"
    ? `Slow mode: you can write again in ${formatTimeSpan(leftS)}.`
    : `A moderator silenced you. You can write again in ${formatTimeSpan(leftS)}.`;
}
