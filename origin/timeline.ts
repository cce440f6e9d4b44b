/** The timeline that a source's pictures and sound are placed on and leave from: frames and samples, both from 0. */
import { PictureSync } from "../protocol/ingest/picture-sync.ts";
import { SoundSync } from "../protocol/ingest/sound-sync.ts";
import type { Rational } from "../protocol/rational.ts";
import { type Canvas, pictureBytesOf, SOUND } from "./decode-args.ts";
import { type Picture, unpooled } from "./picture-pool.ts";

/** See the file's first line. A broadcast without picture, or without sound, has null in its place. */
export class Timeline {
  readonly pictures: PictureSync<Picture> | null;
  readonly sound: SoundSync | null;
  /** Frames a second; 0 without pictures. */
  readonly fps: number;
  /** Bytes of a picture. */
  readonly pictureBytes: number;

  constructor(frameRate: Rational | null, canvas: Canvas | null, hasSound: boolean) {
    const isPictured = frameRate !== null && canvas !== null;
    this.fps = isPictured ? frameRate.num / frameRate.den : 0;
    this.pictureBytes = pictureBytesOf(canvas);
    this.pictures = isPictured
      ? new PictureSync(frameRate, blankPicture(canvas), (picture) => picture.release())
      : null;
    this.sound = hasSound ? new SoundSync(SOUND.sampleRate, SOUND.channels) : null;
  }

  /** Position of the next picture that leaves, seconds; infinite without pictures. */
  get pictureS(): number {
    return this.pictures === null ? Number.POSITIVE_INFINITY : this.pictures.next / this.fps;
  }

  /** Position of the next sample that leaves, seconds; infinite without sound. */
  get soundS(): number {
    return this.sound === null ? Number.POSITIVE_INFINITY : this.sound.next / SOUND.sampleRate;
  }

  /** Position of frame `n`, seconds; without pictures, frames are samples. */
  secondsOf(frame: number): number {
    return frame / (this.fps || SOUND.sampleRate);
  }

  /** The sample at which frame `n` begins. */
  sampleOf(frame: number): number {
    return this.fps === 0 ? frame : Math.round((frame / this.fps) * SOUND.sampleRate);
  }

  /** The frame nearest to a position; without pictures, the sample. */
  frameAt(positionS: number): number {
    return Math.round(positionS * (this.fps || SOUND.sampleRate));
  }

  /** The frame after all that came and all that has left. */
  get endFrame(): number {
    const frames = this.pictures === null ? 0 : Math.max(this.pictures.endFrame, this.pictures.next);
    const samples = this.sound === null ? 0 : Math.max(this.sound.end, this.sound.next);
    return Math.max(frames, this.frameAt(samples / SOUND.sampleRate));
  }
}

/** Black, in 4:2:0 of limited range. */
function blankPicture(canvas: Canvas): Picture {
  const bytes = new Uint8Array(pictureBytesOf(canvas)).fill(128);
  bytes.fill(16, 0, canvas.width * canvas.height);
  return unpooled(bytes);
}
