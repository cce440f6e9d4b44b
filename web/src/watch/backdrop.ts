/** The blurred picture around a picture that does not fill its box. */
import { type Clock, startInterval } from "../../../core/kit/clock.ts";

const REDRAW_MS = 1_000;
/** A picture of this size is blurred by being stretched: a CSS blur over the whole window costs phones their battery. */
const BACKDROP_SIZE = { width: 32, height: 18 } as const;

/** Draws `video` into `canvas` once a second while it plays; only once per picture size where motion is unwanted. */
export function drawBackdrop(video: HTMLVideoElement, canvas: HTMLCanvasElement, clock: Clock): void {
  const draw = (): void => {
    if (video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    if (canvas.width !== BACKDROP_SIZE.width) Object.assign(canvas, BACKDROP_SIZE);
    canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
  };
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");
  video.addEventListener("resize", draw);
  startInterval(clock, REDRAW_MS, () => {
    if (document.hidden || video.paused || (isStill.matches && canvas.width > 0)) return;
    draw();
  });
  draw();
}

/** Removes the picture: that of a stopped stream must not stay. */
export function clearBackdrop(canvas: HTMLCanvasElement): void {
  [canvas.width, canvas.height] = [0, 0];
}
