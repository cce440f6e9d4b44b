/** Plays with the browser's own HLS, without Media Source Extensions (older iPhones). */
import { backoffMs } from "../../../core/kit/backoff.ts";
import { isStoppedStatus, type PlayerOptions, type PlayerReading, refusalText, type StreamPlayer } from "./player.ts";

/** `getStartDate` is Safari's: the program time of the timeline's zero. */
type SafariVideo = HTMLVideoElement & { getStartDate?: () => Date };

/** The browser controls its own delay; only failures are handled here. */
export class NativePlayer implements StreamPlayer {
  readonly #video: SafariVideo;
  readonly #options: PlayerOptions;
  #token: string | null = null;
  #attempts = 0;
  #cancelTimer: () => void = () => {};

  constructor(options: PlayerOptions) {
    const { video } = options;
    this.#options = options;
    this.#video = video;
    video.addEventListener("error", () => this.#onError());
    video.addEventListener("playing", () => {
      this.#attempts = 0;
    });
  }

  get isRecording(): boolean {
    return Number.isFinite(this.#video.duration);
  }

  load(): void {
    this.#cancelTimer();
    this.#token = this.#options.playbackToken.token;
    this.#video.src = this.#address();
  }

  stop(): void {
    this.#cancelTimer();
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  retryNow(): void {
    if (this.#video.error !== null) this.load();
  }

  seekToLive(): void {
    const { seekable } = this.#video;
    if (seekable.length > 0) this.#video.currentTime = seekable.end(seekable.length - 1);
  }

  tick(): void {}
  onStall(): void {}

  read(): PlayerReading {
    const start = this.#video.getStartDate?.().getTime() ?? Number.NaN;
    return {
      rendition: this.#video.videoHeight > 0 ? `${Math.min(this.#video.videoHeight, this.#video.videoWidth)}p` : null,
      targetS: null,
      programTimeMs: Number.isNaN(start) ? null : start + this.#video.currentTime * 1000,
      bandwidth: null,
      edgeDistanceS: null,
    };
  }

  /** Safari does not report what failed: one request distinguishes a missing stream from a network error. */
  #onError(): void {
    void fetch(this.#address(), { method: "HEAD" })
      .then(({ status }) => {
        if (isStoppedStatus(status)) return this.#options.report({ type: "stopped" });
        const refused = refusalText(status);
        if (refused !== null) return this.#renewToken(refused);
        const crowded = status === 503 || status === 429;
        this.#options.report({ type: status === 404 ? "missing" : crowded ? "crowded" : "stuck" });
      })
      .catch(() => this.#options.report({ type: "stuck" }));
    const { clock, random } = this.#options.platform;
    this.#cancelTimer = clock.startTimer(backoffMs(++this.#attempts, { firstMs: 1000, maxMs: 10_000 }, random), () =>
      this.load(),
    );
  }

  /** The browser's player sends no headers: the token goes into the first address, and playlists repeat it in theirs. */
  #address(): string {
    return this.#token === null ? this.#options.url : `${this.#options.url}?token=${this.#token}`;
  }

  async #renewToken(refused: string): Promise<void> {
    this.#cancelTimer();
    if (await this.#options.playbackToken.renew(this.#token)) this.load();
    else this.#options.report({ type: "failed", error: refused });
  }
}
