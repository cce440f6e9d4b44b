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
import { loadFollows, storeFollow } from "../kit/follows.ts";
import { readSiteName } from "../kit/site-name.ts";
import type { DelayWish, FlowObstacle } from "../player/delay-choice.ts";
import type { DelayReading } from "../player/delay-switch.ts";
import type { RenditionList } from "../player/renditions.ts";
import type { PlaybackStats } from "../player/stats.ts";
import type { AudienceCount } from "../player/status.ts";
import type { WatchEvent, WatchView } from "../player/watch-state.ts";
import type { StreamAbout } from "./about.ts";
import { WatchApp } from "./app.tsx";
import { followKeyboard } from "./keyboard-inset.ts";
import { pageTitle } from "./overlay-message.ts";
import { listenToPageKeys } from "./page-keys.ts";
import { isTheatreWanted, markTheatre, storeTheatreWish } from "./page-layout.ts";
import { PageSheets, type SheetName } from "./page-sheets.tsx";
import { listenToFingers } from "./picture-fingers.ts";
import { takeLiveRequests, toggleFullscreen, unmute } from "./player-actions.ts";
import type { SharedPlace } from "./share-link.ts";
import type { ShortcutAction } from "./shortcuts.ts";
import { hopToStream } from "./stream-hop.ts";
import { TitleActions } from "./title-actions.tsx";

/** Dependencies of the page around the picture. */
export interface WatchUiOptions {
  readonly about: () => StreamAbout;
  /** The stream's name in the address. */
  readonly stream: string;
  /** What the address shows of it. */
  readonly place: SharedPlace;
  readonly video: HTMLVideoElement;
  /** What the quality can be chosen from; null where the browser chooses. */
  readonly renditions: RenditionList | null;
  readonly clock: Clock;
  readonly dispatch: (event: WatchEvent) => void;
  readonly stats: () => PlaybackStats;
  readonly toLive: () => void;
  /** A player that begins when it is wanted. */
  readonly start: { isHeld(): boolean; release(): void };
  readonly delays: () => DelayReading;
  readonly flowObstacle: () => FlowObstacle | null;
  readonly chooseDelay: (wish: DelayWish) => void;
  readonly toggleChat: () => void;
  /** Sends a like, at a point of the window or at its usual place. */
  readonly like: (at: { readonly x: number; readonly y: number } | null) => void;
}

/** What is shown. */
export interface WatchUiState {
  readonly view: WatchView;
  readonly audience: AudienceCount | null;
  /** Whether the chat is shown; null without a chat. */
  readonly chat: boolean | null;
  /** Likes of the room; null until the chat knows. */
  readonly likes: number | null;
  /** When the broadcast began, milliseconds since the epoch. */
  readonly startedAtMs: number | null;
}

/** The mounted page. */
export interface WatchUi {
  draw(shown: WatchUiState): void;
}

const STATS_EVERY_MS = 250;
const TOAST_MS = 4_000;
/** With less of it in the window, the picture goes to a corner. */
const MINI_BELOW = 0.25;

