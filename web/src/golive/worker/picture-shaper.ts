/** Gives every picture the shape of the broadcast: another one is shown whole, with bars beside it. */

/** Shapes that differ by less are one: sizes are rounded to even numbers. */
const SHAPE_TOLERANCE = 0.02;

/** The shape of one broadcast. */
export class PictureShaper {
  readonly #width: number;
  readonly #height: number;
  #canvas: OffscreenCanvas | null = null;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
  }

  /** The picture at a time, in microseconds. The caller closes it; `frame` stays the caller's. */
  shape(frame: VideoFrame, timestamp: number): VideoFrame {
    const { rotation = 0 } = frame as { rotation?: number };
    const ratio = frame.displayWidth / frame.displayHeight / (this.#width / this.#height);
    if (rotation === 0 && Math.abs(ratio - 1) < SHAPE_TOLERANCE) return new VideoFrame(frame, { timestamp });
    this.#canvas ??= new OffscreenCanvas(this.#width, this.#height);
    const context = this.#canvas.getContext("2d", { alpha: false, desynchronized: true });
    if (context === null) return new VideoFrame(frame, { timestamp });
    const scale = Math.min(this.#width / frame.displayWidth, this.#height / frame.displayHeight);
    const [width, height] = [frame.displayWidth * scale, frame.displayHeight * scale];
    context.fillRect(0, 0, this.#width, this.#height);
    context.drawImage(frame, (this.#width - width) / 2, (this.#height - height) / 2, width, height);
    return new VideoFrame(this.#canvas, { timestamp });
  }
}
