/** Plays with the browser's own HLS, where there are no media source extensions (older iPhones). */
import { backoffMs } from "./backoff.ts";
import type { Player, Reading, Report } from "./player.ts";

/** `getStartDate` is Safari's: the programme time of the timeline's zero. */
type SafariVideo = HTMLVideoElement & { getStartDate?: () => Date };

/** The browser steers its own delay here; only failures are handled. */
export class NativePlayer implements Player {
  readonly #video: SafariVideo;
  readonly #url: string;
  readonly #report: Report;
  #attempts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(video: HTMLVideoElement, url: string, report: Report) {
    this.#video = video;
    this.#url = url;
    this.#report = report;
    video.addEventListener("error", () => this.#onError());
    video.addEventListener("playing", () => {
      this.#attempts = 0;
    });
  }

  get recording(): boolean {
    return Number.isFinite(this.#video.duration);
  }

  load(): void {
    clearTimeout(this.#timer);
    this.#video.src = this.#url;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  nudge(): void {
    if (this.#video.error !== null) this.load();
  }

  toLive(): void {
    const { seekable } = this.#video;
    if (seekable.length > 0) this.#video.currentTime = seekable.end(seekable.length - 1);
  }

  tick(): void {}
  stalled(): void {}

  read(): Reading {
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
    void fetch(this.#url, { method: "HEAD" })
      .then(({ status }) => this.#report({ type: status === 404 ? "missing" : status === 503 ? "crowded" : "stuck" }))
      .catch(() => this.#report({ type: "stuck" }));
    this.#timer = setTimeout(() => this.load(), backoffMs(this.#attempts++, 1000, 10_000, Math.random()));
  }
}
