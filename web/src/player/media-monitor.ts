/** Watches a media element: first picture, movement, stalls, the end, and what autoplay allows. */
import type { StreamPlayer, WatchEventListener } from "./player.ts";

/** Pictures that stand still this long although nobody paused mean trouble. */
const STUCK_MS = 1500;
/** A seek may take longer: its target may have to be fetched. */
const SEEK_STUCK_MS = 4000;
/** How often the element is read. */
const TICK_MS = 100;

/** What the monitor has counted. */
export interface PlaybackCounts {
  /** `performance.now()` of the page's first presented picture, or null before it. */
  readonly firstPictureMs: number | null;
  /** How often pictures stopped for want of media, since the page opened. */
  readonly stalls: number;
}

/** Begins to watch `video` for `player`, and reports what the view must know. */
export function monitorMedia(
  video: HTMLVideoElement,
  player: () => StreamPlayer,
  report: WatchEventListener,
): { read: () => PlaybackCounts } {
  let firstPictureMs: number | null = null;
  let stalls = 0;
  let pictures = false;
  let stalled = false;
  let lastTime = 0;
  let movedAtMs = performance.now();

  const onPicture = (nowMs: number): void => {
    pictures = true;
    firstPictureMs ??= nowMs;
    movedAtMs = performance.now();
    report({ type: "moving", recording: player().isRecording });
  };
  const awaitPicture = (): void => {
    pictures = false;
    stalled = false;
    // Old Firefox hasn't it, whatever the type says.
    if (typeof video.requestVideoFrameCallback === "function") video.requestVideoFrameCallback(onPicture);
    else video.addEventListener("playing", () => onPicture(performance.now()), { once: true });
  };

  video.addEventListener("emptied", awaitPicture);
  awaitPicture();
  video.addEventListener("loadedmetadata", () => void startPlaying(video, report));
  video.addEventListener("volumechange", () => {
    if (!video.muted) report({ type: "autoplay", autoplay: "allowed" });
  });
  video.addEventListener("playing", () => {
    movedAtMs = performance.now();
    if (!video.muted) report({ type: "autoplay", autoplay: "allowed" });
  });
  video.addEventListener("waiting", () => {
    if (!pictures || stalled || video.seeking || video.paused || video.ended) return;
    stalled = true;
    stalls += 1;
    player().onStall(performance.now());
  });
  video.addEventListener("ended", () => report({ type: "finished" }));

  setInterval(() => {
    const nowMs = performance.now();
    player().tick(nowMs);
    const time = video.currentTime;
    if (video.paused || video.ended) {
      movedAtMs = nowMs;
    } else if (time !== lastTime && !video.seeking) {
      movedAtMs = nowMs;
      stalled = false;
      if (pictures) report({ type: "moving", recording: player().isRecording });
    } else if (pictures && nowMs - movedAtMs > (video.seeking ? SEEK_STUCK_MS : STUCK_MS)) {
      report({ type: "stuck" });
    }
    lastTime = time;
  }, TICK_MS);

  return { read: () => ({ firstPictureMs, stalls }) };
}

/** Plays with sound where the browser lets it, else muted, else waits for the person. */
async function startPlaying(video: HTMLVideoElement, report: WatchEventListener): Promise<void> {
  if (await tryPlay(video)) return;
  video.muted = true;
  report({ type: "autoplay", autoplay: (await tryPlay(video)) ? "muted" : "blocked" });
}

/** False only where the browser forbids it; other rejections mean that another load took over. */
async function tryPlay(video: HTMLVideoElement): Promise<boolean> {
  try {
    await video.play();
    return true;
  } catch (error) {
    return !(error instanceof DOMException && error.name === "NotAllowedError");
  }
}
