/** Playback of one broadcast by flow: its responses, one media source, the pace and the choice of the rendition. */
import type { FlowEnd } from "../../../../core/delivery/flow/flow-boxes.ts";
import type { FlowItem, FlowMedia } from "../../../../core/delivery/flow/flow-splitter.ts";
import { type FlowAbrState, initialFlowAbr, nextFlowAbr } from "./flow-abr.ts";
import { FlowMediaSource } from "./flow-media.ts";
import { FLOW_PLAYBACK_LIMITS, type FlowOutcome, type FlowPlaybackOptions } from "./flow-options.ts";
import { FLOW_PACE_LIMITS } from "./flow-pace.ts";
import { FlowPacer } from "./flow-pacer.ts";
import {
  FLOW_RECOVERY_LIMITS,
  type FlowFailures,
  NO_FLOW_FAILURES,
  nextFlowFailure,
  refusalOutcome,
  successorTimeMs,
} from "./flow-recovery.ts";
import type { FlowResponseEnd } from "./flow-response.ts";
import { FlowSequence } from "./flow-sequence.ts";
import { LatenessWindow } from "./flow-target.ts";
import { FlowTokenRenewal } from "./flow-token.ts";
import { LinkEstimate } from "./link-estimate.ts";
import { MediaProgramTime } from "./media-program-time.ts";
import { type OpenResponse, OpenResponses, readCarriedStatus } from "./open-responses.ts";

/** See the file's first line. */
export class FlowPlayback {
  readonly #options: FlowPlaybackOptions;
  readonly #media: FlowMediaSource;
  readonly #pacer: FlowPacer;
  /** The track that playback follows. */
  readonly #lead: FlowMedia["media"];
  readonly #sequence: FlowSequence;
  readonly #lateness = new LatenessWindow();
  readonly #link = new LinkEstimate();
  readonly #clock = new MediaProgramTime();
  readonly #responses: OpenResponses;
  #abr: FlowAbrState;
  readonly #renewal: FlowTokenRenewal;
  #failures: FlowFailures = NO_FLOW_FAILURES;
  #cancelRetry: (() => void) | null = null;
  #isClosed = false;
  #isSuspended = false;
  #isOver = false;
  /** Target before the first part that came as it was made. */
  #guessS: number | null = null;
  #beganS: number | null = null;
  /** The next response begins playback anew: the position may be corrected by seeks. */
  #isJoining = true;
  #isSettled = false;
  #hasStalled = false;
  /** Monotonic times. */
  #newestMs: number;
  #tickedMs: number;
  #renewMs: number;

