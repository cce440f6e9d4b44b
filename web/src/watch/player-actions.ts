/** What the watch page and the embedded player do with the element in the same way. */

/** Sound for a viewer who asked for it. */
export function unmute(video: HTMLVideoElement): void {
  video.muted = false;
  if (video.volume === 0) video.volume = 1;
  if (video.paused) void video.play();
}

/** Takes `player`'s wish to go live: media-chrome would seek to the end of the listed media; the live position is a hold-back before it. */
export function takeLiveRequests(player: HTMLElement, toLive: () => void): void {
  player.addEventListener(
    "mediaseektoliverequest",
    (event) => {
      event.stopPropagation();
      toLive();
    },
    { capture: true },
  );
}

/** The whole page, so that what rises over the picture stays. A browser, or the page around a frame, may forbid it. */
export async function toggleFullscreen(): Promise<void> {
  try {
    if (document.fullscreenElement === null) await document.body.requestFullscreen();
    else await document.exitFullscreen();
  } catch {
    // Nothing changes.
  }
}
