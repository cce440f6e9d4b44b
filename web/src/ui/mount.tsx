/** Draws the page around the picture; everything shown is a function of the view, the status and the stats. */
import "media-chrome";
import "media-chrome/menu";
import { render } from "preact";
import type { View, ViewEvent } from "../state.ts";
import type { Stats } from "../stats.ts";
import type { Status } from "../status.ts";
import { App } from "./app.tsx";
import { titleOf } from "./words.ts";

/** What the page around the picture needs. */
export interface Parts {
  readonly name: string;
  readonly video: HTMLVideoElement;
  readonly dispatch: (event: ViewEvent) => void;
  readonly stats: () => Stats;
  readonly toLive: () => void;
}

/** The mounted page. */
export interface Page {
  draw(view: View, status: Status | null): void;
}

const STATS_EVERY_MS = 250;

/** Mounts the page into `#ui`. */
export function mount(parts: Parts): Page {
  const { name, video, dispatch, stats, toLive } = parts;
  const root = document.getElementById("ui");
  const player = document.getElementById("player");
  if (root === null || player === null) throw new Error("the page lacks #ui or #player");
  root.textContent = "";
  let last: readonly [View, Status | null] | null = null;
  let panel = false;
  let timer: ReturnType<typeof setInterval> | undefined;

  const redraw = (): void => {
    if (last === null) return;
    const [view, status] = last;
    player.dataset.phase = view.phase;
    document.title = titleOf(view, name);
    const shown = panel ? stats() : null;
    render(
      <App
        name={name}
        view={view}
        status={status}
        stats={shown}
        muted={video.muted}
        dispatch={dispatch}
        onUnmute={unmute}
        onPlay={() => void video.play()}
        onPanel={togglePanel}
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
  const shape = (): void => {
    player.dataset.shape = video.videoHeight > video.videoWidth ? "portrait" : "landscape";
  };
  shape();
  video.addEventListener("resize", shape);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "i" || event.ctrlKey || event.metaKey || event.altKey) return;
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
    draw: (view, status) => {
      last = [view, status];
      redraw();
    },
  };
}
