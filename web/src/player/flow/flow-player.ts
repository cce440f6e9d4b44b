/** Plays by flow: which tracks, when to let go of the response, and what the page is told. */
import type { FlowObstacle } from "../delay-choice.ts";
import type { FastestPlayer, FlowBroadcast } from "../delay-switch.ts";
import { mediaSourceClass } from "../media-source.ts";
import type { MediaSurface, MediaTraits } from "../media-traits.ts";
import { isStoppedStatus, type PlayerOptions, type PlayerReading, refusalText } from "../player.ts";
import type { CarriedStatus } from "../status.ts";
import { isWebKit } from "./browser-engine.ts";
import type { EarlyFlow } from "./early-flow.ts";
import type { FlowOutcome, RenewalRange } from "./flow-options.ts";
import { FlowPlayback } from "./flow-playback.ts";
import { assumedLinkBps, chooseStartRung, flowAddress, heightOf, largestRungFor } from "./flow-start.ts";
import { chooseFlowTracks, type FlowTracks } from "./flow-tracks.ts";

/** Limits of the player, each with its reason. */
const FLOW_PLAYER_LIMITS = {
  /** A tab that nobody sees or hears, and a paused one, give their response back after this long. */
  hiddenMs: 3_000,
  pausedMs: 10_000,
  /** A seek by the viewer by less than this is the controls' rounding. */
  backS: 0.5,
  /** Joins in a row that are put off before LL-HLS tries: it may be flow alone that has no place. */
  deferrals: 3,
} as const;

/** What the player needs besides what every player does. */
export interface FlowPlayerOptions extends Omit<PlayerOptions, "url"> {
  /** Origin of the edge, like `https://live.example`; empty: the page's own. */
  readonly edge: string;
  readonly stream: string;
  readonly surface: MediaSurface;
  /** A response that the page has asked for already. */
  readonly early: EarlyFlow | null;
  /** A response gets a successor after a time in this range. */
  readonly renewAfterMs: RenewalRange;
  /** Flow can't be now: another player goes on, at `programTimeMs` if the viewer went back to it. */
  readonly onObstacle: (obstacle: FlowObstacle, programTimeMs: number | null) => void;
  /** The broadcast is over, or another one has begun: the API knows. */
  readonly onOver: () => void;
  /** The server's clock, milliseconds since the epoch. */
  readonly serverNowMs: () => number;
  /** Another source takes the element, which shows nothing until it has a picture. */
  readonly onSwap: () => void;
  /** The stream's status came with the media. */
  readonly onStatus: (status: CarriedStatus) => void;
}

/** See the file's first line. */
export class FlowPlayer implements FastestPlayer {
  readonly isRecording = false;
  readonly #options: FlowPlayerOptions;
  readonly #traits: MediaTraits;
  readonly #mediaSource = mediaSourceClass();
  #broadcast: FlowBroadcast | null = null;
  #early: EarlyFlow | null;
  #playback: FlowPlayback | null = null;
  /** One that takes over from it. */
  #next: FlowPlayback | null = null;
  #tracks: FlowTracks | null = null;
  /** Loaded, though the broadcast may not be known yet. */
  #isLoaded = false;
  #chosen = -1;
  /** Joins in a row that the edge has put off. */
  #deferrals = 0;
  #lastTimeS = 0;
  #linkBps: number | null = null;
  #suspension: "none" | "hidden" | "paused" = "none";
  #cancelSuspension: () => void = () => {};
  readonly #listening = new AbortController();

