/** A page with a player, the watch page or the embedded one: loads the stream first, and everything else after it. */
import { parseStreamName } from "../../../core/kit/ids.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { isSampled, reportShare } from "../../../core/quality/report-sampling.ts";
import { readAllowedOrigins } from "../embed/parent-page.ts";
import { storePreference } from "../kit/viewer-session.ts";
import type { DelayWish } from "../player/delay-choice.ts";
import { DelaySwitch } from "../player/delay-switch.ts";
import { FlowPlayer } from "../player/flow/flow-player.ts";
import { FLOW_RENEWAL_MS } from "../player/flow/flow-recovery.ts";
import type { HlsPlayer } from "../player/hls-player.ts";
import { LazyPlayer } from "../player/lazy-player.ts";
import { monitorMedia } from "../player/media-monitor.ts";
import { isMediaSourceSupported } from "../player/media-source.ts";
import { MediaSurface } from "../player/media-traits.ts";
import { NativePlayer } from "../player/native-player.ts";
import { PlaybackToken } from "../player/playback-token.ts";
import { clearPosterFrame, drawPosterFrame } from "../player/poster-frame.ts";
import type { PlaybackFacts } from "../player/quality-reporter.ts";
import { chooseRendition, type PlaybackStats, readPlaybackStats } from "../player/stats.ts";
import { type AudienceCount, StatusPoller, type WatchStatus } from "../player/status.ts";
import {
  initialWatchView,
  isAboutToStart,
  reduceWatchView,
  type WatchEvent,
  type WatchView,
} from "../player/watch-state.ts";
import { fillLateAbout, readAbout } from "./about.ts";
import { clearBackdrop, drawBackdrop } from "./backdrop.ts";
import { ChatPane } from "./chat-pane.ts";
import type { WatchUi } from "./mount.tsx";
import {
  DELAY_STORAGE_KEY,
  isEmbedPath,
  readDelayWish,
  readPageStatus,
  readStart,
  streamNameOf,
} from "./page-start.ts";
import { parseSharedPlace } from "./share-link.ts";

/** The controls load with the first frame, or after this long without one. */
const CONTROLS_AFTER_MS = 1000;
/** The chat loads after playback has begun, so that they do not compete. */
const CHAT_AFTER_MS = 250;
/** Reports are nobody's first need. */
const REPORTS_AFTER_MS = 3_000;

const platform = systemPlatform;
const video = element("video", HTMLVideoElement);
const posterCanvas = element("still", HTMLCanvasElement);
const backdrop = element("backdrop", HTMLCanvasElement);
const name = streamNameOf(location.pathname);
const stream = parseStreamName(name);
let about = readAbout(name);
markAbout();
const pageStatus = readPageStatus(platform.clock);
const early = window.corralEarlyFlow ?? null;
// From now on the player asks by itself.
window.corralEarlyFlow = null;

/** What the address shows of the stream. */
const place = parseSharedPlace(location.search);
let view: WatchView = initialWatchView(stream !== null, place.broadcast);
let status: WatchStatus | null = null;
let page: WatchUi | null = null;
let mounting = false;
/** From the first live picture on. */
let isReporting = false;
/** When the viewer began to wait for the first picture: with the page, a broadcast that begins, or a gesture. */
let startBeganMs = 0;
let audience: AudienceCount | null = null;
let likes: number | null = null;
/** Where the recording begins, seconds; null once it has. */
let { startS } = place;
/** Where it is to stop, seconds; null: at its end. */
let { endS } = place;
const isEmbedded = isEmbedPath(location.pathname);
const { isHeld: isHeldFirst, isMuted } = readStart();
/** Nothing plays before the viewer wants it. */
let isHeld = isHeldFirst;
if (isMuted) video.muted = true;

const url = `/live/${stream}/${place.broadcast === null ? "" : `${place.broadcast}/`}multivariant.m3u8`;
const playbackToken = new PlaybackToken(name, platform.clock, tokenGivers());
const playerOptions = { video, url, report: dispatch, playbackToken, platform };
const surface = isMediaSourceSupported() ? new MediaSurface(video) : null;
const renditions = surface?.renditions ?? null;
const player = new DelaySwitch({
  smooth: surface === null ? new NativePlayer(playerOptions) : new LazyPlayer(() => importHlsPlayer(surface), platform),
  makeFlow:
    surface === null || stream === null || place.broadcast !== null
      ? null
      : (onObstacle) =>
          new FlowPlayer({
            ...{ ...playerOptions, edge: "", stream, surface, early, renewAfterMs: FLOW_RENEWAL_MS, onObstacle },
            onOver: () => statusPoller.pollSoon(),
            serverNowMs: () => statusPoller.serverNowMs(),
            onSwap: () => drawPosterFrame(video, posterCanvas),
            onStatus: (carried) => statusPoller.accept(carried),
          }),
  wish: readDelayWish(),
  platform,
  onSwitch: () => drawPosterFrame(video, posterCanvas),
  onChange: () => draw(),
});
if (view.loadCount > 0 && !isHeld) player.load();

