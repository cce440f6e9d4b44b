/** One broadcast of a sender: its timelines packaged, and published until the edge has stored them. */
import type { BroadcastConfig } from "../../core/broadcast/broadcast-log.ts";
import { announceTracks } from "../../core/ingest/passthrough/announce-tracks.ts";
import type { PassthroughTrack } from "../../core/ingest/passthrough/timeline-plan.ts";
import { PackagedBroadcast } from "../../core/ingest/publisher/packaged-broadcast.ts";
import type { EncodedSlate } from "../../core/ingest/slate/slate-schedule.ts";
import { createBroadcastId } from "../../core/kit/broadcast-id.ts";
import type { Platform } from "../../core/kit/clock.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";
import type { InitInfo } from "../../core/media/cmaf/frame.ts";
import { Packager } from "../../core/media/cmaf/packager.ts";
import type { PublishError } from "../kit/errors.ts";
import type { AudioRendition, Rendition, VideoRendition } from "../packager/ladder.ts";
import type { BroadcastPublisher, PublisherOptions } from "../publisher/broadcast-publisher.ts";
import { INGEST_NODE_LIMITS } from "./ingest-limits.ts";
import { createIngestPublisher, type IngestTarget } from "./ingest-publisher.ts";
import { aacInit, describeAac } from "./renditions/aac-plan.ts";
import { describeLowerTrack, emptyInit } from "./renditions/rendition-plan.ts";

/** How broadcasts are packaged. */
export interface IngestPackaging {
  /** Requested durations, milliseconds. */
  readonly partMs: number;
  readonly segmentMs: number;
  /** DVR window, seconds. */
  readonly windowS: number;
}

/** What a broadcast needs. */
export interface PublishedBroadcastOptions {
  readonly stream: StreamName;
  readonly target: IngestTarget;
  readonly packaging: IngestPackaging;
  readonly tracks: readonly PassthroughTrack[];
  /** Renditions that are encoded beside the sender's picture: gap parts stand for frames that do not come. */
  readonly lower?: readonly VideoRendition[];
  /** AAC that is encoded beside the sender's sound; absent: null. */
  readonly aac?: AudioRendition | null;
  /** Program time of the first frame, milliseconds since the epoch. */
  readonly startsAtMs: number;
  /** Resolves when the stream's broadcast before this one has ended. */
  readonly previous: Promise<void>;
  readonly log: PublisherOptions["log"];
  readonly platform: Platform;
  /** The edge refuses permanently. */
  readonly onFatal: (error: PublishError) => void;
  /** See `PublisherOptions`. */
  readonly onKeyRefused: (reason: string) => string | null;
  /** The edge has accepted the first part. */
  readonly onFirstPart: () => void;
}

const WITHIN_MS = 1;

/** See the file's first line. */
export class PublishedBroadcast extends PackagedBroadcast {
  readonly id: BroadcastId;
  readonly tracks: readonly PassthroughTrack[];
  readonly lower: readonly VideoRendition[];
  readonly #aac: AudioRendition | null;
  readonly #publisher: BroadcastPublisher;
  /** Renditions whose init section of the open timeline has not come. */
  readonly #awaited = new Set<VideoRendition>();

