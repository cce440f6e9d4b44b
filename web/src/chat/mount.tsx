/** Draws the chat into the page, at most once a frame. */
import { render } from "preact";
import { Chat, type ChatParts } from "./chat.ts";
import { Panel } from "./panel.tsx";

/** The mounted chat. */
export interface MountedChat {
  /** Leaves the room, and empties the panel. */
  stop(): void;
}

/** Left-out messages are told of for some seconds only. */
const REDRAW_MS = 5_000;

/** Mounts the chat into `root`; `hide` is called when the person has had enough of it. */
export function mountChat(root: HTMLElement, parts: Omit<ChatParts, "changed">, hide: () => void): MountedChat {
  let chat: Chat | null = null;
  let due = 0;
  const draw = (): void => {
    due = 0;
    if (chat === null) return;
    const shown = chat;
    render(
      <Panel
        view={shown.view}
        replay={shown.replay}
        inStep={shown.inStep}
        signedOut={shown.signedOut}
        serverNowMs={() => shown.serverNowMs()}
        send={(text, replyTo) => shown.send(text, replyTo)}
        tap={(emoji) => shown.tap(emoji)}
        setInStep={(inStep) => {
          shown.inStep = inStep;
        }}
        hide={hide}
        join={shown.join}
      />,
      root,
    );
  };
  const drawSoon = (): void => {
    if (due === 0) due = requestAnimationFrame(draw);
  };
  chat = new Chat({ ...parts, changed: drawSoon });
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
