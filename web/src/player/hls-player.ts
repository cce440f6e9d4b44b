/** Plays with hls.js: set-up, renditions, recovery from its errors. */
import Hls, { type ErrorData, ErrorDetails, ErrorTypes, Events } from "hls.js";
import { backoffMs } from "../../../core/kit/backoff.ts";
import { leaveGapLevel } from "./gap-levels.ts";
import { createHlsConfig } from "./hls-config.ts";
import { type LiveEdge, LiveEdgeController } from "./live-edge-controller.ts";
import type { MediaSurface, MediaTraits } from "./media-traits.ts";
import { readPlaybackProof, storePlaybackProof } from "./playback-proof.ts";
import { isStoppedStatus, type PlayerOptions, type PlayerReading, refusalText, type StreamPlayer } from "./player.ts";
import { type RenditionOption, renditionName } from "./renditions.ts";
import { findOtherSound } from "./sound-codec.ts";

/** Limits of recovery. */
const RECOVERY_LIMITS = {
  /** Media errors within this time of each other are one episode. */
  episodeMs: 15_000,
  /** Recoveries per episode before playback fails. */
  attempts: 4,
  retry: { firstMs: 500, maxMs: 8000 },
  /** After this many failed retries the playlist is loaded again: it may be another broadcast's. */
  triesBeforeReload: 4,
} as const;

/** Shorter windows offer no useful seeking. */
const SHORTEST_DVR_S = 30;

export class HlsPlayer implements StreamPlayer {
  readonly #video: HTMLVideoElement;
  readonly #options: PlayerOptions;
  readonly #surface: MediaSurface;
  readonly #liveEdge: LiveEdgeController;
  readonly #traits: MediaTraits;
  #hls: Hls | null = null;
  /** The token with which the stream was loaded. */
  #token: string | null = null;
  /** The first refusal may answer the page's preload, which sends no token. */
  #isPreloadUsed = false;
  #recoveries = 0;
  #recoveredAtMs = Number.NEGATIVE_INFINITY;
  #retries = 0;
  #cancelTimer: () => void = () => {};
  #retry: (() => void) | null = null;
  /** Program time at which to begin, once it can be found. */
  #startProgramTimeMs: number | null = null;

  constructor(options: PlayerOptions, surface: MediaSurface) {
    const { video } = options;
    this.#options = options;
    this.#surface = surface;
    this.#video = video;
    this.#liveEdge = new LiveEdgeController(video, () => this.#edge());
    this.#traits = {
      streamType: "unknown",
      targetLiveWindow: 0,
      liveEdgeStart: () => {
        const edge = this.#edge();
        return edge === null ? Number.NaN : edge.edgeS - edge.holdBackS - 3;
      },
    };
    let paused = false;
    video.addEventListener("seeking", () => this.#liveEdge.onSeeking());
    video.addEventListener("pause", () => {
      paused = !document.hidden;
    });
    video.addEventListener("play", () => {
      if (paused) this.#liveEdge.onResume();
      paused = false;
    });
  }

  get isRecording(): boolean {
    return this.#hls?.latestLevelDetails?.live === false;
  }

  /** Whether the viewer follows the live edge. */
  get isAtLiveEdge(): boolean {
    return this.#hls !== null && this.#liveEdge.isFollowing;
  }

  /** Loads the stream, and goes back to `programTimeMs`, milliseconds since the epoch, once it plays. */
  loadAt(programTimeMs: number): void {
    this.load();
    this.#startProgramTimeMs = programTimeMs;
  }

