/** One stream on the air: its senders, of which one is published, and the broadcast that outlives them. */
import type { IngestEvent } from "../../core/ingest/media-event.ts";
import type { PassthroughDecision } from "../../core/ingest/passthrough/gop-inspector.ts";
import { PassthroughError } from "../../core/ingest/passthrough/limits.ts";
import type { PassthroughOutput } from "../../core/ingest/passthrough/passthrough-timeline.ts";
import type { TakeOverReason } from "../../core/ingest/stand-by/air-switch.ts";
import { CmafError } from "../../core/media/cmaf/errors.ts";
import { PublishError } from "../kit/errors.ts";
import { describeAmount, endBroadcast } from "./end-broadcast.ts";
import { INGEST_NODE_LIMITS } from "./ingest-limits.ts";
import type { IngestTarget } from "./ingest-publisher.ts";
import { PublishedBroadcast } from "./published-broadcast.ts";
import { ReconnectWindow } from "./reconnect-window.ts";
import { BroadcastRenditions } from "./renditions/broadcast-renditions.ts";
import type { SenderConnection, SenderEnd } from "./sender-connection.ts";
import { SessionHealth } from "./session-health.ts";
import type { IngestSessionOptions, SessionDescription } from "./session-options.ts";
import { SessionSender } from "./session-sender.ts";
import * as say from "./session-sentences.ts";
import { SessionTranscoding } from "./session-transcoding.ts";
import { StandBy } from "./stand-by.ts";

/** See the file's first line. */
export class IngestSession {
  readonly #options: IngestSessionOptions;
  #sender: SessionSender | null = null;
  #broadcast: PublishedBroadcast | null = null;
  readonly #renditions: BroadcastRenditions;
  /** Has the broadcast if its pictures are encoded anew. */
  readonly #transcoding: SessionTranscoding;
  readonly #window: ReconnectWindow;
  /** The sender that is not on the air. */
  readonly standBy: StandBy;
  /** Where the broadcast is published, with the key of the sender on the air, or of the last one. */
  #target: IngestTarget;
  readonly #health: SessionHealth;
  #ending: Promise<void> | null = null;
  /** The edge refused the broadcast: there is nothing to end. */
  #isRefused = false;
  #senders = 0;

