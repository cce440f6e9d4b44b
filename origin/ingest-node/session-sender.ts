/** One connected sender of a session, on the air or standing by. */
import type { StreamKeyRole } from "../../core/access/stream-key.ts";
import type { IngestEvent, IngestMetadata, IngestTrackConfig } from "../../core/ingest/media-event.ts";
import type { PassthroughDecision } from "../../core/ingest/passthrough/gop-inspector.ts";
import { type PassthroughOutput, PassthroughTimeline } from "../../core/ingest/passthrough/passthrough-timeline.ts";
import type { PassthroughTrack } from "../../core/ingest/passthrough/timeline-plan.ts";
import { HeldGroup, type TimelineBegin } from "../../core/ingest/stand-by/held-group.ts";
import { Seam } from "../../core/ingest/stand-by/seam.ts";
import type { IngestTarget } from "./ingest-publisher.ts";
import type { PublishedBroadcast } from "./published-broadcast.ts";
import type { SenderConnection } from "./sender-connection.ts";
import { SenderFeed } from "./sender-feed.ts";
import type { IngestSessionOptions } from "./session-options.ts";

/** What feeds need of a session's options. */
type FeedOptions = Pick<IngestSessionOptions, "transcoder" | "platform" | "log" | "stream" | "epochNowMs">;

/** Where a sender begins. */
export interface SessionSenderStart {
  readonly connection: SenderConnection;
  readonly target: IngestTarget;
  /** The tracks of the broadcast that it continues, else empty. */
  readonly previous: readonly PassthroughTrack[];
  /** See `PassthroughOptions`; not of a sender that continues a broadcast. */
  readonly mustBeJudged: boolean;
  readonly notBeforeMs: () => number | null;
  /** Monotonic milliseconds. */
  readonly nowMs: number;
}

/** See the file's first line. */
export class SessionSender {
  readonly connection: SenderConnection;
  readonly target: IngestTarget;
  readonly sinceMs: number;
  /** Null if its media is encoded anew. */
  passthrough: PassthroughTimeline | null;
  /** Its media for FFmpeg; null if nothing is encoded anew here. */
  feed: SenderFeed | null = null;
  /** Its pictures for renditions beside it; null if none are encoded. */
  lowerFeed: SenderFeed | null = null;
  lastEventMs: number;
  /** Whether a timeline of it has begun on the air and no slate stands for it, and whether any has. */
  hasBegun = false;
  hasClock = false;
  /** What became of its pictures. */
  decision: PassthroughDecision = { kind: "undecided" };
  /** The timeline that is open, on the air or not; null without. */
  begin: TimelineBegin | null = null;
  /** What it could take over with; null on the air. */
  group: HeldGroup | null = null;
  readonly #notBeforeMs: () => number | null;
  #seam: Seam | null = null;
  #metadata: IngestMetadata | null = null;
  readonly #configs = new Map<string, IngestTrackConfig>();

  constructor({ connection, target, previous, mustBeJudged, notBeforeMs, nowMs }: SessionSenderStart) {
    this.connection = connection;
    this.target = target;
    this.#notBeforeMs = notBeforeMs;
    const isJudgedFirst = mustBeJudged && previous.length === 0;
    this.passthrough = new PassthroughTimeline({ previous, mustBeJudged: isJudgedFirst, notBeforeMs });
    this.sinceMs = nowMs;
    this.lastEventMs = nowMs;
  }

  get role(): StreamKeyRole {
    return this.target.role ?? "primary";
  }

  /** Its tracks, of the latest configurations; metadata first. */
  get description(): readonly IngestEvent[] {
    return [...(this.#metadata === null ? [] : [this.#metadata]), ...this.#configs.values()];
  }

  get hasPictures(): boolean {
    return [...this.#configs.values()].some(({ media }) => media === "video");
  }

  /** Reads an event; `nowMs` is milliseconds since the epoch. What is to be published of it, or held. Throws `PassthroughError`. */
  read(event: IngestEvent, nowMs: number): PassthroughOutput[] {
    if (event.kind === "metadata") this.#metadata = event;
    else if (event.kind === "config") this.#configs.set(`${event.media}${event.track}`, event);
    const out: PassthroughOutput[] = [];
    for (const output of this.passthrough?.push(event, nowMs) ?? []) {
      if (output.kind === "decision") this.decision = output.decision;
      else if (output.kind === "begin") this.begin = output;
      else if (output.kind === "end") this.begin = null;
      out.push(...(this.#seam === null ? [output] : this.#seam.push(output, nowMs)));
    }
    if (this.#seam?.isOver === true) this.#seam = null;
    return out;
  }

  /** A timeline of it begins on the air. */
  markBegun(): void {
    this.hasBegun = true;
    this.hasClock = true;
  }

  /** From now on its media is held. It is judged anew if its pictures were not read here. */
  standBy(previous: readonly PassthroughTrack[]): void {
    this.#seam = null;
    this.hasBegun = false;
    if (this.passthrough === null) this.restart(previous);
    this.group = new HeldGroup(this.begin);
  }

  /** Its media is read anew, as what would follow tracks of a broadcast. */
  restart(previous: readonly PassthroughTrack[]): void {
    this.passthrough = new PassthroughTimeline({ previous, mustBeJudged: false, notBeforeMs: this.#notBeforeMs });
    this.begin = null;
    this.group = new HeldGroup(null);
    // Configurations take no time: nothing comes of them.
    for (const event of this.description) this.passthrough.push(event, 0);
  }

  /** Ends standing by with a group of pictures. What is to be published at once, in `broadcast` if its tracks match. */
  goOnAir(broadcast: PublishedBroadcast | null, nowMs: number): PassthroughOutput[] {
    const group = this.group;
    if (group === null) return [];
    this.group = null;
    const continues = this.begin !== null && broadcast?.continues(this.begin.tracks) === true;
    const writtenMs = continues ? broadcast.writtenUntilMs : null;
    const seam = new Seam(group, writtenMs);
    const out = seam.open(nowMs);
    this.#seam = seam.isOver ? null : seam;
    return out;
  }

  /** The timeline on the air is broken: what is held of it is not published. */
  dropSeam(): void {
    this.#seam = null;
  }

  /**
   * From now on its events are for FFmpeg too, if anything may be encoded anew. `needsAudio`: see `SenderFeedOptions`;
   * `hasLower`: renditions may be encoded beside its picture.
   */
  createFeeds(options: FeedOptions, needsAudio: () => boolean, hasLower: boolean): void {
    const { transcoder, platform, log, stream, epochNowMs } = options;
    if (transcoder === null) return;
    const onOverflow = (): void =>
      log.warn(`${stream}: FFmpeg does not keep up with the sender; pictures are dropped.`);
    const feedOptions = { clock: platform.clock, needsAudio, onOverflow };
    this.feed = new SenderFeed(feedOptions);
    this.lowerFeed = hasLower ? new SenderFeed({ ...feedOptions, isVideoOnly: true }) : null;
    for (const event of this.description) this.pushFeeds(event, epochNowMs());
  }

  /** The next event for FFmpeg; `nowMs` is milliseconds since the epoch. Throws `PassthroughError`. */
  pushFeeds(event: IngestEvent, nowMs: number): void {
    this.feed?.push(event, nowMs);
    this.lowerFeed?.push(event, nowMs);
  }

  /** FFmpeg gets nothing more. */
  endFeeds(): void {
    this.feed?.end();
    this.lowerFeed?.end();
    this.feed = null;
    this.lowerFeed = null;
  }
}