  load(): void {
    this.stop();
    this.#liveEdge.reset();
    this.#surface.use(this.#traits, (index) => {
      if (this.#hls !== null) this.#hls.loadLevel = index;
    });
    const connection = (navigator as { connection?: { downlink?: number } }).connection;
    this.#token = this.#options.playbackToken.token;
    const hls = new Hls(createHlsConfig(connection?.downlink, () => this.#options.playbackToken.token));
    this.#hls = hls;
    hls.on(Events.MANIFEST_LOADED, (_, { networkDetails }) => storePlaybackProof(readPlaybackProof(networkDetails)));
    hls.on(Events.MANIFEST_PARSED, () => {
      for (const index of findOtherSound(hls.levels)) hls.removeLevel(index);
      this.#listRenditions(hls);
    });
    hls.on(Events.LEVEL_UPDATED, (_, { details, level }) => {
      this.#retries = 0;
      if (details.live) leaveGapLevel(hls, level, details.partList, this.#options.platform.clock.monotonicMs());
      this.#traits.streamType = details.live ? "live" : "on-demand";
      this.#traits.targetLiveWindow =
        details.live && details.totalduration >= SHORTEST_DVR_S ? Math.floor(details.totalduration) : 0;
      this.#surface.announce();
    });
    let startS: number | null = null;
    hls.on(Events.FRAG_LOADING, (_, { frag, targetBufferTime }) => {
      if (frag.type === "main") startS ??= targetBufferTime;
    });
    hls.on(Events.BUFFER_APPENDED, () => {
      if (startS !== null) this.#liveEdge.seekToStart(startS);
    });
    hls.on(Events.ERROR, (_, data) => {
      // A stop applies to every request, and to buffered media.
      if (isStoppedStatus(data.response?.code)) this.#onStopped(hls);
      else if (data.fatal) this.#recover(hls, data);
    });
    hls.loadSource(this.#options.url);
    hls.attachMedia(this.#video);
  }

  stop(): void {
    this.#startProgramTimeMs = null;
    this.#cancelRetry();
    this.#hls?.destroy();
    this.#hls = null;
  }

  retryNow(): void {
    const retry = this.#retry;
    this.#cancelRetry();
    retry?.();
  }

  seekToLive(): void {
    this.#liveEdge.seekToLive();
  }

  tick(nowMs: number): void {
    this.#liveEdge.tick(nowMs);
    this.#goBack();
  }

  onStall(nowMs: number): void {
    this.#liveEdge.onStall(nowMs);
  }

  read(): PlayerReading {
    const hls = this.#hls;
    const edge = this.#edge();
    return {
      rendition: this.#surface.renditions.items[hls?.currentLevel ?? -1]?.name ?? null,
      targetS: this.#liveEdge.targetS,
      programTimeMs: hls?.playingDate?.getTime() ?? null,
      bandwidth: hls === null ? null : hls.bandwidthEstimate,
      edgeDistanceS: edge === null ? null : edge.edgeS - this.#video.currentTime,
    };
  }

  #edge(): LiveEdge | null {
    const hls = this.#hls;
    const latest = hls?.latestLevelDetails;
    if (!hls || !latest?.live) return null;
    // A rendition that was just switched to has its last playlist; another one's is newer then.
    const details = hls.levels.reduce(
      (best, { details }) => (details && details.edge > best.edge ? details : best),
      latest,
    );
    const holdBackS = hls.targetLatency;
    if (holdBackS === null || holdBackS === undefined) return null;
    const partTargetS = details.partTarget > 0 ? details.partTarget : details.targetduration;
    // A later playlist is overdue: source or network has failed, and the edge does not advance.
    const sinceListedS = Math.min(details.age, 2 * partTargetS);
    return { listedS: details.edge, edgeS: details.edge + sinceListedS, holdBackS, partTargetS };
  }

  #listRenditions(hls: Hls): void {
    const items: RenditionOption[] = hls.levels.map((level, index) => ({
      id: String(index),
      name: renditionName(level.uri, level.width, level.height, level.bitrate),
      width: level.width,
      height: level.height,
      bitrate: level.bitrate,
    }));
    this.#surface.renditions.replace(items);
  }

  /** Seeks to the position at which playback is to begin, once pictures show that the timeline is known. */
  #goBack(): void {
    const wantedMs = this.#startProgramTimeMs;
    const details = this.#hls?.latestLevelDetails;
    if (wantedMs === null || !details || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const found =
      details.fragments.findLast(({ programDateTime }) => (programDateTime ?? Number.POSITIVE_INFINITY) <= wantedMs) ??
      details.fragments[0];
    this.#startProgramTimeMs = null;
    if (found === undefined || found.programDateTime === null) return;
    this.#video.currentTime = found.start + Math.max(0, wantedMs - found.programDateTime) / 1000;
  }

  #onStopped(hls: Hls): void {
    if (hls !== this.#hls) return;
    this.stop();
    this.#options.report({ type: "stopped" });
  }

  #recover(hls: Hls, data: ErrorData): void {
    if (hls !== this.#hls) return;
    if (data.details === ErrorDetails.MANIFEST_LOAD_ERROR && data.response?.code === 404) {
      this.#options.report({ type: "missing" });
      this.stop();
      return;
    }
    const refused = refusalText(data.response?.code);
    if (refused !== null) {
      this.#options.report({ type: "stuck" });
      void this.#renewToken(hls, isManifestError(data), refused);
      return;
    }
    if (data.details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) {
      this.stop();
      this.#options.report({ type: "failed", error: "This browser can’t play this stream’s formats." });
      return;
    }
    const comeBackS = retryAfterS(data);
    if (comeBackS !== null) {
      this.#options.report({ type: "crowded" });
      this.#retryAfter((comeBackS + this.#options.platform.random()) * 1000, () => this.load());
      return;
    }
    if (data.type === ErrorTypes.NETWORK_ERROR) {
      this.#options.report({ type: "stuck" });
      const anew = isManifestError(data) || this.#retries >= RECOVERY_LIMITS.triesBeforeReload;
      this.#scheduleRetry(() => (anew ? this.load() : hls.startLoad()));
      return;
    }
    const nowMs = this.#options.platform.clock.monotonicMs();
    this.#recoveries = nowMs - this.#recoveredAtMs > RECOVERY_LIMITS.episodeMs ? 1 : this.#recoveries + 1;
    this.#recoveredAtMs = nowMs;
    if (this.#recoveries > RECOVERY_LIMITS.attempts) {
      this.stop();
      this.#options.report({ type: "failed", error: `Playback error (${data.details}).` });
    } else if (data.type === ErrorTypes.MEDIA_ERROR && this.#recoveries <= 2) {
      hls.recoverMediaError();
    } else {
      this.#options.report({ type: "stuck" });
      this.#scheduleRetry(() => this.load());
    }
  }

  /** Retries with another token, if there is one. */
  async #renewToken(hls: Hls, anew: boolean, refused: string): Promise<void> {
    const before = this.#token;
    const isPreload = anew && before !== null && !this.#isPreloadUsed;
    this.#isPreloadUsed = true;
    if (isPreload) return this.load();
    const renewed = await this.#options.playbackToken.renew(before);
    if (hls !== this.#hls) return;
    this.#token = this.#options.playbackToken.token;
    if (renewed && !anew && before !== null) hls.startLoad();
    else if (renewed) this.load();
    else {
      this.stop();
      this.#options.report({ type: "failed", error: refused });
    }
  }

  #scheduleRetry(retry: () => void): void {
    this.#retryAfter(backoffMs(++this.#retries, RECOVERY_LIMITS.retry, this.#options.platform.random), retry);
  }

  #retryAfter(ms: number, retry: () => void): void {
    this.#cancelRetry();
    this.#retry = retry;
    this.#cancelTimer = this.#options.platform.clock.startTimer(ms, () => this.retryNow());
  }

  #cancelRetry(): void {
    this.#cancelTimer();
    this.#retry = null;
  }
}

/** `Retry-After` of the multivariant playlist, seconds; null without one. */
function retryAfterS(data: ErrorData): number | null {
  const { code = 0 } = data.response ?? {};
  if (data.details !== ErrorDetails.MANIFEST_LOAD_ERROR || (code !== 503 && code !== 429)) return null;
  const { networkDetails } = data as { networkDetails?: unknown };
  if (!(networkDetails instanceof XMLHttpRequest)) return null;
  const seconds = Number(networkDetails.getResponseHeader("Retry-After") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 60) : null;
}

function isManifestError(data: ErrorData): boolean {
  return (
    data.details === ErrorDetails.MANIFEST_LOAD_ERROR ||
    data.details === ErrorDetails.MANIFEST_LOAD_TIMEOUT ||
    data.details === ErrorDetails.MANIFEST_PARSING_ERROR
  );
}
