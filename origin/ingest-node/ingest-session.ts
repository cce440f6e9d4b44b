/** One stream on the air: its senders one after another, and the broadcast that outlives them. */
import type { HealthReport } from "../../core/ingest/health/health-check.ts";
import type { IngestEvent } from "../../core/ingest/media-event.ts";
import type { PassthroughDecision } from "../../core/ingest/passthrough/gop-inspector.ts";
import { PassthroughError } from "../../core/ingest/passthrough/limits.ts";
import { type PassthroughOutput, PassthroughTimeline } from "../../core/ingest/passthrough/passthrough-timeline.ts";
import { startInterval } from "../../core/kit/clock.ts";
import { CmafError } from "../../core/media/cmaf/errors.ts";
import { PublishError } from "../kit/errors.ts";
import { describeAmount, endBroadcast } from "./end-broadcast.ts";
import { INGEST_NODE_LIMITS } from "./ingest-limits.ts";
import { type IngestTarget, PublishedBroadcast } from "./published-broadcast.ts";
import { ReconnectWindow } from "./reconnect-window.ts";
import { BroadcastRenditions } from "./renditions/broadcast-renditions.ts";
import type { SenderConnection, SenderEnd } from "./sender-connection.ts";
import { SenderFeed } from "./sender-feed.ts";
import { SessionHealth } from "./session-health.ts";
import type { IngestSessionOptions } from "./session-options.ts";
import { describeFullTranscoder, describeTranscoding, withFullStop } from "./session-sentences.ts";
import { TranscodedBroadcast } from "./transcoded-broadcast.ts";

/** A sender on the air. */
interface LiveSender {
  readonly connection: SenderConnection;
  /** Null if its media is encoded anew. */
  passthrough: PassthroughTimeline | null;
  /** Its media for FFmpeg; null if nothing is encoded anew here. */
  readonly feed: SenderFeed | null;
  /** Its pictures for renditions beside it; null if none are encoded. */
  lowerFeed: SenderFeed | null;
  readonly sinceMs: number;
  lastEventMs: number;
  /** Whether a timeline of it has begun and no slate stands for it, and whether any has. */
  hasBegun: boolean;
  hasClock: boolean;
}

/** See the file's first line. */
export class IngestSession {
  readonly #options: IngestSessionOptions;
  #sender: LiveSender | null = null;
  #broadcast: PublishedBroadcast | null = null;
  /** Renditions beside the broadcast's picture. */
  readonly #renditions: BroadcastRenditions;
  /** The broadcast if its pictures are encoded anew, until the session ends. */
  #transcoded: TranscodedBroadcast | null = null;
  readonly #window: ReconnectWindow;
  readonly #stopSilenceChecks: () => void;
  readonly #health: SessionHealth;
  #ending: Promise<void> | null = null;
  /** The edge refused the broadcast: there is nothing to end. */
  #isRefused = false;
  #senders = 0;

