/** Draws the page around the picture; everything shown is a function of the view, the status and the stats. */
// Only the elements that the page uses: `media-chrome` and `media-chrome/menu` define every one.
import "media-chrome/media-control-bar";
import "media-chrome/media-controller";
import "media-chrome/media-fullscreen-button";
import "media-chrome/media-live-button";
import "media-chrome/media-mute-button";
import "media-chrome/media-pip-button";
import "media-chrome/media-play-button";
import "media-chrome/media-time-display";
import "media-chrome/media-time-range";
import "media-chrome/media-volume-range";
import "media-chrome/menu/media-chrome-menu-item";
import "media-chrome/menu/media-rendition-menu";
import "media-chrome/menu/media-rendition-menu-button";
import { render } from "preact";
import { type Clock, startInterval } from "../../../core/kit/clock.ts";
import type { DelayWish, FlowObstacle } from "../player/delay-choice.ts";
import type { DelayReading } from "../player/delay-switch.ts";
import type { PlaybackStats } from "../player/stats.ts";
import type { AudienceCount } from "../player/status.ts";
import type { WatchEvent, WatchView } from "../player/watch-state.ts";
import type { StreamAbout } from "./about.ts";
import { WatchApp } from "./app.tsx";
import { pageTitle } from "./overlay-message.ts";

/** Dependencies of the page around the picture. */
export interface WatchUiOptions {
  readonly about: () => StreamAbout;
  readonly video: HTMLVideoElement;
  readonly clock: Clock;
  readonly dispatch: (event: WatchEvent) => void;
  readonly stats: () => PlaybackStats;
  readonly toLive: () => void;
  readonly delays: () => DelayReading;
  readonly flowObstacle: () => FlowObstacle | null;
  readonly chooseDelay: (wish: DelayWish) => void;
  readonly toggleChat: () => void;
}

/** What is shown. */
export interface WatchUiState {
  readonly view: WatchView;
  readonly audience: AudienceCount | null;
  /** Whether the chat is shown; null without a chat. */
  readonly chat: boolean | null;
}

/** The mounted page. */
export interface WatchUi {
  draw(shown: WatchUiState): void;
}

const STATS_EVERY_MS = 250;

/** Mounts the page into `#ui`. */
export function mountWatchUi(parts: WatchUiOptions): WatchUi {
  const { about, video, clock, dispatch, stats, toLive, toggleChat, delays, flowObstacle, chooseDelay } = parts;
  const root = document.getElementById("ui");
  const player = document.getElementById("player");
  if (root === null || player === null) throw new Error("the page lacks #ui or #player");
  root.textContent = "";
  let last: WatchUiState | null = null;
  let panel = false;
  let isDelayMenuOpen = false;
  let stopStats: () => void = () => {};

  const redraw = (): void => {
    if (last === null) return;
    const { view, audience, chat } = last;
    player.dataset.phase = view.phase;
    document.title = pageTitle(view, about().title);
    const shown = panel ? stats() : null;
    render(
      <WatchApp
        about={about()}
        view={view}
        audience={audience}
        chat={chat}
        stats={shown}
        muted={video.muted}
        clock={clock}
        readStats={stats}
        flowObstacle={flowObstacle()}
        dispatch={dispatch}
        onUnmute={unmute}
        onPlay={() => void video.play()}
        onPanel={togglePanel}
        delays={isDelayMenuOpen ? delays() : null}
        onDelay={chooseDelay}
        onDelayMenu={toggleDelayMenu}
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
  /** Numbers are redrawn while some are shown. */
  const watchNumbers = (): void => {
    stopStats();
    if (panel || isDelayMenuOpen) stopStats = startInterval(clock, STATS_EVERY_MS, redraw);
    redraw();
  };
  const togglePanel = (): void => {
    panel = !panel;
    watchNumbers();
  };
  const toggleDelayMenu = (isOpen: boolean): void => {
    if (isOpen === isDelayMenuOpen) return;
    isDelayMenuOpen = isOpen;
    watchNumbers();
  };

  video.addEventListener("volumechange", redraw);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "i" || event.ctrlKey || event.metaKey || event.altKey) return;
    // An "i" typed into a field is text.
    if (event.target instanceof Element && event.target.matches("input, textarea, [contenteditable]")) return;
    togglePanel();
  });
  // media-chrome would seek to the end of the listed media; the live position is a hold-back before it.
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
