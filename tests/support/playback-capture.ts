/** Flashes and beeps as a page's player plays them, in real time. */
import type { Page } from "playwright-core";

/** What was played and shown, in milliseconds of the page's clock. */
export interface PlaybackCapture {
  /** When beeps began. */
  readonly beeps: readonly number[];
  readonly pictures: readonly PresentedFrame[];
}

/** A picture that was presented. */
export interface PresentedFrame {
  readonly mediaMs: number;
  readonly atMs: number;
  readonly isWhite: boolean;
}

/** What `tapPlayer` leaves in the page. */
interface CaptureGlobal {
  capture?: { beeps: number[]; pictures: PresentedFrame[] };
}

/**
 * Taps the page's player: its sound on the way out, and its pictures as they are presented. Sound of the player is lost
 * from then on unless the context may play; the page needs a secure address, and no policy against scripts of a `blob:`.
 */
export async function startPlaybackCapture(page: Page): Promise<void> {
  await page.waitForSelector("video", { state: "attached" });
  await page.evaluate(captureInPage);
}

/** What was played since the tap. */
export function readPlaybackCapture(page: Page): Promise<PlaybackCapture> {
  return page.evaluate(() => {
    const { capture } = globalThis as CaptureGlobal;
    return { beeps: [...(capture?.beeps ?? [])], pictures: [...(capture?.pictures ?? [])] };
  });
}

/** In the page. */
async function captureInPage(): Promise<void> {
  const [LOUD, QUIET_S, WHITE] = [0.1, 0.3, 128];
  const video = document.querySelector("video");
  if (video === null) throw new Error("no video");
  const tapped = { beeps: [] as number[], pictures: [] as PresentedFrame[] };
  (globalThis as CaptureGlobal).capture = tapped;
  const context = new AudioContext({ sampleRate: 48_000 });
  const listener = `
    registerProcessor("beeps", class extends AudioWorkletProcessor {
      lastS = -1;
      process([[samples = []]]) {
        for (let i = 0; i < samples.length; i++) {
          if (Math.abs(samples[i]) < ${LOUD}) continue;
          const atS = (currentFrame + i) / sampleRate;
          if (atS - this.lastS > ${QUIET_S}) this.port.postMessage(atS);
          this.lastS = atS;
        }
        return true;
      }
    });`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([listener], { type: "text/javascript" })));
  const node = new AudioWorkletNode(context, "beeps");
  node.port.onmessage = ({ data }: MessageEvent<number>) => {
    const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp();
    tapped.beeps.push(performanceTime + (data - contextTime) * 1000);
  };
  video.muted = false;
  context.createMediaElementSource(video).connect(node).connect(context.destination);
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const look: VideoFrameRequestCallback = (_, { mediaTime, expectedDisplayTime }) => {
    canvas?.drawImage(video, 0, 0, 1, 1);
    const isWhite = (canvas?.getImageData(0, 0, 1, 1).data[0] ?? 0) > WHITE;
    tapped.pictures.push({ mediaMs: mediaTime * 1000, atMs: expectedDisplayTime, isWhite });
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  await context.resume();
}