const mediaMonitor = monitorMedia(video, () => player, dispatch, platform.clock);
const statusPoller = new StatusPoller({
  url: `/api/streams/${stream}`,
  phase: () => view.phase,
  onStatus: (answer) => {
    status = answer;
    player.setStatus(answer);
    dispatch({ type: "source", source: answer.source, stop: answer.stop });
    if (view.phase === "reconnecting" && answer.source.state === "live") player.retryNow();
    draw();
  },
  isResting: () => view.phase === "live" && player.carriesStatus,
  isHeld: () => isHeld,
  platform,
});
if (pageStatus !== null) statusPoller.begin(pageStatus.carried);
else if (stream !== null) statusPoller.pollNow();

/** Applies an event to the view; the view drives the player. */
function dispatch(event: WatchEvent): void {
  if (event.type === "watchLive" && place.broadcast !== null) {
    location.assign(location.pathname);
    return;
  }
  // A clip begins again where it began.
  if (event.type === "watchAgain" && place.endS !== null) ({ startS, endS } = place);
  const before = view;
  view = reduceWatchView(before, event);
  if (view === before) return;
  if (view.loadCount !== before.loadCount) {
    drawPosterFrame(video, posterCanvas);
    markStart();
    if (!isHeld) player.load();
  } else if (view.phase === "waiting" || view.phase === "failed" || view.phase === "stopped") {
    if (before.phase !== view.phase) player.stop();
  }
  if (view.phase !== before.phase) {
    if (view.phase === "stopped") clearStream();
    if (before.phase === "stopped" || isNobodys(before)) chatPane?.resume();
    if (isNobodys(view)) chatPane?.pause();
    if (view.phase !== "starting") drawControls();
    if (view.phase === "reconnecting" || isAboutToStart(view)) statusPoller.pollSoon();
    if (view.phase === "ended") statusPoller.pollSoon();
    if (view.phase === "live" || view.phase === "replay") clearPosterFrame(posterCanvas);
    if (view.phase === "live" && !isReporting) {
      isReporting = true;
      platform.clock.startTimer(REPORTS_AFTER_MS, () => void startReports().catch(() => {}));
    }
    if (view.phase === "replay" && startS !== null) {
      video.currentTime = startS;
      startS = null;
    }
    // A broadcast that has not begun has a chat already.
    if (["live", "replay", "waiting", "ended"].includes(view.phase))
      platform.clock.startTimer(CHAT_AFTER_MS, () => chatPane?.start());
  }
  draw();
}

// The end of a clip: who plays on then watches the recording.
video.addEventListener("timeupdate", () => {
  if (endS === null || view.phase !== "replay" || startS !== null || video.currentTime < endS) return;
  endS = null;
  video.pause();
  dispatch({ type: "finished" });
});

// A key or a click on the picture plays the element, which has no source while the start is held.
video.addEventListener("play", releaseStart);

/** Begins to play what was held. */
function releaseStart(): void {
  if (!isHeld) return;
  isHeld = false;
  markStart();
  if (view.loadCount > 0) player.load();
  // What is known may be as old as the interval of a held page.
  statusPoller.pollSoon();
  draw();
}

function markStart(): void {
  if (!isReporting) startBeganMs = platform.clock.monotonicMs();
}

/** Has some viewers report their quality: the larger the audience, the smaller their share. */
async function startReports(): Promise<void> {
  const sid = platform.newId();
  if (!isSampled(sid, reportShare(status?.audience?.watching ?? 0))) return;
  const { startQualityReports } = await import("../player/quality-reporter.ts");
  const { firstPictureMs } = mediaMonitor.read();
  const startupMs = firstPictureMs === null ? null : firstPictureMs - startBeganMs;
  const read = (): PlaybackFacts => ({
    ...{ stats: stats(), status, isPaused: video.paused },
    stalledMs: mediaMonitor.read().stalledMs,
  });
  startQualityReports({ stream: name, platform, startupMs, read }, sid);
}

/** Whom the stream's host trusts to embed it; where everybody may, nobody has to give a token. */
function tokenGivers(): readonly string[] {
  const allowed = isEmbedded ? readAllowedOrigins() : [];
  return allowed === "any" ? [] : allowed;
}

