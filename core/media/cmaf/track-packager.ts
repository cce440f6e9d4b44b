/** One track of the packager: its input queue and its writer. */
import type { TrackName } from "../../kit/ids.ts";
import { FrameQueue } from "./frame-queue.ts";
import { Muxer } from "./muxer.ts";
import { type ChunkOutput, PartWriter } from "./part-writer.ts";
import { TrackWriter } from "./track-writer.ts";

/** An output track of the packager. */
export class TrackPackager extends FrameQueue {
  readonly writer: TrackWriter;
  /** Muxes audio into the track's parts; null if it carries none. */
  readonly muxer: Muxer | null;
  readonly #parts: PartWriter;
  /** Current init section; version 0 before the first. */
  init: { readonly version: number; readonly bytes: Uint8Array } = { version: 0, bytes: new Uint8Array(0) };
  /** Init version of the open segment's media: the timeline's, once its first segment is open. */
  initVersion = 0;
  /** Whether gap parts stand for frames that do not come in time: the track never ends a timeline. Not of the leader. */
  readonly isOptional: boolean;
  /** Whether an optional track has lost its place: it goes on at a keyframe that begins a segment. */
  isLost = false;
  /** Whether this timeline's first frame was placed. */
  hasStarted = false;
  /** `ctsOffset` of the timeline's first keyframe, ticks: the difference between a keyframe's presentation and decode time. */
  keyframeCtsOffset = 0;
  /** Duration of the last frame, ticks. */
  frameTicks = 0;
  /** No frame will come before this output time, ticks. */
  silentUntilTicks = 0;

  /** `audio` is muxed into the track's parts; null without audio. */
  constructor(
    name: TrackName,
    kind: "video" | "audio",
    timescale: number,
    partTargetMs: number,
    audio: FrameQueue | null,
    isOptional = false,
  ) {
    super(name, kind, timescale);
    this.isOptional = isOptional;
    const parts = new PartWriter(name, kind);
    this.#parts = parts;
    const muxer = audio === null ? null : new Muxer(parts, audio, timescale, partTargetMs);
    this.muxer = muxer;
    this.writer = new TrackWriter(kind, timescale, partTargetMs, (draft, out) => {
      if (muxer === null) out.push(parts.write(draft, null));
      else muxer.addPart(draft, out);
    });
  }

  /** Passes the frames of parts that begin from now on to `listener`; null: to nobody. A track that carries audio has none. */
  passChunksTo(listener: ((chunk: ChunkOutput) => void) | null): void {
    const isNobody = listener === null || this.muxer !== null;
    this.writer.frameListener = isNobody ? null : (draft) => listener(this.#parts.writeChunk(draft));
  }

  override reset(): void {
    super.reset();
    this.hasStarted = false;
    this.isLost = false;
    this.frameTicks = 0;
    this.silentUntilTicks = 0;
    this.muxer?.awaitAudio();
  }
}
