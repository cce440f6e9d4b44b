/** Draws the page around the picture; everything shown is a function of the view, the status and the stats. */
import "media-chrome";
import "media-chrome/menu";
import { render } from "preact";
import type { View, ViewEvent } from "../state.ts";
import type { Stats } from "../stats.ts";
import type { Audience } from "../status.ts";
import { App } from "./app.tsx";
import { titleOf } from "./words.ts";

/** What the page around the picture needs. */
export interface Parts {
  readonly name: string;
  readonly video: HTMLVideoElement;
  readonly dispatch: (event: ViewEvent) => void;
  readonly stats: () => Stats;
  readonly toLive: () => void;
  readonly toggleChat: () => void;
}

/** What is shown. */
export interface Shown {
  readonly view: View;
  readonly audience: Audience | null;
  /** Whether the chat is shown; null where there is none. */
  readonly chat: boolean | null;
}

/** The mounted page. */
export interface Page {
  draw(shown: Shown): void;
}

const STATS_EVERY_MS = 250;

/** Mounts the page into `#ui`. */
export function mount(parts: Parts): Page {
  const { name, video, dispatch, stats, toLive, toggleChat } = parts;
  const root = document.getElementById("ui");
  const player = document.getElementById("player");
  if (root === null || player === null) throw new Error("the page lacks #ui or #player");
  root.textContent = "";
  let last: Shown | null = null;
  let panel = false;
  let timer: ReturnType<typeof setInterval> | undefined;

  const redraw = (): void => {
    if (last === null) return;
    const { view, audience, chat } = last;
    player.dataset.phase = view.phase;
    document.title = titleOf(view, name);
    const shown = panel ? stats() : null;
    render(
      <App
        name={name}
        view={view}
        audience={audience}
        chat={chat}
        stats={shown}
        muted={video.muted}
        dispatch={dispatch}
        onUnmute={unmute}
        onPlay={() => void video.play()}
        onPanel={togglePanel}
        onChat={toggleChat}
      />,
      root,
    );
  };
  const unmute = (): void => {
    video.muted = false;
    if (video.volume === 0) video.volume = 1;
    if (video.paused) void video.play();
  };
  const togglePanel = (): void => {
    panel = !panel;
    clearInterval(timer);
    if (panel) timer = setInterval(redraw, STATS_EVERY_MS);
    redraw();
  };

  video.addEventListener("volumechange", redraw);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "i" || event.ctrlKey || event.metaKey || event.altKey) return;
    // Who writes an "i" writes.
    if (event.target instanceof Element && event.target.matches("input, textarea, [contenteditable]")) return;
    togglePanel();
  });
  // media-chrome would go to the very end of what is listed; the live position is a hold-back before it.
  player.addEventListener(
    "mediaseektoliverequest",
    (event) => {
      event.stopPropagation();
      toLive();
    },
    { capture: true },
  );
  return {
    draw: (shown) => {
      last = shown;
      redraw();
    },
  };
}
