/** Draws the embedded player; everything shown is a function of the view and the stats. */
import "media-chrome/media-control-bar";
import "media-chrome/media-controller";
import "media-chrome/media-fullscreen-button";
import "media-chrome/media-live-button";
import "media-chrome/media-mute-button";
import "media-chrome/media-play-button";
import "media-chrome/media-time-display";
import "media-chrome/media-time-range";
import "media-chrome/media-volume-range";
import "media-chrome/menu/media-chrome-menu-item";
import "media-chrome/menu/media-rendition-menu";
import "media-chrome/menu/media-rendition-menu-button";
import { render } from "preact";
import type { EmbedCommand } from "../../../core/embed/embed-protocol.ts";
import { startInterval } from "../../../core/kit/clock.ts";
import type { WatchUi, WatchUiOptions, WatchUiState } from "../watch/mount.tsx";
import { listenToPageKeys } from "../watch/page-keys.ts";
import { takeLiveRequests, toggleFullscreen, unmute } from "../watch/player-actions.ts";
import { EmbedApp } from "./embed-app.tsx";
import { type EmbedReading, embedEventsOf } from "./embed-state.ts";
import { ParentPage } from "./parent-page.ts";

/** How often the page around the player is told the delay. */
const DELAY_EVERY_MS = 1_000;

/** Mounts it into `#ui`. */
export function mountEmbedUi(parts: WatchUiOptions): WatchUi {
  const { about, stream, place, video, clock, dispatch, stats, toLive, start } = parts;
  const root = document.getElementById("ui");
  const player = document.getElementById("player");
  if (root === null || player === null) throw new Error("the page lacks a part");
  root.textContent = "";
  let last: WatchUiState | null = null;
  const play = (): void => {
    if (start.isHeld()) start.release();
    // A browser may want a gesture: then the picture stays paused, as the page is told.
    else video.play().catch(() => {});
  };
  const redraw = (): void => {
    if (last === null) return;
    const { view } = last;
    player.dataset.phase = view.phase;
    render(
      <EmbedApp
        stream={stream}
        about={about()}
        view={view}
        place={place}
        isHeld={start.isHeld()}
        muted={video.muted}
        clock={clock}
        readStats={stats}
        dispatch={dispatch}
        onPlay={play}
        onUnmute={() => unmute(video)}
      />,
      root,
    );
  };
  let lastSent: EmbedReading | null = null;
  const sendChanges = (): void => {
    if (last === null) return;
    const { view } = last;
    const now = {
      ...{ view, isHeld: start.isHeld() },
      ...{ paused: video.paused, muted: video.muted, volume: video.volume },
    };
    for (const event of embedEventsOf(lastSent, now)) page.send(event);
    lastSent = now;
  };
  const sendReady = (): void => {
    page.send({ type: "ready", stream });
    lastSent = null;
    sendChanges();
  };
  const runCommand = (command: EmbedCommand): void => {
    switch (command.type) {
      case "play":
        play();
        return;
      case "pause":
        video.pause();
        return;
      case "mute":
      case "unmute":
        video.muted = command.type === "mute";
        return;
      case "volume":
        video.volume = command.volume;
    }
  };
  const page = new ParentPage(runCommand, sendReady);
  sendReady();
  startInterval(clock, DELAY_EVERY_MS, () => {
    const { delayS, state } = stats();
    if (state === "live" && delayS !== null && !video.paused) page.send({ type: "delay", seconds: delayS });
  });
  for (const event of ["play", "pause", "volumechange"]) video.addEventListener(event, sendChanges);
  video.addEventListener("volumechange", redraw);
  listenToPageKeys({
    video,
    isReplay: () => last?.view.phase === "replay",
    run: (action) => {
      if (action === "fullscreen") void toggleFullscreen();
      else if (action !== "live") return false;
      else if (last?.view.phase === "replay") dispatch({ type: "watchAgain" });
      else toLive();
      return true;
    },
  });
  takeLiveRequests(player, toLive);
  return {
    draw: (shown) => {
      last = shown;
      redraw();
      sendChanges();
    },
  };
}
