/** Monitors a media element: first frame, movement, stalls, the end, and autoplay permission. */
import { type Clock, startInterval } from "../../../core/kit/clock.ts";
import type { StreamPlayer, WatchEventListener } from "./player.ts";

/** Playback that does not advance for this long without a pause is stuck. */
const STUCK_MS = 1500;
/** A seek may take longer: its target may have to be fetched. */
const SEEK_STUCK_MS = 4000;
/** How often the element is read. */
const TICK_MS = 100;

/** What the monitor has counted. */
export interface PlaybackCounts {
  /** Monotonic time of the page's first presented picture, or null before it. */
  readonly firstPictureMs: number | null;
  /** Number of stalls since the page opened. */
  readonly stalls: number;
  /** How long those took that are over. */
  readonly stalledMs: number;
}

/** Monitors `video` for `player`, and reports events to the view, until it is stopped. */
export function monitorMedia(
  video: HTMLVideoElement,
  player: () => StreamPlayer,
  report: WatchEventListener,
  clock: Clock,
): { read: () => PlaybackCounts; stop: () => void } {
  let firstPictureMs: number | null = null;
  let stalls = 0;
  let stalledMs = 0;
  let stallBeganMs: number | null = null;
  let pictures = false;
  let stalled = false;
  let lastTime = 0;
  let movedAtMs = clock.monotonicMs();
  const listening = new AbortController();
  const { signal } = listening;

  const onPicture = (nowMs: number): void => {
    pictures = true;
    firstPictureMs ??= nowMs;
    movedAtMs = clock.monotonicMs();
    report({ type: "moving", recording: player().isRecording });
  };
  const awaitPicture = (): void => {
    pictures = false;
    stalled = false;
    // Old Firefox lacks it, whatever its type says.
    if (typeof video.requestVideoFrameCallback === "function") video.requestVideoFrameCallback(onPicture);
    else video.addEventListener("playing", () => onPicture(clock.monotonicMs()), { once: true });
  };

  video.addEventListener("emptied", awaitPicture, { signal });
  awaitPicture();
  video.addEventListener("loadedmetadata", () => void startPlaying(video, report), { signal });
  video.addEventListener(
    "volumechange",
    () => {
      if (!video.muted) report({ type: "autoplay", autoplay: "allowed" });
    },
    { signal },
  );
  video.addEventListener(
    "playing",
    () => {
      movedAtMs = clock.monotonicMs();
      if (!video.muted) report({ type: "autoplay", autoplay: "allowed" });
    },
    { signal },
  );
  video.addEventListener(
    "waiting",
    () => {
      if (!pictures || stalled || video.seeking || video.paused || video.ended) return;
      stalled = true;
      stalls += 1;
      stallBeganMs ??= clock.monotonicMs();
      player().onStall(clock.monotonicMs());
    },
    { signal },
  );
  video.addEventListener("ended", () => report({ type: "finished" }), { signal });

  const stopTicks = startInterval(clock, TICK_MS, () => {
    const nowMs = clock.monotonicMs();
    player().tick(nowMs);
    const time = video.currentTime;
    if (video.paused || video.ended) {
      movedAtMs = nowMs;
      stallBeganMs = null;
    } else if (time !== lastTime && !video.seeking) {
      movedAtMs = nowMs;
      stalled = false;
      if (stallBeganMs !== null) stalledMs += nowMs - stallBeganMs;
      stallBeganMs = null;
      if (pictures) report({ type: "moving", recording: player().isRecording });
    } else if (pictures && nowMs - movedAtMs > (video.seeking ? SEEK_STUCK_MS : STUCK_MS)) {
      report({ type: "stuck" });
    }
    lastTime = time;
  });

  const stop = (): void => {
    listening.abort();
    stopTicks();
  };
  return { read: () => ({ firstPictureMs, stalls, stalledMs }), stop };
}

/** Plays with audio if the browser permits it, else muted, else waits for a gesture. */
async function startPlaying(video: HTMLVideoElement, report: WatchEventListener): Promise<void> {
  if (await tryPlay(video)) return;
  video.muted = true;
  report({ type: "autoplay", autoplay: (await tryPlay(video)) ? "muted" : "blocked" });
}

/** False only if the browser forbids it; other rejections mean that another load replaced this one. */
async function tryPlay(video: HTMLVideoElement): Promise<boolean> {
  try {
    await video.play();
    return true;
  } catch (error) {
    return !(error instanceof DOMException && error.name === "NotAllowedError");
  }
}
