/** The output timeline of a source's video and audio: frames and samples, both from 0. */

import { AudioSync } from "../../core/ingest/source/audio-sync.ts";
import { VideoSync } from "../../core/ingest/source/video-sync.ts";
import type { Rational } from "../../core/kit/rational.ts";
import { type RawFrame, unpooledFrame } from "./frame-pool.ts";
import { type Canvas, RAW_AUDIO, rawFrameBytes } from "./raw-media.ts";

/** See the file's first line. Null for missing video or audio. */
export class SyncTimeline {
  readonly video: VideoSync<RawFrame> | null;
  readonly audio: AudioSync | null;
  /** Frames per second; 0 without video. */
  readonly fps: number;
  /** Bytes of a picture. */
  readonly frameBytes: number;

  constructor(frameRate: Rational | null, canvas: Canvas | null, hasSound: boolean) {
    const isPictured = frameRate !== null && canvas !== null;
    this.fps = isPictured ? frameRate.num / frameRate.den : 0;
    this.frameBytes = rawFrameBytes(canvas);
    this.video = isPictured ? new VideoSync(frameRate, blackFrame(canvas), (picture) => picture.release()) : null;
    this.audio = hasSound ? new AudioSync(RAW_AUDIO.sampleRate, RAW_AUDIO.channels) : null;
  }

  /** Position of the next output picture, seconds; infinite without video. */
  get videoPositionS(): number {
    return this.video === null ? Number.POSITIVE_INFINITY : this.video.nextFrame / this.fps;
  }

  /** Position of the next output sample, seconds; infinite without audio. */
  get audioPositionS(): number {
    return this.audio === null ? Number.POSITIVE_INFINITY : this.audio.nextSample / RAW_AUDIO.sampleRate;
  }

  /** Position of frame `n`, seconds; without video, frames are samples. */
  secondsOf(frame: number): number {
    return frame / (this.fps || RAW_AUDIO.sampleRate);
  }

  /** The sample at which frame `n` begins. */
  sampleOf(frame: number): number {
    return this.fps === 0 ? frame : Math.round((frame / this.fps) * RAW_AUDIO.sampleRate);
  }

  /** The frame nearest to a position; without video, the sample. */
  frameAt(positionS: number): number {
    return Math.round(positionS * (this.fps || RAW_AUDIO.sampleRate));
  }

  /** The frame after all received and all output ones. */
  get endFrame(): number {
    const frames = this.video === null ? 0 : Math.max(this.video.endFrame, this.video.nextFrame);
    const samples = this.audio === null ? 0 : Math.max(this.audio.endSample, this.audio.nextSample);
    return Math.max(frames, this.frameAt(samples / RAW_AUDIO.sampleRate));
  }
}

/** Black, in limited-range 4:2:0. */
function blackFrame(canvas: Canvas): RawFrame {
  const bytes = new Uint8Array(rawFrameBytes(canvas)).fill(128);
  bytes.fill(16, 0, canvas.width * canvas.height);
  return unpooledFrame(bytes);
}