  constructor(options: PublishedBroadcastOptions) {
    const { tracks, lower = [], aac = null, packaging, platform } = options;
    const startedAtMs = Math.floor(options.startsAtMs);
    const targetDurationS = targetDurationOf(packaging);
    const [top, ...others] = announceTracks(tracks, packaging.partMs);
    const partTargetMs = top?.partTargetMs ?? packaging.partMs;
    const encoded = lower.map((each) => describeLowerTrack(each, partTargetMs, packaging.segmentMs));
    const sound = aac === null ? [] : [describeAac(aac, partTargetMs, packaging.segmentMs)];
    const described = [...(top === undefined ? [] : [top]), ...encoded, ...others, ...sound];
    const packager = new Packager({
      tracks: described.map((each) => {
        const { name, kind, timescale, partTargetMs } = each;
        return { name, kind, timescale, partTargetMs, isOptional: encoded.includes(each) };
      }),
      segmentTargetMs: packaging.segmentMs,
      targetDurationS,
      startedAtMs,
      ...(tracks[0]?.kind === "video" ? { maxKeyframeMs: INGEST_NODE_LIMITS.maxKeyframeMs } : {}),
    });
    const broadcast = createBroadcastId(platform);
    const config: BroadcastConfig = {
      ...{ broadcast, startedAtMs, targetDurationS, windowS: packaging.windowS, tracks: described },
    };
    const publisher = createIngestPublisher({ ...options, config });
    super(packager, publisher, options.previous);
    this.#publisher = publisher;
    this.id = broadcast;
    this.tracks = tracks;
    this.lower = lower;
    this.#aac = aac;
  }

  /** Everything that is encoded beside the sender's own tracks. */
  get encoded(): readonly Rendition[] {
    return this.#aac === null ? this.lower : [...this.lower, this.#aac];
  }

  /** Whether `tracks` can follow in this broadcast, whose tracks are fixed. */
  continues(tracks: readonly PassthroughTrack[]): boolean {
    return (
      tracks.length === this.tracks.length &&
      tracks.every(({ name, kind, timescale, description }, i) => {
        const own = this.tracks[i];
        return (
          own?.name === name &&
          own.kind === kind &&
          own.timescale === timescale &&
          own.description.codec === description.codec
        );
      })
    );
  }

  /** Publishes with another key of the stream. */
  useKey(key: string): void {
    this.#publisher.useKey(key);
  }

  /** Throws `CmafError`, as the other methods that add media. */
  beginTimeline(tracks: readonly PassthroughTrack[], programOffsetMs: number): void {
    const inits = new Map(tracks.map(({ name, init }) => [name, init]));
    if (this.#aac !== null) inits.set(this.#aac.name, aacInit(this.#aac));
    this.openTimeline({ inits, programOffsetMs });
    for (const rendition of this.lower) this.#awaited.add(rendition);
  }

  /** The init section of a rendition that is encoded here, before its first frame of a timeline. */
  override provideInit(track: TrackName, init: { readonly info: InitInfo; readonly bytes: Uint8Array }): void {
    for (const rendition of this.#awaited) if (rendition.name === track) this.#awaited.delete(rendition);
    super.provideInit(track, init);
  }

  /** Gap parts of a rendition need an init section too. */
  #provideAwaited(wanted: TrackName | null): void {
    for (const { name, timescale } of this.#awaited)
      if (wanted === null || wanted === name) this.provideInit(name, emptyInit(timescale));
  }

  /**
   * Between timelines: one begins where the media so far ends, with the init sections of `slates`. Returns the program time
   * of its media time 0, milliseconds since the epoch; null before the broadcast's first frame.
   */
  beginSlate(slates: ReadonlyMap<TrackName, EncodedSlate>): number | null {
    const sinceMs = this.writtenUntilMs;
    if (sinceMs === null) return null;
    const inits = new Map([...slates].map(([name, { init }]) => [name, init]));
    // A timeline that begins within the written media is placed after it, to the tick.
    this.openTimeline({ inits, programOffsetMs: sinceMs - WITHIN_MS });
    return sinceMs;
  }

  override markSilent(track: TrackName, untilTicks: number): void {
    if (!this.isOpen) return;
    this.#provideAwaited(track);
    super.markSilent(track, untilTicks);
  }

  override endTimeline(): void {
    if (!this.isOpen) return;
    this.#provideAwaited(null);
    super.endTimeline();
  }
}

/** The target duration, whole seconds: any keyframes up to the limit fit, and segments of the requested duration. */
function targetDurationOf({ segmentMs }: IngestPackaging): number {
  return Math.max(INGEST_NODE_LIMITS.targetDurationS, Math.ceil(segmentMs / 1000));
}