  constructor(options: FlowPlayerOptions) {
    this.#options = options;
    this.#early = options.early;
    const { video } = options;
    this.#traits = {
      streamType: "live",
      targetLiveWindow: 0,
      liveEdgeStart: () => this.#playback?.liveEdgeStartS ?? Number.NaN,
    };
    const { signal } = this.#listening;
    video.addEventListener("seeking", () => this.#onSeeking(), { signal });
    video.addEventListener("pause", () => this.#onPause(), { signal });
    video.addEventListener("play", () => this.#onPlay(), { signal });
    document.addEventListener("visibilitychange", () => this.#onVisibility(), { signal });
  }

  /** Whether it was loaded and waits for a broadcast. */
  get isWaiting(): boolean {
    return this.#isLoaded && this.#playback === null;
  }

  get carriesStatus(): boolean {
    return this.#playback?.carriesStatus ?? false;
  }

  /** What is live, from the API; null: nothing. A player that was loaded before begins now. */
  setBroadcast(broadcast: FlowBroadcast | null): void {
    this.#broadcast = broadcast;
    if (this.#isLoaded && this.#playback === null && this.#deferrals === 0) this.#begin();
  }

  load(): void {
    this.stop();
    this.#isLoaded = true;
    this.#begin();
  }

  stop(): void {
    this.#isLoaded = false;
    this.#lastTimeS = 0;
    this.#suspension = "none";
    this.#cancelSuspension();
    this.#linkBps = this.#playback?.linkBps ?? this.#linkBps;
    this.#next?.close();
    this.#next = null;
    this.#playback?.close();
    this.#playback = null;
  }

  /** Drops the stream for good. */
  close(): void {
    this.stop();
    this.#listening.abort();
  }

  retryNow(): void {
    this.#playback?.retryNow();
  }

  seekToLive(): void {
    this.#playback?.seekToLive();
  }

  tick(nowMs: number): void {
    this.#playback?.tick(nowMs);
    this.#next?.tick(nowMs);
    const { video } = this.#options;
    if (typeof this.#playback?.beganS === "number") this.#deferrals = 0;
    // The position of a seek is not where playback was.
    if (!video.seeking) this.#lastTimeS = video.currentTime;
  }

  onStall(nowMs: number): void {
    this.#playback?.onStall(nowMs);
  }

  read(): PlayerReading {
    const playback = this.#playback;
    return {
      rendition: playback?.rendition ?? null,
      targetS: playback?.holdBackS ?? null,
      programTimeMs: playback?.programTimeAt(this.#options.video.currentTime) ?? null,
      bandwidth: playback?.linkBps ?? null,
      edgeDistanceS: playback?.edgeDistanceS ?? null,
    };
  }

  #begin(): void {
    const { surface } = this.#options;
    const broadcast = this.#broadcast;
    if (broadcast === null) return;
    const tracks = chooseFlowTracks(broadcast.tracks, (type) => this.#mediaSource?.isTypeSupported(type) ?? false);
    this.#tracks = tracks;
    if (tracks === null) {
      this.#options.onObstacle("unsupported", null);
      return;
    }
    surface.use(this.#traits, (index) => {
      this.#chosen = index;
    });
    surface.renditions.replace(
      tracks.rungs.map(({ name, bandwidth }, index) => ({
        ...{ id: String(index), name, bitrate: bandwidth },
        ...{ width: Math.round((heightOf(name) * 16) / 9), height: heightOf(name) },
      })),
    );
    this.#chosen = surface.renditions.selectedIndex;
    this.#playback = this.#open(broadcast, tracks, null);
  }

  #open(
    { broadcast }: FlowBroadcast,
    { rungs, audio }: Pick<FlowTracks, "rungs" | "audio">,
    onTakeOver: (() => void) | null,
  ): FlowPlayback {
    const { video, platform, edge, stream, renewAfterMs, playbackToken, serverNowMs, onStatus } = this.#options;
    const mediaSource = this.#mediaSource ?? MediaSource;
    const early = this.#takeEarly();
    const asked = early?.broadcast === broadcast ? rungs.findIndex(({ name }) => name === early.rendition) : -1;
    const startRung = asked === -1 ? chooseStartRung(rungs, this.#startBps(), linesOf(video)) : asked;
    const playback: FlowPlayback = new FlowPlayback({
      ...{ video, platform, mediaSource, rungs, audio, onTakeOver, onStatus, early, renewAfterMs },
      url: flowAddress(edge, stream, broadcast),
      access: {
        token: () => playbackToken.token,
        expiresInMs: () => {
          const { expiresMs } = playbackToken;
          return expiresMs === null ? null : expiresMs - serverNowMs();
        },
        renew: () => playbackToken.renew(playbackToken.token),
      },
      startRung: this.#chosen === -1 ? startRung : this.#chosen,
      chosen: () => (this.#chosen === -1 ? null : this.#chosen),
      sizeCap: () => largestRungFor(rungs, linesOf(video)),
      report: (outcome) => this.#onOutcome(playback, outcome),
    });
    return playback;
  }

  /** Another playback takes over with its first media: with the sound alone, or with the pictures again. */
  #swap(isSoundOnly: boolean): void {
    const [broadcast, tracks] = [this.#broadcast, this.#tracks];
    if (broadcast === null || tracks === null) return;
    this.#next?.close();
    this.#linkBps = this.#playback?.linkBps ?? this.#linkBps;
    const next = this.#open(broadcast, isSoundOnly ? { ...tracks, rungs: [] } : tracks, () => {
      this.#options.onSwap();
      this.#playback?.close();
      this.#playback = next;
      this.#next = null;
      this.#lastTimeS = 0;
    });
    this.#next = next;
  }

  #startBps(): number {
    const { connection } = navigator as { connection?: { downlink?: number } };
    return this.#linkBps ?? assumedLinkBps(connection?.downlink);
  }

  /** What the page has asked for is for the first playback. */
  #takeEarly(): EarlyFlow | null {
    const early = this.#early;
    this.#early = null;
    return early;
  }

  #onOutcome(playback: FlowPlayback, outcome: FlowOutcome): void {
    if (playback === this.#next) {
      playback.close();
      this.#next = null;
      // What plays reports the same of the broadcast, and the sound alone was only for economy.
      if (playback.isSoundOnly || outcome.kind !== "obstacle") return;
    }
    switch (outcome.kind) {
      case "obstacle":
        this.#options.onObstacle(outcome.obstacle, null);
        return;
      case "ended":
      case "replaced":
        this.#options.onOver();
        return;
      case "crowded":
        this.#onCrowded(outcome.retryAfterS);
        return;
      case "refused":
        this.#onRefused(outcome.status);
    }
  }

  #onCrowded(retryAfterS: number): void {
    const { report, onObstacle, platform } = this.#options;
    this.#deferrals += 1;
    if (this.#deferrals > FLOW_PLAYER_LIMITS.deferrals) {
      this.#deferrals = 0;
      onObstacle("failing", null);
      return;
    }
    this.stop();
    this.#isLoaded = true;
    report({ type: "crowded" });
    this.#after((retryAfterS + platform.random()) * 1000, () => this.load());
  }

