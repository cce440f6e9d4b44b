/** The chat's composer: the text box, the reply target and the reason for a refusal. */
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Clock, startInterval } from "../../../core/kit/clock.ts";
import { CLIENT_ROOM_LIMITS } from "../../../core/room/client-room-limits.ts";
import type { ChatEvent } from "../../../core/room/events.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { CloseIcon } from "../kit/icons.tsx";
import { commandRefusalText, formatTimeSpan, mentionText } from "./chat-text.ts";
import { SendIcon } from "./icons.tsx";
import { type RoomView, writeCooldown } from "./room-view.ts";

/** The count of remaining characters is shown below this. */
const CHARS_LEFT_SHOWN_BELOW = 100;

interface ComposerProps {
  readonly view: RoomView;
  readonly clock: Clock;
  readonly serverNowMs: () => number;
  readonly replyTarget: ChatEvent | null;
  readonly onReplyDone: () => void;
  /** Whether the text box has the focus from the beginning. */
  readonly isFocused?: boolean;
  readonly send: (text: string, replyTo: number | null) => Promise<CommandOutcome>;
}

export function Composer(props: ComposerProps): VNode {
  const { view, clock, serverNowMs, replyTarget, onReplyDone, isFocused = false, send } = props;
  const [text, setText] = useState("");
  const [said, setSaid] = useState<{ text: string; bad: boolean } | null>(null);
  const [sending, setSending] = useState(0);
  const box = useRef<HTMLTextAreaElement>(null);
  const wait = useCountdown(view, clock, serverNowMs);
  const left = CLIENT_ROOM_LIMITS.messageChars - text.trim().length;
  const ready = text.trim() !== "" && left >= 0 && wait === null;

  useLayoutEffect(() => {
    if (replyTarget === null) return;
    setText((before) => (before === "" ? mentionText(replyTarget.by.name) : before));
    box.current?.focus();
  }, [replyTarget]);

  useLayoutEffect(() => {
    if (isFocused) box.current?.focus();
  }, [isFocused]);

  // The own message is shown: its status line is obsolete.
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
      if (outcome.held !== undefined) setSaid({ text: "Your message is waiting for approval.", bad: false });
      return;
    }
    setSaid({ text: commandRefusalText(outcome.error, view.modes), bad: true });
    // A refused text can be edited and sent again.
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
            Replying to <bdi>{replyTarget.by.name}</bdi>: <bdi>{replyTarget.text}</bdi>
          </span>
          <button type="button" class="icon-button" aria-label="Cancel reply" onClick={onReplyDone}>
            <CloseIcon />
          </button>
        </p>
      )}
      <p class={said?.bad ? "composer-said bad" : "composer-said"} role="status" hidden={(wait ?? said) === null}>
        {wait ?? said?.text}
      </p>
      <div class="composer-row">
        <label class="composer-box">
          <span class="sr">Chat message as {view.you?.name}</span>
          <textarea
            ref={box}
            rows={1}
            value={text}
            placeholder={`Chat as ${view.you?.name ?? ""}`}
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

/** Why the viewer cannot write yet, with the remaining time; null when writing is allowed. */
function useCountdown(view: RoomView, clock: Clock, serverNowMs: () => number): string | null {
  const [, tick] = useState(0);
  const nowMs = serverNowMs();
  const wait = writeCooldown(view, nowMs);
  const waits = wait !== null;
  useEffect(() => {
    if (!waits) return undefined;
    return startInterval(clock, 500, () => tick((count) => count + 1));
  }, [waits, clock]);
  if (wait === null) return null;
  const leftS = (wait.atMs - nowMs) / 1_000;
  return wait.why === "slow"
    ? `Slow mode: you can chat again in ${formatTimeSpan(leftS)}.`
    : `You are timed out. You can chat again in ${formatTimeSpan(leftS)}.`;
}
