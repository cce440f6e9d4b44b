/** Keeps the last picture on screen while the player is torn down and set up again. */

/** Draws the current picture of `video` onto `canvas`, which lies beneath it. */
export function drawPosterFrame(video: HTMLVideoElement, canvas: HTMLCanvasElement): void {
  if (video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
}

/** Removes the picture. */
export function clearPosterFrame(canvas: HTMLCanvasElement): void {
  canvas.width = 0;
  canvas.height = 0;
}