/** Mounts the page into `#ui` and `#actions`. */
export function mountWatchUi(parts: WatchUiOptions): WatchUi {
  const { about, stream, video, clock, dispatch, stats, toLive, toggleChat, delays, flowObstacle, chooseDelay, like } =
    parts;
  const root = document.getElementById("ui");
  const actions = document.getElementById("actions");
  const player = document.getElementById("player");
  if (root === null || player === null || actions === null) throw new Error("the page lacks a part");
  root.textContent = "";
  const { body } = document;
  let last: WatchUiState | null = null;
  let panel = false;
  let isDelayMenuOpen = false;
  let sheet: SheetName | null = null;
  let isFollowed = loadFollows().includes(stream);
  let isTheatre = isTheatreWanted();
  let toast: string | null = null;
  let stopStats: () => void = () => {};
  let stopToast: () => void = () => {};

  const site = readSiteName();
  const redraw = (): void => {
    if (last === null) return;
    const { view, audience, chat, likes, startedAtMs } = last;
    player.dataset.phase = view.phase;
    document.title = pageTitle(view, about().title, site);
    const follow = (): void => {
      isFollowed = !isFollowed;
      storeFollow(stream, isFollowed);
      redraw();
    };
    render(
      <>
        <WatchApp
          about={about()}
          view={view}
          place={parts.place}
          audience={audience}
          chat={chat}
          stats={panel ? stats() : null}
          muted={video.muted}
          clock={clock}
          readStats={stats}
          flowObstacle={flowObstacle()}
          dispatch={dispatch}
          onUnmute={() => unmute(video)}
          onPlay={() => void video.play()}
          onPanel={togglePanel}
          delays={isDelayMenuOpen ? delays() : null}
          onDelay={chooseDelay}
          onDelayMenu={toggleDelayMenu}
          onChat={toggleChat}
          likes={likes}
          onLike={() => like(null)}
          onWholeChat={() => body.toggleAttribute("data-whole-chat", true)}
          onShare={() => openSheet("share")}
          onNext={() => void hop(1)}
          onMore={() => openSheet("more")}
          isFollowed={isFollowed}
          onFollow={follow}
          toast={toast}
        />
        <PageSheets
          open={sheet}
          onClose={() => openSheet(null)}
          stream={stream}
          title={about().title}
          renditions={parts.renditions}
          delays={view.phase === "live" ? delays() : null}
          onDelay={(wish) => {
            chooseDelay(wish);
            redraw();
          }}
          recording={view.phase === "replay" ? { broadcast: view.loadedBroadcast, atS: video.currentTime } : null}
          shownBroadcast={view.loadedBroadcast}
          clock={clock}
          tools={[
            ["Statistics", togglePanel],
            ["Next live stream", () => void hop(1)],
            ["Previous live stream", () => void hop(-1)],
            ["Share", () => openSheet("share")],
            ...(about().isUnknown ? [] : [["Past broadcasts", () => openSheet("past")] as const]),
            ...(chat === null ? [] : [[chat ? "Hide the chat" : "Show the chat", toggleChat] as const]),
          ]}
        />
      </>,
      root,
    );
    render(
      <TitleActions
        isFollowed={isFollowed}
        onFollow={about().isUnknown || view.phase === "unknown" ? null : follow}
        startedAtMs={view.phase === "live" || view.phase === "reconnecting" ? startedAtMs : null}
        isTheatre={isTheatre}
        onTheatre={toggleTheatre}
        onShare={() => openSheet("share")}
        onPast={about().isUnknown || view.phase === "unknown" ? null : () => openSheet("past")}
        onHelp={() => openSheet("keys")}
      />,
      actions,
    );
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
  const openSheet = (name: SheetName | null): void => {
    sheet = name;
    redraw();
  };
  const toggleTheatre = (): void => {
    isTheatre = !isTheatre;
    markTheatre(isTheatre);
    storeTheatreWish(isTheatre);
    redraw();
  };
  const say = (text: string | null): void => {
    toast = text;
    stopToast();
    if (text !== null) stopToast = clock.startTimer(TOAST_MS, () => say(null));
    redraw();
  };
  const hop = async (step: 1 | -1): Promise<void> => say(await hopToStream(stream, step));
  const runs: Partial<Record<ShortcutAction, () => void>> = {
    live: () => (last?.view.phase === "replay" ? dispatch({ type: "watchAgain" }) : toLive()),
    fullscreen: () => void toggleFullscreen(),
    theatre: toggleTheatre,
    chat: toggleChat,
    write: () => document.querySelector<HTMLElement>("#chat :is(textarea, input)")?.focus(),
    statistics: togglePanel,
    nextStream: () => void hop(1),
    previousStream: () => void hop(-1),
    help: () => openSheet("keys"),
  };

  video.addEventListener("volumechange", redraw);
  const run = (action: ShortcutAction): boolean => {
    runs[action]?.();
    return action in runs;
  };
  listenToPageKeys({ video, isReplay: () => last?.view.phase === "replay", run });
  listenToFingers(player, clock, (gesture) => {
    if (gesture.kind === "like") like(gesture);
    else void hop(gesture.kind === "next" ? 1 : -1);
  });
  keepControlsAway(root);
  followKeyboard(document.documentElement);
  followControls(video, body);
  followScroll(player, body);
  openWholeChat(player, body);
  takeLiveRequests(player, toLive);
  return {
    draw: (shown) => {
      last = shown;
      redraw();
    },
  };
}

/** Marks the page while the controls are shown: on a phone they push the chat up. */
function followControls(video: HTMLVideoElement, body: HTMLElement): void {
  const controller = document.getElementById("controller");
  const update = (): void => {
    body.toggleAttribute("data-controls", video.paused || controller?.hasAttribute("userinactive") === false);
  };
  controller?.addEventListener("userinactivechange", update);
  for (const event of ["play", "pause"]) video.addEventListener(event, update);
  update();
}

/** A finger on a button over the picture does not bring the controls up: they would move the button away from under it. */
function keepControlsAway(root: HTMLElement): void {
  for (const name of ["pointermove", "pointerup"] as const) {
    root.addEventListener(name, (event) => {
      const isOnControls = event.target instanceof Element && event.target.closest(".controls") !== null;
      if (event.pointerType === "touch" && !isOnControls) event.stopPropagation();
    });
  }
}

/** Marks the page while its picture is scrolled away: it is then shown in a corner. */
function followScroll(player: HTMLElement, body: HTMLElement): void {
  new IntersectionObserver(
    (entries) => body.toggleAttribute("data-mini", (entries.at(-1)?.intersectionRatio ?? 1) < MINI_BELOW),
    { threshold: MINI_BELOW },
  ).observe(player);
}

/** On a phone held upright, a tap on the chat's lines opens the whole chat; one on the picture, or Escape, closes it. */
function openWholeChat(player: HTMLElement, body: HTMLElement): void {
  const isUpright = matchMedia("(width < 560px), (width < 600px) and (orientation: portrait)");
  const chat = document.getElementById("chat");
  chat?.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element) || target.closest("button, a") !== null) return;
    if (isUpright.matches && target.closest(".chat-list") !== null) body.toggleAttribute("data-whole-chat", true);
  });
  const close = (): void => body.removeAttribute("data-whole-chat");
  player.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Element && target.closest(".rail") === null) close();
  });
  chat?.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") close();
  });
}
