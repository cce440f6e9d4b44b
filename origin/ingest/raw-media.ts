/** The form of media between decoder and encoder. */

/** The picture size from which all renditions are scaled. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
}

/** Bytes of a raw 8-bit 4:2:0 picture of `canvas`; 0 without one. */
export function rawFrameBytes(canvas: Canvas | null): number {
  return canvas === null ? 0 : (canvas.width * canvas.height * 3) / 2;
}

/** Audio format between decoder and encoder. */
export const RAW_AUDIO = { sampleRate: 48_000, channels: 2 } as const;
