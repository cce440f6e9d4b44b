/** The renditions that are encoded beside a session's broadcast, from their plan to their end. */
import type { PassthroughTrack } from "../../../core/ingest/passthrough/timeline-plan.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import type { StreamName } from "../../../core/kit/ids.ts";
import type { CodedFrame } from "../../../core/media/cmaf/frame.ts";
import { describeRendition } from "../../packager/encode-plan.ts";
import type { VideoRendition } from "../../packager/ladder.ts";
import type { PublishedBroadcast } from "../published-broadcast.ts";
import type { SenderFeed } from "../sender-feed.ts";
import type { LowerLadder } from "./lower-ladder.ts";
import { LowerRenditions } from "./lower-renditions.ts";

/** What a session's renditions need. */
export interface BroadcastRenditionsOptions {
  readonly stream: StreamName;
  /** Encodes renditions beside what is passed through; null: none. */
  readonly lower: LowerLadder | null;
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

/** See the file's first line. */
export class BroadcastRenditions {
  readonly #options: BroadcastRenditionsOptions;
  #lower: LowerRenditions | null = null;
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
    const lower = this.#lower;
    if (lower === null) return { speed: null, shed: this.#refused, waiting: [] };
    const names = lower.renditions.map(({ name }) => name);
    return { speed: lower.speed, shed: lower.isWaiting ? [] : lower.missing, waiting: lower.isWaiting ? names : [] };
  }

  /** Plans the renditions of a new broadcast. */
  plan(tracks: readonly PassthroughTrack[]): readonly VideoRendition[] {
    this.close();
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
    if (this.#lower === null) feed?.end();
    else if (feed !== null) this.#lower.beginTimeline(broadcast, feed, this.#options.epochNowMs());
  }

  /** The sender's picture has this frame. */
  observe(frame: CodedFrame): void {
    this.#lower?.observe(frame);
  }

  /** Ends the broadcast's timeline, if one is open, with theirs. */
  endTimeline(broadcast: PublishedBroadcast | null): void {
    this.#lower?.endTimeline();
    broadcast?.endTimeline();
  }

  /** The sender has gone. */
  leave(): void {
    this.#lower?.leave();
  }

  /** The broadcast ends. */
  close(): void {
    this.#lower?.close();
    this.#lower = null;
    this.#refused = [];
  }
}
