/** The renditions that are encoded beside a session's broadcast, from their plan to their end. */
import type { PassthroughOutput } from "../../../core/ingest/passthrough/passthrough-timeline.ts";
import type { PassthroughTrack } from "../../../core/ingest/passthrough/timeline-plan.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import type { StreamName } from "../../../core/kit/ids.ts";
import { describeRendition } from "../../packager/encode-plan.ts";
import type { AudioRendition, VideoRendition } from "../../packager/ladder.ts";
import type { PublishedBroadcast } from "../published-broadcast.ts";
import type { SenderFeed } from "../sender-feed.ts";
import { planAac } from "./aac-plan.ts";
import { AacSound } from "./aac-sound.ts";
import type { LowerLadder } from "./lower-ladder.ts";
import { LowerRenditions } from "./lower-renditions.ts";

/** What a session's renditions need. */
export interface BroadcastRenditionsOptions {
  readonly stream: StreamName;
  /** Encodes renditions beside what is passed through; null: none. */
  readonly lower: LowerLadder | null;
  /** Whether AAC is made beside a sender's Opus. It takes no place: see `docs/design/ingest-node.md`. */
  readonly hasAac: boolean;
  readonly log: { info(text: string): void; warn(text: string): void };
  readonly platform: Platform;
  readonly epochNowMs: () => number;
}

/** How the renditions fare, for the health of the stream. */
export interface RenditionReport {
  /** See `LowerRenditions`. */
  readonly speed: number | null;
  /** Names of renditions that viewers do not get now. */
  readonly shed: readonly string[];
  /** Names of those whose encoder was given to another broadcast, until one is free. */
  readonly waiting: readonly string[];
}

/** What is encoded beside a broadcast's own tracks. */
export interface EncodedBeside {
  readonly lower: readonly VideoRendition[];
  readonly aac: AudioRendition | null;
}

/** See the file's first line. */
export class BroadcastRenditions {
  readonly #options: BroadcastRenditionsOptions;
  #lower: LowerRenditions | null = null;
  #aac: AacSound | null = null;
  /** Names for which no place was free. */
  #refused: readonly string[] = [];

  constructor(options: BroadcastRenditionsOptions) {
    this.#options = options;
  }

  /** Whether a sender's pictures are needed: of a new broadcast, or of one that has renditions. */
  needsFeed(isNew: boolean): boolean {
    return isNew ? this.#options.lower !== null : this.#lower !== null;
  }

  report(): RenditionReport {
    const [lower, sound] = [this.#lower, this.#aac?.missing ?? []];
    if (lower === null) return { speed: null, shed: [...this.#refused, ...sound], waiting: [] };
    const names = lower.renditions.map(({ name }) => name);
    const missing = lower.isWaiting ? [] : lower.missing;
    return { speed: lower.speed, shed: [...missing, ...sound], waiting: lower.isWaiting ? names : [] };
  }

  /** Plans the renditions of a new broadcast. */
  plan(tracks: readonly PassthroughTrack[]): EncodedBeside {
    this.close();
    const { hasAac, stream, log, platform } = this.#options;
    const aac = hasAac ? planAac(tracks) : null;
    if (aac !== null) {
      log.info(`${stream}: encoded beside it: ${describeRendition(aac)}.`);
      this.#aac = new AacSound({ rendition: aac, stream, log, platform });
    }
    return { lower: this.#planLower(tracks), aac };
  }

  #planLower(tracks: readonly PassthroughTrack[]): readonly VideoRendition[] {
    const { lower, stream, log, platform } = this.#options;
    const plan = lower?.plan(tracks, (isHeld) => this.#setPlace(isHeld)) ?? { kind: "none" };
    if (plan.kind === "full") {
      this.#refused = plan.names;
      log.warn(`${stream}: this machine is full: ${plan.names.join(", ")} are not encoded.`);
    }
    if (plan.kind !== "granted" || lower === null) return [];
    log.info(`${stream}: encoded beside it: ${plan.renditions.map(describeRendition).join(", ")}.`);
    const { preset } = lower.transcoder.options;
    this.#lower = new LowerRenditions({ ...plan, stream, log, platform, preset });
    return plan.renditions;
  }

  #setPlace(isHeld: boolean): void {
    if (isHeld) this.#lower?.resume();
    else this.#lower?.suspend();
  }

  /** A timeline of the sender has begun. */
  beginTimeline(broadcast: PublishedBroadcast, feed: SenderFeed | null): void {
    const sound = broadcast.tracks.find(({ kind }) => kind === "audio");
    if (sound !== undefined) this.#aac?.beginTimeline(broadcast, sound);
    if (this.#lower === null) feed?.end();
    else if (feed !== null) this.#lower.beginTimeline(broadcast, feed, this.#options.epochNowMs());
  }

  /** Publishes a frame or silence of the sender in `broadcast`, and tells the encoders. */
  publish(broadcast: PublishedBroadcast, output: Extract<PassthroughOutput, { kind: "frame" | "silence" }>): void {
    const track = broadcast.tracks.find(({ name }) => name === output.track);
    if (output.kind === "silence") {
      broadcast.markSilent(output.track, output.untilTicks);
      if (track?.kind === "audio") this.#aac?.observeSilence(output.untilTicks);
      return;
    }
    broadcast.push(output.track, output.frame);
    if (track === broadcast.tracks[0]) this.#lower?.observe(output.frame);
    if (track?.kind === "audio") this.#aac?.observe(output.frame);
  }

  /** Ends the broadcast's timeline, if one is open, with theirs. */
  endTimeline(broadcast: PublishedBroadcast | null): void {
    this.#lower?.endTimeline();
    this.#aac?.endTimeline();
    broadcast?.endTimeline();
  }

  /** The sender has gone. */
  leave(): void {
    this.#lower?.leave();
    this.#aac?.leave();
  }

  /** The broadcast ends. */
  close(): void {
    this.#lower?.close();
    this.#lower = null;
    this.#aac?.close();
    this.#aac = null;
    this.#refused = [];
  }
}
