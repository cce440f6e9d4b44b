/** A broadcast that a browser encodes: packaged, and published until the edge has stored it. */
import type { BroadcastConfig } from "../../broadcast/broadcast-log.ts";
import type { BroadcastId, TrackName } from "../../kit/ids.ts";
import type { CodedFrame } from "../../media/cmaf/frame.ts";
import { Packager, type PackagerOutput } from "../../media/cmaf/packager.ts";
import { announceTracks } from "../passthrough/announce-tracks.ts";
import type { PassthroughTrack } from "../passthrough/timeline-plan.ts";
import { MediaPublisher, type PublishCounters } from "../publisher/media-publisher.ts";
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
export class CaptureBroadcast {
  readonly #packager: Packager;
  readonly #publisher: MediaPublisher;
  #tracks: readonly PassthroughTrack[];
  readonly #opening: Promise<void>;
  #isOpen = false;

  constructor(options: CaptureBroadcastOptions) {
    const { tracks, startedAtMs, broadcast } = options;
    const { partMs, segmentMs, targetDurationS, maxKeyframeMs, windowS } = CAPTURE_LIMITS;
    this.#tracks = tracks;
    const announced = announceTracks(tracks, partMs);
    const packaged = announced.map(({ name, kind, timescale, partTargetMs }) => ({
      name,
      kind,
      timescale,
      partTargetMs,
    }));
    const video = packaged.filter(({ kind }) => kind === "video").reverse();
    this.#packager = new Packager({
      tracks: [...video, ...packaged.filter(({ kind }) => kind === "audio")],
      ...{ segmentTargetMs: segmentMs, targetDurationS, startedAtMs, maxKeyframeMs },
    });
    const config: BroadcastConfig = { broadcast, startedAtMs, targetDurationS, windowS, tracks: announced };
    const { queueBytes, takeoverMs, unreachableMs, endMs } = CAPTURE_LIMITS;
    const limits = { queueBytes, takeoverMs, unreachableMs, endMs };
    this.#publisher = new MediaPublisher({ ...options, config, limits });
    this.#opening = this.#publisher.open();
    // `onFatal` tells what the opening throws.
    this.#opening.catch(() => {});
  }

  /** Resolves with the first part at the edge; rejects if there will be none. */
  get firstPart(): Promise<unknown> {
    return this.#publisher.firstPart;
  }

  get queueMs(): number {
    return this.#publisher.queueAgeMs();
  }

  counters(): PublishCounters {
    return this.#publisher.counters();
  }

  /** A timeline begins. `programOffsetMs`: program time of media time 0. Throws `CmafError`, as the other methods that add media. */
  beginTimeline(programOffsetMs: number): void {
    const inits = new Map(this.#tracks.map(({ name, init }) => [name, init]));
    this.#publish(this.#packager.beginTimeline({ inits, programOffsetMs }));
    this.#isOpen = true;
  }

  /** An encoder has another configuration: `track`, of a known name, is that of the next timeline. */
  replaceTrack(track: PassthroughTrack): void {
    this.#tracks = this.#tracks.map((each) => (each.name === track.name ? track : each));
  }

  push(track: TrackName, frame: CodedFrame): void {
    if (this.#isOpen) this.#publish(this.#packager.push(track, frame));
  }

  /** No frame of `track` comes before `untilTicks`: gap parts stand for it. */
  markSilent(track: TrackName, untilTicks: number): void {
    if (this.#isOpen) this.#publish(this.#packager.markSilent(track, untilTicks));
  }

  /** The media of `track` that waits for the edge is sent as gaps. */
  dropWaiting(track: TrackName): void {
    this.#publisher.dropWaiting(track);
  }

  endTimeline(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#publish(this.#packager.endTimeline());
  }

  /** Between timelines: gap parts up to a program time. */
  fillGapUntil(programTimeMs: number): void {
    if (!this.#isOpen) this.#publish(this.#packager.fillGapUntil(programTimeMs));
  }

  /** Closes every segment, and waits until the edge has all of it. Throws `PublishError`. */
  async end(): Promise<void> {
    this.#isOpen = false;
    this.#publish(this.#packager.end());
    await this.#opening;
    await this.#publisher.end();
  }

  /** Stops sending at once. */
  async close(): Promise<void> {
    await this.#publisher.close();
  }

  #publish(outputs: readonly PackagerOutput[]): void {
    for (const output of outputs) this.#publisher.push(output);
  }
}
