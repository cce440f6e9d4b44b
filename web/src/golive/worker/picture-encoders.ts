/** One H.264 encoder a rendition, all with the same pictures and keyframes. */
import type { CaptureRendition } from "../../../../core/ingest/capture/capture-ladder.ts";
import { videoEncoderConfig } from "../encoder-config.ts";

/** Pictures that an encoder may owe; a further one is skipped, so that delay cannot grow. */
const MAX_OWED = 4;
/** A keyframe is not skipped unless the encoder stands still. */
const MAX_OWED_KEYFRAMES = 12;

/** A coded picture. */
export interface CodedPicture {
  /** Microseconds, as the picture's own. */
  readonly timestampUs: number;
  readonly isKeyframe: boolean;
  readonly data: Uint8Array;
  /** The body of `avcC`, with the first picture and after a change; else null. */
  readonly record: Uint8Array | null;
}

/** What comes out of the encoders. */
export interface PictureSink {
  onPicture(rendition: CaptureRendition, picture: CodedPicture): void;
  onError(reason: string): void;
}

/** See the file's first line. */
export class PictureEncoders {
  readonly #encoders: readonly { readonly rendition: CaptureRendition; readonly encoder: VideoEncoder }[];
  #offered = 0;
  #skipped = 0;

  constructor(ladder: readonly CaptureRendition[], sink: PictureSink) {
    this.#encoders = ladder.map((rendition) => {
      const encoder = new VideoEncoder({
        output: (chunk, metadata) => sink.onPicture(rendition, codedPicture(chunk, metadata)),
        error: (error) => sink.onError(error.message),
      });
      encoder.configure(videoEncoderConfig(rendition));
      return { rendition, encoder };
    });
  }

  /** Encodes `frame` in every rendition but `except`. The frame stays the caller's. */
  encode(frame: VideoFrame, isKeyframe: boolean, except: CaptureRendition | null): void {
    for (const { rendition, encoder } of this.#encoders) {
      if (rendition === except || encoder.state !== "configured") continue;
      this.#offered += 1;
      if (encoder.encodeQueueSize >= (isKeyframe ? MAX_OWED_KEYFRAMES : MAX_OWED)) this.#skipped += 1;
      else encoder.encode(frame, { keyFrame: isKeyframe });
    }
  }

  /** The share of pictures that were skipped since the last call, 0 to 1. */
  takeSkippedShare(): number {
    const share = this.#offered === 0 ? 0 : this.#skipped / this.#offered;
    this.#offered = 0;
    this.#skipped = 0;
    return share;
  }

  /** Waits for what the encoders owe. */
  async flush(): Promise<void> {
    await Promise.all(this.#encoders.map(({ encoder }) => encoder.flush().catch(() => {})));
  }

  close(): void {
    for (const { encoder } of this.#encoders) if (encoder.state !== "closed") encoder.close();
  }
}

function codedPicture(chunk: EncodedVideoChunk, metadata: EncodedVideoChunkMetadata | undefined): CodedPicture {
  const data = new Uint8Array(chunk.byteLength);
  chunk.copyTo(data);
  const description = metadata?.decoderConfig?.description;
  return {
    timestampUs: chunk.timestamp,
    isKeyframe: chunk.type === "key",
    data,
    record: description === undefined ? null : bytesOf(description),
  };
}

/** A copy of a buffer's bytes. */
export function bytesOf(source: AllowSharedBufferSource): Uint8Array {
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice()
    : new Uint8Array(source).slice();
}
