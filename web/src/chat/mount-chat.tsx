/** Draws the chat into the page, at most once a frame. */
import { render } from "preact";
import { ChatController, type ChatOptions } from "./chat-controller.ts";
import { ChatPanel } from "./chat-panel.tsx";

/** The mounted chat. */
export interface ChatMount {
  /** Leaves the room, and empties the panel. */
  stop(): void;
}

/** Left-out messages are told of for some seconds only. */
const REDRAW_MS = 5_000;

/** Mounts the chat into `root`; `hide` is called when the person has had enough of it. */
export function mountChat(root: HTMLElement, parts: Omit<ChatOptions, "onChange">, hide: () => void): ChatMount {
  let chat: ChatController | null = null;
  let due = 0;
  const draw = (): void => {
    due = 0;
    if (chat === null) return;
    const shown = chat;
    render(
      <ChatPanel
        view={shown.view}
        isReplay={shown.isReplay}
        isSynced={shown.isSynced}
        signOutReason={shown.signOutReason}
        serverNowMs={() => shown.serverNowMs()}
        send={(text, replyTo) => shown.send(text, replyTo)}
        addReaction={(emoji) => shown.addReaction(emoji)}
        setSynced={(inStep) => {
          shown.isSynced = inStep;
        }}
        hide={hide}
        signIn={shown.signIn}
      />,
      root,
    );
  };
  const drawSoon = (): void => {
    if (due === 0) due = requestAnimationFrame(draw);
  };
  chat = new ChatController({ ...parts, onChange: drawSoon });
  const timer = setInterval(drawSoon, REDRAW_MS);
  drawSoon();
  return {
    stop: () => {
      clearInterval(timer);
      cancelAnimationFrame(due);
      chat?.stop();
      chat = null;
      render(null, root);
    },
  };
}
