/** One broadcast of a sender whose pictures are encoded anew: its connections one after another, through FFmpeg. */
import type { BroadcastConfig } from "../../core/broadcast/broadcast-log.ts";
import type { SoundLevel } from "../../core/ingest/health/sound-meter.ts";
import type { PublishCounters } from "../../core/ingest/publisher/publish-counters.ts";
import { slateFrameRate, slateOfRendition } from "../../core/ingest/slate/slate-format.ts";
import type { EncodedSlate } from "../../core/ingest/slate/slate-schedule.ts";
import { createBroadcastId } from "../../core/kit/broadcast-id.ts";
import { type Platform, sleep } from "../../core/kit/clock.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";
import type { EncoderConnection } from "../ingest/encoder-connection.ts";
import type { SourceInput } from "../ingest/input.ts";
import { measureSound } from "../ingest/measured-sound.ts";
import { openConnection, type SourceHandle } from "../ingest/source-opener.ts";
import { errorMessage, SourceError, UsageError } from "../kit/errors.ts";
import { describeRendition, partTargetsOf, targetDurationOf } from "../packager/encode-plan.ts";
import type { EncodeJob } from "../packager/encoder.ts";
import { SourceSupervisor } from "../packager/source-supervisor.ts";
import { announcedTracks } from "../packager/tracks.ts";
import type { TranscodePlan, Transcoder } from "../packager/transcoder.ts";
import type { BroadcastPublisher, PublisherOptions } from "../publisher/broadcast-publisher.ts";
import { INGEST_NODE_LIMITS } from "./ingest-limits.ts";
import { createIngestPublisher, type IngestTarget } from "./ingest-publisher.ts";
import type { SlateLibrary } from "./slate-encoder.ts";

/** What a broadcast needs. */
export interface TranscodedBroadcastOptions {
  readonly stream: StreamName;
  readonly target: IngestTarget;
  /** DVR window, seconds. */
  readonly windowS: number;
  readonly transcoder: Transcoder;
  /** Stand for a sender that is away; null: gaps do. */
  readonly slates: SlateLibrary | null;
  /** Gives the transcoder's place back. */
  readonly release: () => void;
  /** Resolves when the stream's broadcast before this one has ended. */
  readonly previous: Promise<void>;
  readonly log: PublisherOptions["log"];
  readonly platform: Platform;
  readonly epochNowMs: () => number;
  /** See `PublisherOptions`. */
  readonly onKeyRefused: (reason: string) => string | null;
  /** It cannot continue; a `PublishError` is the edge's refusal. */
  readonly onFatal: (error: Error) => void;
  /** The edge has accepted the first part. */
  readonly onFirstPart: () => void;
  /** A second of sound was decoded. */
  readonly onSound: (level: SoundLevel) => void;
}

/** FFmpeg's input arguments for a sender's feed. */
const FEED_INPUT: SourceInput = { kind: "live", url: "pipe:0", listen: false, format: "mp4" };

/** See the file's first line. */
export class TranscodedBroadcast {
  readonly #options: TranscodedBroadcastOptions;
  readonly #stop = new AbortController();
  #supervisor: SourceSupervisor | null = null;
  #publisher: BroadcastPublisher | null = null;
  #opening: Promise<void> = Promise.resolve();
  /** Resolves when no FFmpeg runs any more. */
  #running: Promise<void> | null = null;
  #offered: EncoderConnection | null = null;
  #wake: () => void = () => {};
  #names: readonly string[] = [];
  #hasAudio: boolean | null = null;
  /** Null until they are ready. */
  #slates: ReadonlyMap<TrackName, EncodedSlate> | null = null;
  #id: BroadcastId | null = null;
  #key: string;

  constructor(options: TranscodedBroadcastOptions) {
    this.#options = options;
    this.#key = options.target.key;
  }

  /** Null before the first frame. */
  get id(): BroadcastId | null {
    return this.#id;
  }

  /** Publishes with another key of the stream. */
  useKey(key: string): void {
    this.#key = key;
    this.#publisher?.useKey(key);
  }

  /** Names of its tracks; empty before the first frame. */
  get trackNames(): readonly string[] {
    return this.#names;
  }

  /** Whether it has audio; null before its renditions are known. */
  get hasAudio(): boolean | null {
    return this.#hasAudio;
  }

