/** One track of the packager: what comes in, and where it is written. */
import type { TrackName } from "../../kit/ids.ts";
import { FrameQueue } from "./frame-queue.ts";
import { Muxer } from "./muxer.ts";
import { PartWriter } from "./part-writer.ts";
import { TrackWriter } from "./track-writer.ts";

/** A track that leaves the packager. */
export class TrackPackager extends FrameQueue {
  readonly writer: TrackWriter;
  /** Puts sound into the track's parts; null where it carries none. */
  readonly muxer: Muxer | null;
  /** Init section in force; version 0 before the first. */
  init: { readonly version: number; readonly bytes: Uint8Array } = { version: 0, bytes: new Uint8Array(0) };
  /** Version that the open segment's media needs: the run's, once its first segment is open. */
  initVersion = 0;
  /** Whether this run's first frame was placed. */
  hasStarted = false;
  /** `ctsOffset` of the run's first keyframe, ticks: what tells a keyframe's time of presentation from its decode time. */
  keyframeCtsOffset = 0;
  /** Duration of the last frame, ticks. */
  frameTicks = 0;
  /** No frame will come before this output time, ticks. */
  silentUntilTicks = 0;

  /** `sound` is what the track's parts carry beside its own frames, or null. */
  constructor(
    name: TrackName,
    kind: "video" | "audio",
    timescale: number,
    partTargetMs: number,
    sound: FrameQueue | null,
  ) {
    super(name, kind, timescale);
    const parts = new PartWriter(name, kind);
    const muxer = sound === null ? null : new Muxer(parts, sound, timescale, partTargetMs);
    this.muxer = muxer;
    this.writer = new TrackWriter(kind, timescale, partTargetMs, (cut, out) => {
      if (muxer === null) out.push(parts.write(cut, null));
      else muxer.addPart(cut, out);
    });
  }

  override reset(): void {
    super.reset();
    this.hasStarted = false;
    this.frameTicks = 0;
    this.silentUntilTicks = 0;
    this.muxer?.awaitAudio();
  }
}
