/** A broadcast that a browser encodes: packaged, and published until the edge has stored it. */
import type { BroadcastConfig } from "../../broadcast/broadcast-log.ts";
import type { BroadcastId, TrackName } from "../../kit/ids.ts";
import { Packager } from "../../media/cmaf/packager.ts";
import { announceTracks } from "../passthrough/announce-tracks.ts";
import type { PassthroughTrack } from "../passthrough/timeline-plan.ts";
import { MediaPublisher } from "../publisher/media-publisher.ts";
import { PackagedBroadcast } from "../publisher/packaged-broadcast.ts";
import type { MediaPublisherOptions } from "../publisher/publisher-options.ts";

/** How a browser's media is packaged and published. */
export const CAPTURE_LIMITS = {
  /** As the preset `balanced` of other publishers. */
  partMs: 333,
  segmentMs: 2_000,
  /** Keyframes are scheduled at this distance, which is the segments' duration. */
  keyframeMs: 2_000,
  /** A keyframe that an encoder delays still fits. */
  targetDurationS: 4,
  maxKeyframeMs: 2_100,
  /** DVR window, seconds. */
  windowS: 300,
  /** Bytes that wait for the edge: 20 s of the largest ladder, within a phone's memory. Beyond it the oldest parts are gaps. */
  queueBytes: 16_777_216,
  /** Another publisher's lease is not waited for. */
  takeoverMs: 0,
  /** An edge that does not answer the opening. */
  unreachableMs: 10_000,
  /** How long the end waits for what is queued. */
  endMs: 8_000,
} as const;

/** What a broadcast needs. */
export interface CaptureBroadcastOptions
  extends Pick<
    MediaPublisherOptions,
    "edge" | "key" | "stream" | "publisher" | "platform" | "log" | "onFatal" | "transport"
  > {
  readonly broadcast: BroadcastId;
  /** Video by descending size, then audio. */
  readonly tracks: readonly PassthroughTrack[];
  /** Program time of the first frame, milliseconds since the epoch. */
  readonly startedAtMs: number;
}

/**
 * Media times are ticks since `programOffsetMs` of the open timeline. The smallest rendition leads, so that larger ones can be
 * left out.
 */
export class CaptureBroadcast extends PackagedBroadcast {
  readonly #publisher: MediaPublisher;
  #tracks: readonly PassthroughTrack[];

  constructor(options: CaptureBroadcastOptions) {
    const { tracks, startedAtMs, broadcast } = options;
    const { partMs, segmentMs, targetDurationS, maxKeyframeMs, windowS } = CAPTURE_LIMITS;
    const announced = announceTracks(tracks, partMs);
    const packaged = announced.map(({ name, kind, timescale, partTargetMs }) => ({
      name,
      kind,
      timescale,
      partTargetMs,
    }));
    const video = packaged.filter(({ kind }) => kind === "video").reverse();
    const packager = new Packager({
      tracks: [...video, ...packaged.filter(({ kind }) => kind === "audio")],
      ...{ segmentTargetMs: segmentMs, targetDurationS, startedAtMs, maxKeyframeMs },
    });
    const config: BroadcastConfig = { broadcast, startedAtMs, targetDurationS, windowS, tracks: announced };
    const { queueBytes, takeoverMs, unreachableMs, endMs } = CAPTURE_LIMITS;
    const limits = { queueBytes, takeoverMs, unreachableMs, endMs };
    const publisher = new MediaPublisher({ ...options, config, limits });
    super(packager, publisher);
    this.#publisher = publisher;
    this.#tracks = tracks;
  }

  /** Resolves with the first part at the edge; rejects if there will be none. */
  get firstPart(): Promise<unknown> {
    return this.#publisher.firstPart;
  }

  get queueMs(): number {
    return this.#publisher.queueAgeMs();
  }

  /** A timeline begins. `programOffsetMs`: program time of media time 0. Throws `CmafError`. */
  beginTimeline(programOffsetMs: number): void {
    const inits = new Map(this.#tracks.map(({ name, init }) => [name, init]));
    this.openTimeline({ inits, programOffsetMs });
  }

  /** An encoder has another configuration: `track`, of a known name, is that of the next timeline. */
  replaceTrack(track: PassthroughTrack): void {
    this.#tracks = this.#tracks.map((each) => (each.name === track.name ? track : each));
  }

  /** The media of `track` that waits for the edge is sent as gaps. */
  dropWaiting(track: TrackName): void {
    this.#publisher.dropWaiting(track);
  }
}
