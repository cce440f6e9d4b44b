/** Captures flashes and beeps of a page's player, in real time. */
import type { Page } from "playwright-core";

/** Played audio and shown pictures, in milliseconds of the page's clock. */
export interface PlaybackCapture {
  /** Start times of beeps. */
  readonly beeps: readonly number[];
  readonly pictures: readonly PresentedFrame[];
}

/** A picture that was presented. */
export interface PresentedFrame {
  readonly mediaMs: number;
  readonly atMs: number;
  readonly isWhite: boolean;
}

/** State that `tapPlayer` leaves in the page. */
interface CaptureGlobal {
  capture?: { beeps: number[]; pictures: PresentedFrame[] };
}

/**
 * Taps the page's player: its audio output, and its presented pictures. The player's audio is muted
 * from then on unless the context may play; the page needs a secure origin, and a policy that allows `blob:` scripts.
 */
export async function startPlaybackCapture(page: Page): Promise<void> {
  await page.waitForSelector("video", { state: "attached" });
  await page.evaluate(captureInPage);
}

/** Playback since the tap. */
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
