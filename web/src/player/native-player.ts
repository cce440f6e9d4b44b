/** Plays with the browser's own HLS, where there are no media source extensions (older iPhones). */
import { backoffMs } from "../../../core/kit/backoff.ts";
import { type PlaybackToken, refusalText } from "./playback-token.ts";
import { isStoppedStatus, type PlayerReading, type StreamPlayer, type WatchEventListener } from "./player.ts";

/** `getStartDate` is Safari's: the programme time of the timeline's zero. */
type SafariVideo = HTMLVideoElement & { getStartDate?: () => Date };

/** The browser steers its own delay here; only failures are handled. */
export class NativePlayer implements StreamPlayer {
  readonly #video: SafariVideo;
  readonly #url: string;
  readonly #report: WatchEventListener;
  readonly #playbackToken: PlaybackToken;
  #token: string | null = null;
  #attempts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(video: HTMLVideoElement, url: string, report: WatchEventListener, ticket: PlaybackToken) {
    this.#video = video;
    this.#url = url;
    this.#report = report;
    this.#playbackToken = ticket;
    video.addEventListener("error", () => this.#onError());
    video.addEventListener("playing", () => {
      this.#attempts = 0;
    });
  }

  get isRecording(): boolean {
    return Number.isFinite(this.#video.duration);
  }

  load(): void {
    clearTimeout(this.#timer);
    this.#token = this.#playbackToken.token;
    this.#video.src = this.#address();
  }

  stop(): void {
    clearTimeout(this.#timer);
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

  /** Safari doesn't say what failed: ask for the address once to tell "not there" from trouble on the way. */
  #onError(): void {
    void fetch(this.#address(), { method: "HEAD" })
      .then(({ status }) => {
        if (isStoppedStatus(status)) return this.#report({ type: "stopped" });
        const refused = refusalText(status);
        if (refused !== null) return this.#renewToken(refused);
        const crowded = status === 503 || status === 429;
        this.#report({ type: status === 404 ? "missing" : crowded ? "crowded" : "stuck" });
      })
      .catch(() => this.#report({ type: "stuck" }));
    this.#timer = setTimeout(
      () => this.load(),
      backoffMs(++this.#attempts, { firstMs: 1000, maxMs: 10_000 }, Math.random),
    );
  }

  /** The browser's player takes nothing along but addresses: the token goes into the first one, and playlists carry it on. */
  #address(): string {
    return this.#token === null ? this.#url : `${this.#url}?token=${this.#token}`;
  }

  async #renewToken(refused: string): Promise<void> {
    clearTimeout(this.#timer);
    if (await this.#playbackToken.renew(this.#token)) this.load();
    else this.#report({ type: "failed", error: refused });
  }
}