/** hls.js is large, and most viewers never need it. */
async function importHlsPlayer(on: MediaSurface): Promise<HlsPlayer> {
  const { HlsPlayer } = await import("../player/hls-player.ts");
  return new HlsPlayer(playerOptions, on);
}

/** Removes a stopped stream from the page and requests the reason of the stop. */
function clearStream(): void {
  clearPosterFrame(posterCanvas);
  clearBackdrop(backdrop);
  chatPane?.pause();
  if (view.stopNotice === null) statusPoller.pollSoon();
}

const stats = (): PlaybackStats =>
  readPlaybackStats(video, view, player, renditions, mediaMonitor.read(), statusPoller.serverNowMs());

const chatPane =
  stream === null
    ? null
    : new ChatPane(
        isEmbedded ? null : element("chat", HTMLElement),
        {
          stream,
          platform,
          reactionLayer: element("bursts", HTMLElement),
          playbackPosition: () => {
            const { programTimeMs, edgeDistanceS } = player.read();
            return { phase: view.phase, programTimeMs, edgeDistanceS, serverNowMs: statusPoller.serverNowMs() };
          },
          isPlaying: () => !video.paused && (view.phase === "live" || view.phase === "reconnecting"),
          onStopped: () => dispatch({ type: "stopped" }),
          onCounts: (counts) => {
            audience = { watching: counts.watching, peak: counts.peak };
            likes = counts.likes;
            draw();
          },
        },
        () => {
          // Without the chat the audience comes from the API.
          if (chatPane?.isShown !== true) audience = null;
          draw();
        },
        platform.clock,
      );

function draw(): void {
  page?.draw({
    view,
    // Those of the live broadcast do not watch this one.
    audience: place.broadcast === null ? (audience ?? status?.audience ?? null) : null,
    chat: chatPane?.isShown ?? null,
    likes,
    startedAtMs: status?.startedAtMs ?? null,
  });
}

video.addEventListener("resize", () => {
  element("player", HTMLElement).dataset["shape"] = video.videoHeight > video.videoWidth ? "portrait" : "landscape";
});

window.corral = Object.freeze({
  stats,
  setRendition: (choice: string): boolean => chooseRendition(renditions, choice),
  setDelay: (wish: DelayWish): void => player.choose(wish),
});

addEventListener("online", () => {
  player.onOnline();
  statusPoller.pollNow();
});

// Loading and running the controls before the first picture would delay it.
platform.clock.startTimer(CONTROLS_AFTER_MS, drawControls);
if (view.phase === "unknown" || isHeld) drawControls();

function drawControls(): void {
  if (page !== null || mounting) return;
  mounting = true;
  void showLateAbout();
  const mounted = isEmbedded
    ? import("../embed/mount-embed.tsx").then(({ mountEmbedUi }) => mountEmbedUi)
    : import("./mount.tsx").then(({ mountWatchUi }) => mountWatchUi);
  mounted
    .then((mountUi) => {
      drawBackdrop(video, backdrop, platform.clock);
      page = mountUi({
        about: () => about,
        stream: name,
        place,
        video,
        renditions,
        clock: platform.clock,
        dispatch,
        stats,
        toLive: () => player.seekToLive(),
        start: { isHeld: () => isHeld, release: releaseStart },
        delays: () => player.readDelays(stats().delayS),
        flowObstacle: () => player.flowObstacle,
        chooseDelay: (wish) => {
          storePreference(DELAY_STORAGE_KEY, wish);
          player.choose(wish);
        },
        toggleChat: () => chatPane?.toggle(),
        like: (at) => chatPane?.like(at),
      });
      draw();
    })
    .catch(() => {
      // A network error: playback continues, and the controls are requested again.
      mounting = false;
      platform.clock.startTimer(CONTROLS_AFTER_MS, drawControls);
    });
}

/** Details that the edge did not wait for. */
async function showLateAbout(): Promise<void> {
  // Without them the page shows the stream's name.
  if (!(await fillLateAbout().catch(() => false))) return;
  about = readAbout(name);
  markAbout();
  if (isNobodys(view)) chatPane?.pause();
  draw();
}

/** Nobody has registered the name that is waited for, so it has no room. */
function isNobodys({ phase }: WatchView): boolean {
  return phase === "waiting" && about.isUnknown;
}

/** The title stands under the picture, not on it, where the page has a block for it. */
function markAbout(): void {
  document.body.toggleAttribute("data-about", about.avatar !== null);
}

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page lacks #${id}`);
  return found;
}