  constructor(options: IngestSessionOptions) {
    this.#options = options;
    this.#target = options.target;
    this.#window = new ReconnectWindow(options);
    this.#renditions = new BroadcastRenditions(options);
    this.#transcoding = new SessionTranscoding({
      ...options,
      onAir: () => this.#sender,
      onWait: (wait) => this.#health.pushCapacityWait(wait),
      onHeld: () => {
        this.#renditions.endTimeline(this.#broadcast);
        this.#startFilling(true);
      },
      target: () => this.#target,
      endOther: () => this.#endPassthrough(),
      onKeyRefused: (why) => this.#replaceKey(why),
      onRefused: (reason) => this.#refuse(reason),
      onFatal: (error) => this.#fail(error),
      onSound: (level) => this.#health.pushSound(level),
    });
    this.standBy = new StandBy({
      ...options,
      canTranscode: () => this.#transcoding.isPossible,
      onAir: () => this.#sender,
      putOnAir: (sender, reason) => this.#putOnAir(sender, reason),
      onSilence: (sender) => this.#suspend(sender),
      onLost: (sender) => this.#close(sender, "it has sent nothing for 10 s", "Nothing was received for too long."),
    });
    this.#health = new SessionHealth({
      ...options,
      publishDelayMs: () => (this.#transcoding.broadcast ?? this.#broadcast)?.recentDelayMs() ?? null,
      renditions: () => this.#renditions.report(),
      roles: () => this.standBy.describe(),
    });
  }

  /** The broadcast that is published; null before the first timeline. */
  get broadcastId(): string | null {
    return (this.#transcoding.broadcast ?? this.#broadcast)?.id ?? null;
  }

  /** State for people and monitoring. */
  describe(): SessionDescription {
    return {
      health: this.#health.report,
      isLive: this.#sender !== null,
      senders: this.#senders,
      tracks: this.#transcoding.broadcast?.trackNames ?? this.#broadcast?.tracks.map(({ name }) => name) ?? [],
    };
  }

  /** Admits a sender, on the air or beside the one of the other role; one of its role that has gone silent is cut. */
  admit(connection: SenderConnection, target: IngestTarget): void {
    const { platform, mustBeJudged, stream, log, transcoder } = this.#options;
    const previous = this.#broadcast?.tracks ?? [];
    const sender: SessionSender = new SessionSender({
      ...{ connection, target, previous, mustBeJudged, nowMs: platform.clock.monotonicMs() },
      notBeforeMs: () => (this.#sender === sender ? this.#window.slateUntilMs : null),
    });
    const before = this.standBy.find(sender.role);
    const place = "connection of this encoder has taken its place";
    if (before !== null) this.#close(before, `another ${place}`, `Another ${place}.`);
    this.#senders += 1;
    const standsBy = this.#sender !== null;
    log.info(`${stream}: ${say.describeAdmission(sender, this.#senders, this.#sender)}`);
    if (standsBy) this.standBy.admit(sender, previous);
    else {
      this.#window.cancelWait();
      this.#createFeeds(sender);
      this.#sender = sender;
      this.standBy.startOnAir(sender);
      this.#useTarget(target);
      this.#health.connected(connection);
    }
    connection.accept({
      onEvent: (event) => (this.#sender === sender ? this.#onEvent(sender, event) : this.standBy.push(sender, event)),
      onEnd: (end) => this.#leave(sender, end),
    });
    if (standsBy) return;
    if (this.#transcoding.broadcast !== null) this.#transcoding.feed(sender);
    else if (transcoder?.options.mode === "always") this.#transcode(sender, "Every sender is encoded anew here.");
  }

  #leave(sender: SessionSender, end: SenderEnd): void {
    if (this.#sender === sender) this.#detach(end);
    else this.standBy.end(sender, say.describeEnd(end));
  }

  /** Ends a connection that counts as lost, with a sentence. */
  #close(sender: SessionSender, detail: string, sentence: string): void {
    this.#leave(sender, { kind: "lost", detail });
    sender.connection.close(sentence);
  }

  /** A sender that stood by is on the air from now on, in the same broadcast if its tracks match. */
  #putOnAir(sender: SessionSender, reason: TakeOverReason): void {
    const { log, stream, epochNowMs } = this.#options;
    const before = this.#sender;
    log.info(`${stream}: the ${sender.role} sender ${say.describeTakeOver(reason)}.`);
    this.#transcoding.cancel();
    this.#window.cancelWait();
    this.#window.endFilling(null);
    this.#renditions.endTimeline(this.#broadcast);
    this.#renditions.leave();
    before?.endFeeds();
    this.#sender = sender;
    this.#useTarget(sender.target);
    this.standBy.exchange(before, sender, this.#broadcast?.tracks ?? []);
    this.#health.takenOver(sender);
    const { decision } = sender;
    this.#createFeeds(sender);
    if (this.#transcoding.broadcast !== null) this.#transcoding.feed(sender);
    else if (decision.kind === "transcode") this.#transcode(sender, decision.sentence);
    else {
      if (decision.kind === "passthrough") sender.feed?.release();
      for (const output of sender.goOnAir(this.#broadcast, epochNowMs()))
        if (this.#sender === sender) this.#apply(sender, output);
    }
  }

  /** Publishes with the key of the sender on the air. */
  #useTarget(target: IngestTarget): void {
    this.#target = target;
    this.#health.useTarget(target);
    (this.#transcoding.broadcast ?? this.#broadcast)?.useKey(target.key);
  }

  /** The edge refuses the key of the sender on the air: it is cut. The key of another sender goes on, if there is one; else null. */
  #replaceKey(reason: string): string | null {
    const [sender, next] = [this.#sender, this.standBy.sender];
    if (next === null || this.#ending !== null) return null;
    if (sender !== null) this.#expel(sender, `The edge refuses the key: ${say.withFullStop(reason)}`);
    this.#useTarget(next.target);
    return next.target.key;
  }

  /** Cuts the sender on the air with a sentence; the broadcast goes on with the other one as soon as that is ready. */
  #expel(sender: SessionSender, sentence: string): void {
    this.#options.log.warn(`${this.#options.stream}: the ${sender.role} sender is refused: ${sentence}`);
    this.#close(sender, "it is refused", sentence);
  }

  /** Ends the session and its broadcast. */
  async stop(sentence: string): Promise<void> {
    this.#cut(sentence);
    await this.#finish();
  }

  #onEvent(sender: SessionSender, event: IngestEvent): void {
    sender.lastEventMs = this.#options.platform.clock.monotonicMs();
    this.#health.pushEvent(event);
    if (sender.hasBegun || this.#transcoding.broadcast !== null) this.standBy.pushOnAir(sender, event);
    // A sender that has come back continues the program where its media begins.
    const isStart = event.kind === "frame" && event.sync && (event.media === "video" || !sender.hasPictures);
    if (isStart && !sender.hasBegun) this.#window.hold(sender.hasClock);
    try {
      const nowMs = this.#options.epochNowMs();
      sender.pushFeeds(event, nowMs);
      for (const output of sender.read(event, nowMs)) {
        if (this.#sender === sender && sender.passthrough !== null) this.#apply(sender, output);
      }
    } catch (error) {
      if (!(error instanceof PassthroughError)) throw error;
      this.#health.pushRefusal(error);
      this.#refuse(error.message);
    }
  }

  #apply(sender: SessionSender, output: PassthroughOutput): void {
    try {
      switch (output.kind) {
        case "decision":
          this.#applyDecision(sender, output.decision);
          break;
        case "begin":
          this.#beginTimeline(sender, output);
          break;
        case "frame":
        case "silence":
          if (this.#broadcast !== null) this.#renditions.publish(this.#broadcast, output);
          break;
        case "end":
          this.#options.log.info(`${this.#options.stream}: the timeline ends: ${output.reason}.`);
          this.#renditions.endTimeline(this.#broadcast);
          this.#startFilling(false);
          break;
      }
    } catch (error) {
      if (!(error instanceof CmafError)) throw error;
      this.#recover(sender, error);
    }
  }

  /** The one place that decides what becomes of pictures that cannot be passed through. */
  #applyDecision(sender: SessionSender, decision: PassthroughDecision): void {
    const { log, stream, onDecision } = this.#options;
    this.#health.pushDecision(decision, decision.kind === "transcode" && !this.#transcoding.isPossible);
    if (decision.kind !== "undecided") onDecision(decision.kind === "passthrough");
    if (decision.kind === "passthrough") {
      sender.feed?.release();
      log.info(`${stream}: ${say.describePassthrough(decision)}`);
    } else if (decision.kind === "transcode") this.#transcode(sender, decision.sentence);
  }

  #createFeeds(sender: SessionSender): void {
    const hasLower = this.#transcoding.broadcast === null && this.#renditions.needsFeed(this.#broadcast === null);
    sender.createFeeds(this.#options, () => this.#transcoding.broadcast?.hasAudio ?? true, hasLower);
  }

  /** Encodes the sender's media anew, in a broadcast of its own; `reason` is a sentence. Refuses if it cannot. */
  #transcode(sender: SessionSender, reason: string): void {
    if (this.#options.transcoder !== null) this.#renditions.close();
    this.#transcoding.start(sender, reason);
  }

  /** Ends the broadcast of what is passed through; resolves when it has ended. */
  #endPassthrough(): Promise<void> {
    this.#window.endFilling(null);
    const before = this.#broadcast;
    this.#broadcast = null;
    return before === null ? this.#options.previous : endBroadcast(before, this.#options.log);
  }

  #beginTimeline(sender: SessionSender, begin: Extract<PassthroughOutput, { kind: "begin" }>): void {
    const { stream, log, platform } = this.#options;
    sender.markBegun();
    const { tracks, programOffsetMs, startsAtMs } = begin;
    this.#window.endFilling(startsAtMs + INGEST_NODE_LIMITS.slateOverlapMs);
    const isOther = this.#broadcast?.continues(tracks) === false;
    if (isOther) log.info(`${stream}: the sender has other tracks now: another broadcast begins.`);
    if (isOther || this.#broadcast === null) {
      const previous = this.#endPassthrough();
      log.info(`${stream}: ${tracks.map((track) => `${track.name} ${track.init.info.codecs}`).join(", ")}.`);
      const broadcast: PublishedBroadcast = new PublishedBroadcast({
        ...{ ...this.#options, target: this.#target, tracks, startsAtMs, previous },
        ...this.#renditions.plan(tracks),
        // The constructor may not have returned.
        onFatal: (error) => {
          if (this.#transcoding.broadcast === null && (this.#broadcast ?? broadcast) === broadcast) this.#fail(error);
        },
        onKeyRefused: (why) => (this.#broadcast === broadcast ? this.#replaceKey(why) : null),
        onFirstPart: () => log.info(`${stream}: ${say.describeStart(platform.clock.monotonicMs() - sender.sinceMs)}`),
      });
      this.#broadcast = broadcast;
      this.standBy.restart(tracks);
    }
    this.#renditions.endTimeline(this.#broadcast);
    this.#broadcast.beginTimeline(tracks, programOffsetMs);
    this.#window.prepareSlate(tracks, this.#broadcast.encoded);
    this.#renditions.beginTimeline(this.#broadcast, sender.lowerFeed);
  }

  /** The media does not fit its timeline: another one begins at the next keyframe. */
  #recover(sender: SessionSender, error: CmafError): void {
    const { log, stream } = this.#options;
    sender.passthrough?.abandonTimeline();
    sender.dropSeam();
    this.#renditions.endTimeline(this.#broadcast);
    if (this.#window.isBrokenTooOften()) this.#transcode(sender, error.message);
    else {
      log.warn(`${stream}: the timeline begins anew at the next keyframe: ${error.message}.`);
      this.#startFilling(false);
    }
  }

  /** The broadcast cannot go on; a `PublishError` is the edge's refusal. */
  #fail(error: Error): void {
    this.#isRefused ||= error instanceof PublishError;
    this.#refuse(error.message);
  }

  /** Cuts the sender with a sentence, and ends the broadcast unless another sender stands by. */
  #refuse(reason: string): void {
    const sentence = say.withFullStop(reason);
    const sender = this.#sender;
    if (sender !== null && this.standBy.sender !== null && this.#transcoding.broadcast === null && !this.#isRefused) {
      this.#expel(sender, sentence);
      return;
    }
    this.#options.log.warn(`${this.#options.stream}: the sender is refused: ${sentence}`);
    this.#health.refused(sentence);
    this.#cut(sentence);
    void this.#finish();
  }

  #cut(sentence: string): void {
    this.#transcoding.cancel();
    const sender = this.#sender;
    if (sender === null) return;
    this.#sender = null;
    sender.endFeeds();
    this.#health.disconnected({ kind: "ended" }, "closed");
    sender.connection.close(sentence);
  }

  /** The sender has gone: the broadcast waits for it. */
  #detach(end: SenderEnd): void {
    const { log, stream, reconnectMs } = this.#options;
    const sender = this.#sender;
    if (sender === null) return;
    for (const output of sender.passthrough?.end() ?? []) this.#apply(sender, output);
    this.#transcoding.cancel();
    sender.endFeeds();
    this.#renditions.leave();
    this.#sender = null;
    const isLost = end.kind === "lost" && this.#ending === null && !this.standBy.isReady;
    this.#health.disconnected(isLost ? { kind: "lost", waitMs: reconnectMs } : { kind: "ended" }, end.kind);
    if (this.#ending !== null || this.standBy.endOnAir(sender)) return;
    const waitMs = end.kind === "goodbye" ? Math.min(INGEST_NODE_LIMITS.goodbyeMs, reconnectMs) : reconnectMs;
    const why = say.describeEnd(end);
    if (this.#broadcast === null && this.#transcoding.broadcast === null && this.standBy.sender === null) {
      log.info(`${stream}: the sender ${why} before its first timeline.`);
      void this.#finish();
      return;
    }
    log.info(`${stream}: the sender ${why}; the broadcast waits ${waitMs / 1000} s for it.`);
    this.#startFilling(true);
    this.#window.wait(waitMs, () => void this.#finish());
  }

  /** A sender that is silent may go on: the slate stands for it until then. */
  #suspend(sender: SessionSender): void {
    if (!sender.hasBegun || sender.passthrough === null || !this.#window.hasSlate) return;
    for (const output of sender.passthrough.end()) this.#apply(sender, output);
    sender.hasBegun = false;
    this.#startFilling(true);
  }

  /** Between timelines; a slate stands for a sender that is away. */
  #startFilling(isAway: boolean): void {
    if (this.#broadcast !== null && this.#ending === null) this.#window.fill(this.#broadcast, isAway);
  }

  /** Ends the broadcast, once. */
  #finish(): Promise<void> {
    if (this.#ending !== null) return this.#ending;
    const { log, onEnd } = this.#options;
    this.#window.close();
    this.#renditions.close();
    this.#health.stop();
    this.standBy.stop("The broadcast has ended.");
    const broadcast = this.#transcoding.broadcast ?? this.#broadcast;
    this.#ending =
      broadcast === null ? Promise.resolve() : this.#isRefused ? broadcast.close() : endBroadcast(broadcast, log);
    const counters = broadcast?.counters() ?? null;
    if (counters !== null) log.info(`${this.#options.stream}: the broadcast ends: ${describeAmount(counters)}.`);
    onEnd(this.#ending);
    return this.#ending;
  }
}
