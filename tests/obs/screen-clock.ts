/** A clock on an X display for a screen capture, and its reading from the watch page: the delay from glass to glass. */
import { type Browser, chromium, type Page } from "playwright-core";
import { browserPath } from "../support/browser.ts";

/** Bits of the clock: milliseconds within a quarter of an hour. */
const CLOCK_BITS = 20;
/** Blocks of the clock: a white and a black one, the bits, and their complements below. */
const COLUMNS = CLOCK_BITS + 2;
/** Pictures are read at this width; the height is that of the screen's shape. */
const READ = { width: 640, height: 360 } as const;

/** Shows the clock on `display`, of the size of the screen. */
export async function showClock(
  display: string,
  { x, y }: { readonly x: number; readonly y: number },
): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: browserPath(),
    headless: false,
    env: { ...process.env, DISPLAY: display },
    args: ["--no-sandbox", "--disable-gpu", "--kiosk", "--window-position=0,0", `--window-size=${x},${y}`],
  });
  const page = await browser.newPage({ viewport: { width: x, height: y } });
  await page.setContent('<body style="margin:0;background:#808080;overflow:hidden"><canvas></canvas></body>');
  await page.evaluate(
    ({ bits, columns, width, height }) => {
      const canvas = document.querySelector("canvas");
      const context = canvas?.getContext("2d");
      if (canvas === null || context === null || context === undefined) return;
      canvas.width = width;
      canvas.height = height;
      const draw = (): void => {
        const now = Math.round(performance.timeOrigin + performance.now()) % 2 ** bits;
        for (let i = 0; i < columns; i += 1) {
          const isWhite = i === 0 || (i > 1 && ((now >> (i - 2)) & 1) === 1);
          const left = Math.round((i * width) / columns);
          const right = Math.round(((i + 1) * width) / columns);
          for (const row of [0, 1]) {
            context.fillStyle = isWhite === (row === 0) ? "#fff" : "#000";
            context.fillRect(left, (row * height) / 2, right - left, height / 2);
          }
        }
        requestAnimationFrame(draw);
      };
      draw();
    },
    { bits: CLOCK_BITS, columns: COLUMNS, width: x, height: y },
  );
  return browser;
}

/** Delays of the pictures that a watch page shows in `seconds`, milliseconds; unreadable ones are left out. */
export async function readClock(page: Page, seconds: number): Promise<number[]> {
  return page.evaluate(
    ({ bits, columns, width, height, ms }) => {
      const video = document.querySelector("video");
      const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
      if (video === null || context === null) return [];
      const delays: number[] = [];
      const onPicture = (_now: number, { expectedDisplayTime }: VideoFrameCallbackMetadata): void => {
        context.drawImage(video, 0, 0, width, height);
        const row = (y: number): number[] => {
          const { data } = context.getImageData(0, Math.round(y), width, 1);
          return Array.from({ length: columns }, (_, i) => data[4 * Math.round(((i + 0.5) * width) / columns)] ?? 0);
        };
        // Within both rows, whether or not the browser shows its toolbar above them.
        const [upper, lower] = [row(0.47 * height), row(0.86 * height)];
        // A picture that mixes two times has no clear blocks.
        const isClear = upper.every((value, i) => Math.abs(value - (lower[i] ?? 0)) > 100);
        if (isClear && (upper[0] ?? 0) > 128 && (upper[1] ?? 255) < 128) {
          const shown = upper.slice(2).reduce((sum, value, i) => sum + (value > 128 ? 2 ** i : 0), 0);
          const now = Math.round(performance.timeOrigin + expectedDisplayTime) % 2 ** bits;
          delays.push((now - shown + 2 ** bits) % 2 ** bits);
        }
        video.requestVideoFrameCallback(onPicture);
      };
      video.requestVideoFrameCallback(onPicture);
      return new Promise<number[]>((resolve) => setTimeout(() => resolve(delays), ms));
    },
    { bits: CLOCK_BITS, columns: COLUMNS, ...READ, ms: 1_000 * seconds },
  );
}