  constructor(options: IngestSessionOptions) {
    this.#options = options;
    this.#window = new ReconnectWindow(options);
    this.#renditions = new BroadcastRenditions(options);
    const { clock } = options.platform;
    this.#stopSilenceChecks = startInterval(clock, INGEST_NODE_LIMITS.silenceCheckMs, () => this.#checkSilence());
    const publishDelayMs = (): number | null => {
      const counters = (this.#transcoded ?? this.#broadcast)?.counters() ?? null;
      return counters === null || counters.parts === 0 ? null : counters.delayP95Ms;
    };
    this.#health = new SessionHealth({
      ...options,
      publishDelayMs,
      renditions: () => this.#renditions.report(),
    });
  }

  get target(): IngestTarget {
    return this.#options.target;
  }

  /** Whether a sender is connected that has sent something lately. */
  get isAlive(): boolean {
    const { clock } = this.#options.platform;
    return this.#sender !== null && clock.monotonicMs() - this.#sender.lastEventMs < INGEST_NODE_LIMITS.aliveMs;
  }

  /** State for people and monitoring. */
  describe(): {
    readonly isLive: boolean;
    readonly senders: number;
    readonly tracks: readonly string[];
    readonly health: HealthReport;
  } {
    return {
      health: this.#health.report,
      isLive: this.#sender !== null,
      senders: this.#senders,
      tracks: this.#transcoded?.trackNames ?? this.#broadcast?.tracks.map(({ name }) => name) ?? [],
    };
  }

  /** Admits a sender; one before it that has gone silent is cut. */
  admit(connection: SenderConnection): void {
    const { platform, mustBeJudged, stream, log, transcoder } = this.#options;
    const before = this.#sender;
    if (before !== null) {
      this.#detach({ kind: "lost", detail: "another connection has taken its place" });
      before.connection.close("Another connection of this encoder has taken its place.");
    }
    this.#window.cancelWait();
    const nowMs = platform.clock.monotonicMs();
    const previous = this.#broadcast?.tracks ?? [];
    const passthrough = new PassthroughTimeline({
      previous,
      mustBeJudged: mustBeJudged && previous.length === 0,
      notBeforeMs: () => this.#window.slateUntilMs,
    });
    const mayHaveLower = this.#transcoded === null && this.#renditions.needsFeed(this.#broadcast === null);
    const feed = this.#createFeed(false);
    const lowerFeed = mayHaveLower ? this.#createFeed(true) : null;
    const times = { sinceMs: nowMs, lastEventMs: nowMs };
    const sender: LiveSender = { connection, passthrough, feed, lowerFeed, ...times, hasBegun: false, hasClock: false };
    this.#sender = sender;
    this.#senders += 1;
    const again = this.#senders > 1 ? " again" : "";
    log.info(`${stream}: a sender is connected${again} by ${connection.protocol} from ${connection.remoteAddress}.`);
    this.#health.connected(connection);
    connection.accept({
      onEvent: (event) => this.#onEvent(sender, event),
      onEnd: (end) => {
        if (this.#sender === sender) this.#detach(end);
      },
    });
    if (this.#transcoded !== null) this.#feedTranscoder(sender, this.#transcoded);
    else if (transcoder?.options.mode === "always") this.#transcode(sender, "Every sender is encoded anew here.");
  }

  /** Ends the session and its broadcast. */
  async stop(sentence: string): Promise<void> {
    this.#cut(sentence);
    await this.#finish();
  }

  #onEvent(sender: LiveSender, event: IngestEvent): void {
    if (this.#sender !== sender) return;
    sender.lastEventMs = this.#options.platform.clock.monotonicMs();
    this.#health.pushEvent(event);
    // A sender that has come back continues the program where its media begins.
    const isStart = event.kind === "frame" && event.sync && (event.media === "video" || !this.#hasVideo);
    if (isStart && !sender.hasBegun) this.#window.hold(sender.hasClock);
    try {
      const nowMs = this.#options.epochNowMs();
      sender.feed?.push(event, nowMs);
      sender.lowerFeed?.push(event, nowMs);
      for (const output of sender.passthrough?.push(event, nowMs) ?? []) {
        if (this.#sender === sender && sender.passthrough !== null) this.#apply(sender, output);
      }
    } catch (error) {
      if (!(error instanceof PassthroughError)) throw error;
      this.#health.pushRefusal(error);
      this.#refuse(error.message);
    }
  }

  #apply(sender: LiveSender, output: PassthroughOutput): void {
    try {
      switch (output.kind) {
        case "decision":
          this.#applyDecision(sender, output.decision);
          break;
        case "begin":
          this.#beginTimeline(sender, output);
          break;
        case "frame":
          this.#broadcast?.push(output.track, output.frame);
          if (output.track === this.#broadcast?.tracks[0]?.name) this.#renditions.observe(output.frame);
          break;
        case "silence":
          this.#broadcast?.markSilent(output.track, output.untilTicks);
          break;
        case "end":
          this.#options.log.info(`${this.#options.stream}: the timeline ends: ${output.reason}.`);
          this.#endTimeline();
          this.#startFilling(false);
          break;
      }
    } catch (error) {
      if (!(error instanceof CmafError)) throw error;
      this.#recover(sender, error);
    }
  }

  /** The one place that decides what becomes of pictures that cannot be passed through. */
  #applyDecision(sender: LiveSender, decision: PassthroughDecision): void {
    const { log, stream, onDecision } = this.#options;
    const canTranscode = this.#renditions.holdsPlace || (this.#options.transcoder?.hasRoom ?? false);
    this.#health.pushDecision(decision, decision.kind === "transcode" && !canTranscode);
    if (decision.kind !== "undecided") onDecision(decision.kind === "passthrough");
    if (decision.kind === "passthrough") {
      sender.feed?.release();
      const order = decision.hasReordering ? ", with B-frames" : "";
      log.info(`${stream}: passed through: a keyframe every ${decision.keyframeS.toFixed(1)} s${order}.`);
    } else if (decision.kind === "transcode") {
      this.#transcode(sender, decision.sentence);
    }
  }

  #createFeed(isVideoOnly: boolean): SenderFeed | null {
    const { transcoder, platform, log, stream } = this.#options;
    if (transcoder === null) return null;
    const onOverflow = (): void =>
      log.warn(`${stream}: FFmpeg does not keep up with the sender; pictures are dropped.`);
    const needsAudio = (): boolean => this.#transcoded?.hasAudio ?? true;
    return new SenderFeed({ clock: platform.clock, needsAudio, isVideoOnly, onOverflow });
  }

  /** Encodes the sender's media from now on, in a broadcast of its own; `reason` is a sentence. Refuses if it cannot. */
  #transcode(sender: LiveSender, reason: string): void {
    const { transcoder, slates, log, stream, packaging, previous, platform, epochNowMs, target } = this.#options;
    if (transcoder === null) {
      this.#refuse(reason);
      return;
    }
    this.#renditions.close();
    const release = transcoder.acquire();
    if (release === null) {
      this.#refuse(describeFullTranscoder(transcoder, reason));
      return;
    }
    log.warn(`${stream}: ${describeTranscoding(transcoder, reason)}`);
    this.#window.endFilling(null);
    const before = this.#broadcast;
    this.#broadcast = null;
    const transcoded: TranscodedBroadcast = new TranscodedBroadcast({
      ...{ stream, target, windowS: packaging.windowS, transcoder, slates, release, log, platform, epochNowMs },
      previous: before === null ? previous : endBroadcast(before, log),
      onFatal: (error) => {
        this.#isRefused ||= error instanceof PublishError;
        this.#refuse(error.message);
      },
      onFirstPart: () => log.info(`${stream}: on the air, encoded anew.`),
    });
    this.#transcoded = transcoded;
    this.#feedTranscoder(sender, transcoded);
  }

  #feedTranscoder(sender: LiveSender, transcoded: TranscodedBroadcast): void {
    sender.passthrough = null;
    sender.feed?.open((connection) => transcoded.offer(connection), this.#options.epochNowMs());
  }

  #beginTimeline(sender: LiveSender, begin: Extract<PassthroughOutput, { kind: "begin" }>): void {
    const { stream, target, packaging, log, platform, previous } = this.#options;
    sender.hasBegun = true;
    sender.hasClock = true;
    const { tracks, programOffsetMs, startsAtMs } = begin;
    this.#window.endFilling(startsAtMs + INGEST_NODE_LIMITS.slateOverlapMs);
    let after = previous;
    if (this.#broadcast !== null && !this.#broadcast.continues(tracks)) {
      log.info(`${stream}: the sender has other tracks now: another broadcast begins.`);
      after = endBroadcast(this.#broadcast, log);
      this.#broadcast = null;
    }
    if (this.#broadcast === null) {
      log.info(`${stream}: ${tracks.map((track) => `${track.name} ${track.init.info.codecs}`).join(", ")}.`);
      const lower = this.#renditions.plan(tracks);
      const broadcast: PublishedBroadcast = new PublishedBroadcast({
        ...{ stream, target, packaging, tracks, lower, startsAtMs, previous: after, log, platform },
        onFatal: (error) => this.#onPublishError(broadcast, error),
        onFirstPart: () => {
          const tookMs = platform.clock.monotonicMs() - sender.sinceMs;
          log.info(
            `${stream}: on the air; the edge has the first part ${(tookMs / 1000).toFixed(2)} s after the connection.`,
          );
        },
      });
      this.#broadcast = broadcast;
    }
    this.#broadcast.beginTimeline(tracks, programOffsetMs);
    this.#window.prepareSlate(tracks, this.#broadcast.lower);
    this.#renditions.beginTimeline(this.#broadcast, sender.lowerFeed);
  }

  /** The media does not fit its timeline: another one begins at the next keyframe. */
  #recover(sender: LiveSender, error: CmafError): void {
    const { log, stream } = this.#options;
    sender.passthrough?.abandonTimeline();
    this.#endTimeline();
    if (this.#window.isBrokenTooOften()) this.#transcode(sender, error.message);
    else {
      log.warn(`${stream}: the timeline begins anew at the next keyframe: ${error.message}.`);
      this.#startFilling(false);
    }
  }

  /** The edge refuses: the sender is cut at once. */
  #onPublishError(broadcast: PublishedBroadcast, error: PublishError): void {
    // The constructor may not have returned.
    if (this.#transcoded !== null || (this.#broadcast !== null && this.#broadcast !== broadcast)) return;
    this.#isRefused = true;
    this.#refuse(error.message);
  }

  /** Cuts the sender with a sentence, and ends the broadcast. */
  #refuse(reason: string): void {
    const sentence = withFullStop(reason);
    this.#options.log.warn(`${this.#options.stream}: the sender is refused: ${sentence}`);
    this.#cut(sentence);
    void this.#finish();
  }

  #cut(sentence: string): void {
    const sender = this.#sender;
    if (sender === null) return;
    this.#sender = null;
    endFeeds(sender);
    this.#health.disconnected({ kind: "ended" });
    sender.connection.close(sentence);
  }

  /** The sender has gone: the broadcast waits for it. */
  #detach(end: SenderEnd): void {
    const { log, stream, reconnectMs } = this.#options;
    const sender = this.#sender;
    if (sender === null) return;
    for (const output of sender.passthrough?.end() ?? []) this.#apply(sender, output);
    endFeeds(sender);
    this.#renditions.leave();
    this.#sender = null;
    const isLost = end.kind === "lost" && this.#ending === null;
    this.#health.disconnected(isLost ? { kind: "lost", waitMs: reconnectMs } : { kind: "ended" });
    if (this.#ending !== null) return;
    const waitMs = end.kind === "goodbye" ? Math.min(INGEST_NODE_LIMITS.goodbyeMs, reconnectMs) : reconnectMs;
    const why = end.kind === "goodbye" ? "said goodbye" : "detail" in end ? `is gone (${end.detail})` : "is gone";
    if (this.#broadcast === null && this.#transcoded === null) {
      log.info(`${stream}: the sender ${why} before its first timeline.`);
      void this.#finish();
      return;
    }
    log.info(`${stream}: the sender ${why}; the broadcast waits ${waitMs / 1000} s for it.`);
    this.#startFilling(true);
    this.#window.wait(waitMs, () => void this.#finish());
  }

  #checkSilence(): void {
    const sender = this.#sender;
    if (sender === null) return;
    const silentMs = this.#options.platform.clock.monotonicMs() - sender.lastEventMs;
    const isAway = silentMs >= INGEST_NODE_LIMITS.slateAfterMs && sender.hasBegun && sender.passthrough !== null;
    if (isAway && this.#window.hasSlate) this.#suspend(sender);
    if (silentMs < INGEST_NODE_LIMITS.silenceMs) return;
    this.#detach({ kind: "lost", detail: `it has sent nothing for ${Math.round(silentMs / 1000)} s` });
    sender.connection.close("Nothing was received for too long.");
  }

  #endTimeline(): void {
    this.#renditions.endTimeline();
    this.#broadcast?.endTimeline();
  }

  /** A sender that is silent may go on: the slate stands for it until then. */
  #suspend(sender: LiveSender): void {
    for (const output of sender.passthrough?.end() ?? []) this.#apply(sender, output);
    sender.hasBegun = false;
    this.#startFilling(true);
  }

  /** Between timelines; a slate stands for a sender that is away. */
  #startFilling(isAway: boolean): void {
    if (this.#broadcast !== null && this.#ending === null) this.#window.fill(this.#broadcast, isAway);
  }

  get #hasVideo(): boolean {
    return this.#broadcast?.tracks.some(({ kind }) => kind === "video") ?? true;
  }

  /** Ends the broadcast, once. */
  #finish(): Promise<void> {
    if (this.#ending !== null) return this.#ending;
    const { log, onEnd } = this.#options;
    this.#window.close();
    this.#renditions.close();
    this.#stopSilenceChecks();
    this.#health.stop();
    const broadcast = this.#transcoded ?? this.#broadcast;
    this.#ending =
      broadcast === null ? Promise.resolve() : this.#isRefused ? broadcast.close() : endBroadcast(broadcast, log);
    const counters = broadcast?.counters() ?? null;
    if (counters !== null) log.info(`${this.#options.stream}: the broadcast ends: ${describeAmount(counters)}.`);
    onEnd(this.#ending);
    return this.#ending;
  }
}

function endFeeds({ feed, lowerFeed }: LiveSender): void {
  feed?.end();
  lowerFeed?.end();
}