  /** A sender's media, which is decoded until it ends. The first one decides the renditions. */
  offer(connection: EncoderConnection): void {
    if (this.#stop.signal.aborted) {
      connection.close();
      return;
    }
    this.#offered?.close();
    this.#offered = connection;
    this.#wake();
    this.#running ??= this.#run(connection).finally(() => {
      this.#offered?.close();
      this.#offered = null;
      this.#options.release();
    });
  }

  /** See `MediaPublisher`; null before the first frame. */
  recentDelayMs(): number | null {
    return this.#publisher?.recentDelayMs() ?? null;
  }

  /** Null before the first frame. */
  counters(): PublishCounters | null {
    return this.#publisher?.counters() ?? null;
  }

  /** Ends FFmpeg and every segment, and waits until the edge has all of it. Throws `PublishError`. */
  async end(): Promise<void> {
    await this.#stopEncoding();
    await this.#opening;
    await this.#publisher?.end();
  }

  /** Stops sending at once, and ends FFmpeg. */
  async close(): Promise<void> {
    await this.#publisher?.close();
    await this.#stopEncoding();
  }

  async #stopEncoding(): Promise<void> {
    this.#stop.abort();
    this.#supervisor?.stop();
    this.#wake();
    if (this.#running === null) this.#options.release();
    await this.#running;
    await this.#options.previous;
  }

  async #run(first: EncoderConnection): Promise<void> {
    const { transcoder, onFatal } = this.#options;
    try {
      const plan = await transcoder.plan(first.info);
      if (this.#stop.signal.aborted) return;
      const supervisor = this.#supervise(plan, first);
      this.#supervisor = supervisor;
      const end = await supervisor.run();
      if (end.kind === "failed") onFatal(new SourceError(end.message));
    } catch (error) {
      const isKnown = error instanceof SourceError || error instanceof UsageError;
      onFatal(isKnown ? error : new SourceError(`Internal error: ${errorMessage(error)}`, { cause: error }));
    }
  }

  #supervise({ job, canToneMap }: TranscodePlan, { info }: EncoderConnection): SourceSupervisor {
    const { stream, log, platform, epochNowMs, transcoder } = this.#options;
    const partTargets = partTargetsOf(job.renditions, transcoder.options.preset.partMs);
    const targetDurationS = targetDurationOf(job);
    const { canvas } = job;
    const hasAudio = job.renditions.some(({ kind }) => kind === "audio");
    this.#hasAudio = hasAudio;
    const shared = { input: FEED_INPUT, source: info, canvas, hasAudio, canToneMap, log, epochNowMs };
    log.info(`${stream}: encoded anew as ${job.renditions.map(describeRendition).join(", ")}.`);
    return new SourceSupervisor({
      name: `${stream}: the transcoding`,
      ...{
        kind: "live",
        loop: false,
        muxed: false,
        endsQuietly: true,
        job,
        partTargets,
        targetDurationS,
        log,
        platform,
        epochNowMs,
      },
      slates: () => this.#slates,
      open: async (signal): Promise<SourceHandle> =>
        measureSound(
          openConnection({ ...shared, clock: platform.clock }, await this.#nextConnection(signal)),
          this.#options.onSound,
        ),
      onStart: ({ startedAtMs, inits, chunkSource }) => {
        const tracks = announcedTracks(job, inits, partTargets, false);
        const { windowS } = this.#options;
        void this.#prepareSlates(job);
        this.#openPublisher({ broadcast: createBroadcastId(platform), startedAtMs, targetDurationS, windowS, tracks });
        this.#publisher?.useChunkSource(chunkSource);
      },
      onOutput: (output) => this.#publisher?.push(output),
    });
  }

  /** The slates of all renditions, once the first part is out. */
  async #prepareSlates({ renditions, schedule }: EncodeJob): Promise<void> {
    const { slates, platform } = this.#options;
    if (slates === null) return;
    await sleep(platform.clock, INGEST_NODE_LIMITS.slateDelayMs, this.#stop.signal).catch(() => {});
    const ready = new Map<TrackName, EncodedSlate>();
    for (const rendition of renditions) {
      if (this.#stop.signal.aborted) return;
      const slate = await slates.prepare(slateOfRendition(rendition, slateFrameRate(schedule?.frameRate ?? null)));
      if (slate === null) return;
      ready.set(rendition.name, slate);
    }
    this.#slates = ready;
  }

  #openPublisher(config: BroadcastConfig): void {
    const target = { ...this.#options.target, key: this.#key };
    this.#id = config.broadcast;
    const publisher = createIngestPublisher({ ...this.#options, target, config });
    this.#publisher = publisher;
    this.#names = config.tracks.map(({ name }) => name);
    this.#opening = this.#options.previous.then(() => publisher.open());
    // `onFatal` tells what the opening throws.
    this.#opening.catch(() => {});
  }

  /** Waits for a sender's media. Throws `SourceError` when the broadcast ends meanwhile. */
  async #nextConnection(signal: AbortSignal): Promise<EncoderConnection> {
    while (this.#offered === null && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const connection = this.#offered;
    this.#offered = null;
    if (connection === null) throw new SourceError("the broadcast ends");
    return connection;
  }
}