  constructor(options: FlowPlaybackOptions) {
    this.#options = options;
    const { video, mediaSource, rungs, startRung, access, platform } = options;
    this.#renewal = new FlowTokenRenewal(access);
    this.#lead = rungs.length === 0 ? "audio" : "video";
    this.#sequence = new FlowSequence(this.#lead);
    const nowMs = platform.clock.monotonicMs();
    this.#abr = initialFlowAbr(startRung, nowMs);
    this.#newestMs = nowMs;
    this.#tickedMs = nowMs;
    this.#renewMs = this.#nextRenewalMs(nowMs);
    this.#pacer = new FlowPacer(video, platform.clock);
    this.#responses = new OpenResponses(options, {
      onItems: (opened, items, bytes, atMs) => this.#onItems(opened, items, bytes, atMs),
      onEnd: (opened, end) => this.#onEnd(opened, end),
    });
    this.#join(startRung, "latest");
    this.#media = new FlowMediaSource(video, mediaSource, options.audio === null, {
      onUnsupported: () => this.#stopFor({ kind: "obstacle", obstacle: "unsupported" }),
      onFailure: () => this.#stopFor({ kind: "obstacle", obstacle: "failing" }),
      onHole: () => {
        this.#sequence.forget();
        this.#rejoin();
      },
    });
    if (options.onTakeOver === null) this.#media.attach();
  }

  /** Whether this is the sound alone. */
  get isSoundOnly(): boolean {
    return this.#lead === "audio";
  }

  /** Program time at `mediaS` of the element's timeline, milliseconds since the epoch. */
  programTimeAt(mediaS: number): number | null {
    return this.#clock.at(mediaS);
  }

  /** Where playback began, seconds of the element's timeline; null before. */
  get beganS(): number | null {
    return this.#beganS;
  }

  /** Name of the rendition whose media is appended. */
  get rendition(): string | null {
    return this.#sequence.active?.rendition ?? null;
  }

  /** Whether an open response brings the stream's status. */
  get carriesStatus(): boolean {
    return this.#responses.carriesStatus;
  }

  get linkBps(): number | null {
    return this.#link.linkBps;
  }

  /** What is kept between the playhead and the newest media on an idle network, seconds. */
  get holdBackS(): number | null {
    const holdBackS = this.#lateness.holdBackS;
    return holdBackS === null ? null : holdBackS + this.#pacer.marginS;
  }

  /** Seconds from the playhead to the moving edge. */
  get edgeDistanceS(): number | null {
    const { endS } = this.#sequence;
    if (endS === null) return null;
    const sinceS = (this.#options.platform.clock.monotonicMs() - this.#newestMs) / 1000;
    return endS + Math.min(sinceS, FLOW_PLAYBACK_LIMITS.edgeS) - this.#options.video.currentTime;
  }

  /** Where the edge begins for the page's live button, seconds of the element's timeline. */
  get liveEdgeStartS(): number {
    return (this.#sequence.endS ?? Number.NaN) - 3;
  }

  /** Drops everything. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#responses.closeAll();
    this.#media.close();
    this.#pacer.setRate(1);
  }

  /** Drops the responses; the last picture stays. */
  suspend(): void {
    this.#isSuspended = true;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#responses.closeAll();
  }

  /** Joins again at the live edge. */
  resume(): void {
    if (this.#isClosed || this.#isOver) return;
    this.#isSuspended = false;
    this.#lateness.forgetLateness();
    this.#rejoin();
  }

  /** The network is there again. */
  retryNow(): void {
    const { clock } = this.#options.platform;
    if (this.#isSuspended || this.#isOver) return;
    if (this.#cancelRetry !== null || clock.monotonicMs() - this.#newestMs > 1_000) this.#rejoin();
  }

  /** Seeks to the target. */
  seekToLive(): void {
    this.#pacer.seekToLive(this.#targetS, this.#sequence.endS);
  }

  /** Whether the element's seek is one of ours; asked once a seek. */
  takeOwnSeek(): boolean {
    return this.#pacer.takeOwnSeek() || this.#beganS === null;
  }

  onStall(nowMs: number): void {
    if (this.#pacer.onStall(nowMs)) this.#hasStalled = true;
  }

  tick(nowMs: number): void {
    const sinceMs = nowMs - this.#tickedMs;
    this.#tickedMs = nowMs;
    this.#media.evict();
    if (this.#isClosed || this.#isSuspended) return;
    if (this.#isOver) {
      this.#pacer.setRate(1);
      return;
    }
    if (sinceMs > FLOW_PLAYBACK_LIMITS.sleepMs) {
      this.#lateness.forgetLateness();
      this.#rejoin();
      return;
    }
    const isWaiting = this.#cancelRetry !== null || (this.#renewal.isPending && this.#responses.isEmpty);
    if (!isWaiting && nowMs - this.#newestMs > FLOW_RECOVERY_LIMITS.silenceMs) {
      if (this.#beganS !== null) this.#fail(true);
      else this.#stopFor({ kind: "obstacle", obstacle: "slow-start" });
      return;
    }
    if (!this.#isSettled && this.#pacer.sinceJoinMs(nowMs) > FLOW_PLAYBACK_LIMITS.settleMs) {
      this.#isSettled = true;
      this.#lateness.forgetLateness();
    }
    if (this.#renewal.isDue) void this.#renewToken(null);
    this.#adapt(nowMs);
    this.#pacer.tick(nowMs, this.#targetS);
  }

  get #targetS(): number | null {
    return this.#lateness.targetS ?? this.#guessS;
  }

  /** Asks for a response: one from the last keyframe on replaces those that are open, one from the next on follows them. */
  #join(rung: number, join: "latest" | "next"): void {
    const source = this.#responses.open(rung, join);
    if (join === "latest") {
      this.#responses.closeAll(source);
      this.#sequence.replace(source);
    } else {
      this.#sequence.follow(source);
      this.#dropReplaced();
    }
  }

  #nextRenewalMs(nowMs: number): number {
    const { renewAfterMs, platform } = this.#options;
    return successorTimeMs(nowMs, renewAfterMs, platform.random());
  }

  #rejoin(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    const nowMs = this.#options.platform.clock.monotonicMs();
    // Time without a response is no silence.
    this.#newestMs = nowMs;
    this.#isJoining = true;
    this.#renewMs = this.#nextRenewalMs(nowMs);
    this.#join(this.#abr.rung, "latest");
  }

  #onItems(opened: OpenResponse, items: readonly FlowItem[], bytes: number, nowMs: number): void {
    const { id } = opened.source;
    this.#link.add(nowMs, bytes);
    const isFirst = this.#sequence.active?.id === id && !opened.isCaughtUp;
    for (const item of items) {
      if (item.kind === "event" && item.event.kind === "caught-up") opened.isCaughtUp = true;
      else if (item.kind === "media" && opened.isCaughtUp) this.#lateness.add(nowMs, item.startS);
      else if (item.kind === "event" && item.event.kind === "status")
        this.#options.onStatus(readCarriedStatus(opened, item.event));
    }
    if (isFirst && opened.isCaughtUp) this.#onCaughtUp(items, nowMs);
    this.#append(this.#sequence.push(id, items), nowMs);
    this.#dropReplaced();
  }

  /** The position of a join: the newest media has come, and waited for up to its duration. */
  #onCaughtUp(items: readonly FlowItem[], nowMs: number): void {
    const newest = items.findLast((item) => item.kind === "media" && item.media === this.#lead);
    const startS = newest?.kind === "media" ? newest.startS : this.#sequence.endS;
    if (startS !== null) this.#guessS = nowMs / 1000 - startS + FLOW_PACE_LIMITS.leaveS;
    if (this.#isJoining) this.#pacer.onJoin(nowMs);
    this.#isJoining = false;
  }

  #append(items: readonly FlowItem[], nowMs: number): void {
    if (items.length === 0 || this.#isClosed) return;
    for (const item of items) {
      if (item.kind === "clock") this.#clock.add(item.mediaS, item.programTimeMs);
      else if (item.kind === "media" && item.media === this.#lead) this.#newestMs = nowMs;
    }
    const first = items.find((item) => item.kind === "media" && item.media === this.#lead);
    if (this.#beganS === null && first?.kind === "media") {
      const wantedS = this.#guessS === null ? first.startS : nowMs / 1000 - this.#guessS;
      const positionS = Math.max(first.startS, wantedS);
      this.#beganS = positionS;
      if (this.#options.onTakeOver !== null) {
        this.#media.attach();
        this.#options.onTakeOver();
      }
      this.#pacer.onBegin(positionS);
      this.#media.begin(positionS);
    }
    const { active } = this.#sequence;
    this.#media.append(items, this.#responses.find(active)?.codecs ?? []);
  }

  /** Closes responses that a successor has taken over. */
  #dropReplaced(): void {
    const { active, successor } = this.#sequence;
    this.#responses.closeAll(active, successor);
  }

  #onEnd({ source, sentMs }: OpenResponse, end: FlowResponseEnd): void {
    const wasActive = this.#sequence.active?.id === source.id;
    const nowMs = this.#options.platform.clock.monotonicMs();
    const promoted = this.#sequence.end(source.id);
    this.#append(promoted, nowMs);
    this.#responses.close(source);
    if (this.#isClosed) return;
    const active = this.#responses.find(this.#sequence.active);
    if (active !== null) {
      // A successor that has failed: the rendition stays.
      if (!wasActive) this.#abr = { ...this.#abr, rung: active.rung, changedMs: nowMs };
      return;
    }
    if (end.kind === "bye") this.#onBye(end.reason, nowMs - sentMs);
    else if (end.kind === "broken" || (end.status >= 500 && end.status !== 503)) this.#fail(false);
    else if (end.status === 401 || end.status === 403) void this.#renewToken(end.status);
    else this.#stopFor(refusalOutcome(end, this.#beganS !== null));
  }

  /** Goes on with another token: what plays has a successor, what was refused with this status is asked for again. */
  async #renewToken(refusedStatus: number | null): Promise<void> {
    const isRenewed = await this.#renewal.renew();
    if (this.#isClosed || this.#isOver || this.#isSuspended) return;
    const isOpen = this.#responses.find(this.#sequence.active) !== null;
    if (isRenewed && isOpen) this.#join(this.#abr.rung, "next");
    else if (refusedStatus === null || isOpen) return;
    else if (isRenewed) this.#rejoin();
    else this.#stopFor({ kind: "refused", status: refusedStatus });
  }

  #onBye(reason: FlowEnd, lastedMs: number): void {
    switch (reason) {
      case "ended":
        this.#isOver = true;
        this.#media.finish();
        this.#options.report({ kind: "ended" });
        return;
      case "replaced":
        this.#isOver = true;
        this.#options.report({ kind: "replaced" });
        return;
      case "malformed":
        this.#stopFor({ kind: "obstacle", obstacle: "failing" });
        return;
      // The next request tells by its status whether and why the viewer may not watch.
      case "refused":
      case "renew":
      case "init":
        if (lastedMs < FLOW_RECOVERY_LIMITS.shortestMs) this.#fail(false);
        else this.#rejoin();
    }
  }

  #fail(isSilent: boolean): void {
    const { clock, random } = this.#options.platform;
    this.#responses.closeAll();
    const { failures, retryMs } = nextFlowFailure(this.#failures, clock.monotonicMs(), isSilent, random());
    this.#failures = failures;
    if (retryMs === null) {
      this.#stopFor({ kind: "obstacle", obstacle: isSilent ? "no-media" : "failing" });
      return;
    }
    if (retryMs === 0) this.#rejoin();
    else this.#cancelRetry = clock.startTimer(retryMs, () => this.#rejoin());
  }

  /** Another player goes on; the last picture stays until then. */
  #stopFor(outcome: FlowOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelRetry?.();
    this.#responses.closeAll();
    this.#options.report(outcome);
  }

  #adapt(nowMs: number): void {
    const active = this.#responses.find(this.#sequence.active);
    if (active === null) return;
    const { rungs, chosen, sizeCap } = this.#options;
    const joiningS = (nowMs - active.sentMs) / 1000 - FLOW_PLAYBACK_LIMITS.joinS;
    const { state, change } = nextFlowAbr(
      this.#abr,
      {
        nowMs,
        lagS: active.isCaughtUp ? this.#lateness.lagS(nowMs, this.#sequence.endS) : Math.max(0, joiningS),
        receivedBps: this.#link.receivedBps(nowMs),
        linkBps: this.#link.linkBps,
        ...{ hasStalled: this.#hasStalled, chosen: chosen(), sizeCap: sizeCap() },
      },
      rungs,
    );
    this.#abr = state;
    this.#hasStalled = false;
    if (change?.kind === "too-slow") this.#stopFor({ kind: "obstacle", obstacle: "slow-link" });
    else if (change?.kind === "down") {
      // What was late was the link's doing: the lower rendition's parts are not.
      if (chosen() === null) this.#lateness.forgetLateness();
      this.#newestMs = nowMs;
      this.#join(change.rung, "latest");
    } else if (change?.kind === "up") this.#join(change.rung, "next");
    else if (nowMs > this.#renewMs && this.#sequence.successor === null) {
      this.#renewMs = this.#nextRenewalMs(nowMs);
      this.#join(state.rung, "next");
    }
  }
}
