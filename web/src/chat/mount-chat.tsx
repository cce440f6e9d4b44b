/** Renders the chat into the page, at most once a frame. */
import { render } from "preact";
import { startInterval } from "../../../core/kit/clock.ts";
import { signOut } from "../kit/viewer-session.ts";
import { ChatController, type ChatOptions } from "./chat-controller.ts";
import { ChatPanel } from "./chat-panel.tsx";
import { LIKE_EMOJI } from "./reaction-bursts.ts";

/** The mounted chat. */
export interface ChatMount {
  /** Sends a like, which bursts at a point of the window or at its usual place. */
  like(at: { readonly x: number; readonly y: number } | null): void;
  /** Leaves the room and clears the panel. */
  stop(): void;
}

/** The note about omitted messages is shown for some seconds. */
const REDRAW_MS = 5_000;

/** Mounts the chat into `root`; `hide` is called when the viewer hides it. */
export function mountChat(root: HTMLElement, options: Omit<ChatOptions, "onChange">, hide: () => void): ChatMount {
  let chat: ChatController | null = null;
  let frame = 0;
  const draw = (): void => {
    frame = 0;
    if (chat === null) return;
    const shown = chat;
    render(
      <ChatPanel
        view={shown.view}
        clock={options.platform.clock}
        isReplay={shown.isReplay}
        isSynced={shown.isSynced}
        signOutReason={shown.signOutReason}
        random={options.platform.random}
        serverNowMs={() => shown.serverNowMs()}
        send={(text, replyTo) => shown.send(text, replyTo)}
        addReaction={(emoji) => shown.addReaction(emoji)}
        setSynced={(isSynced) => {
          shown.isSynced = isSynced;
        }}
        hide={hide}
        allowsGuests={shown.allowsGuests}
        setGuestName={(name) => shown.setGuestName(name)}
        signInUrl={root.dataset["signIn"] ?? null}
        signOut={() => signOut(options.stream)}
      />,
      root,
    );
  };
  const drawSoon = (): void => {
    if (frame === 0) frame = requestAnimationFrame(draw);
  };
  chat = new ChatController({ ...options, onChange: drawSoon });
  const cancelRedraw = startInterval(options.platform.clock, REDRAW_MS, drawSoon);
  drawSoon();
  return {
    like: (at) => chat?.addReaction(LIKE_EMOJI, at),
    stop: () => {
      cancelRedraw();
      cancelAnimationFrame(frame);
      chat?.stop();
      chat = null;
      render(null, root);
    },
  };
}