  #onRefused(status: number): void {
    const { report, onObstacle, onOver } = this.#options;
    const refused = refusalText(status);
    if (isStoppedStatus(status)) {
      this.stop();
      report({ type: "stopped" });
    } else if (refused !== null) {
      this.stop();
      report({ type: "failed", error: refused });
    } else if (status === 404) {
      // Over, or not known everywhere yet: LL-HLS has it in either case.
      onOver();
      onObstacle("failing", null);
    } else onObstacle("failing", null);
  }

  #onSeeking(): void {
    const playback = this.#playback;
    const { currentTime } = this.#options.video;
    if (playback === null || playback.takeOwnSeek()) return;
    // No tick may have seen a playback that has just begun.
    const byS = currentTime - Math.max(this.#lastTimeS, playback.beganS ?? currentTime);
    if (byS < -FLOW_PLAYER_LIMITS.backS) this.#options.onObstacle("behind", playback.programTimeAt(currentTime));
    else if (byS > FLOW_PLAYER_LIMITS.backS) playback.seekToLive();
  }

  #onPause(): void {
    if (this.#playback === null || this.#suspension !== "none") return;
    this.#suspendAfter(FLOW_PLAYER_LIMITS.pausedMs, "paused");
  }

  #onPlay(): void {
    const playback = this.#playback;
    if (this.#suspension === "paused") this.#resume();
    else if (this.#suspension === "none" && playback !== null) {
      this.#cancelSuspension();
      // A page that nobody sees may begin: it was opened in the background, or LL-HLS has ended in it.
      if (document.hidden) this.#onHidden(playback);
      else if (playback.isSoundOnly) this.#swap(false);
    }
  }

  #onVisibility(): void {
    if (this.#playback === null) return;
    if (document.hidden) this.#onHidden(this.#playback);
    else this.#onShown(this.#playback);
  }

  #onShown(playback: FlowPlayback): void {
    const { video } = this.#options;
    if (this.#next?.isSoundOnly) {
      this.#next.close();
      this.#next = null;
    }
    if (this.#suspension === "hidden") {
      this.#resume();
      void video.play().catch(() => {});
    } else if (!video.paused) {
      this.#cancelSuspension();
      if (playback.isSoundOnly) this.#swap(false);
    }
  }

  #onHidden(playback: FlowPlayback): void {
    const { video } = this.#options;
    if (this.#next !== null && !this.#next.isSoundOnly) {
      this.#next.close();
      this.#next = null;
    }
    if (document.pictureInPictureElement === video || video.paused || this.#suspension !== "none") return;
    const { hiddenMs } = FLOW_PLAYER_LIMITS;
    const isSilent = video.muted || video.volume === 0 || this.#tracks?.hasSound !== true;
    if (isSilent) this.#suspendAfter(hiddenMs, "hidden");
    else if (!playback.isSoundOnly && this.#tracks?.audio !== null && !isWebKit(navigator.userAgent))
      this.#after(hiddenMs, () => this.#swap(true));
  }

  #suspendAfter(ms: number, reason: "hidden" | "paused"): void {
    this.#after(ms, () => {
      this.#suspension = reason;
      // A playhead that stands still without a pause would be a stall.
      if (reason === "hidden") this.#options.video.pause();
      this.#playback?.suspend();
    });
  }

  #after(ms: number, task: () => void): void {
    this.#cancelSuspension();
    this.#cancelSuspension = this.#options.platform.clock.startTimer(ms, task);
  }

  #resume(): void {
    this.#cancelSuspension();
    this.#suspension = "none";
    if (this.#playback?.isSoundOnly && !document.hidden) this.#swap(false);
    else this.#playback?.resume();
  }
}

/** Device pixels of height that the picture has on screen. */
const linesOf = (video: HTMLVideoElement): number => video.clientHeight * devicePixelRatio;
