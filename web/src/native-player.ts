/** Plays with the browser's own HLS, where there are no media source extensions (older iPhones). */
import { backoffMs } from "./backoff.ts";
import { type Player, type Reading, type Report, saysStopped } from "./player.ts";
import { refusedText, type Ticket } from "./ticket.ts";

/** `getStartDate` is Safari's: the programme time of the timeline's zero. */
type SafariVideo = HTMLVideoElement & { getStartDate?: () => Date };

/** The browser steers its own delay here; only failures are handled. */
export class NativePlayer implements Player {
  readonly #video: SafariVideo;
  readonly #url: string;
  readonly #report: Report;
  readonly #ticket: Ticket;
  #token: string | null = null;
  #attempts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(video: HTMLVideoElement, url: string, report: Report, ticket: Ticket) {
    this.#video = video;
    this.#url = url;
    this.#report = report;
    this.#ticket = ticket;
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
    this.#token = this.#ticket.token;
    this.#video.src = this.#address();
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
    void fetch(this.#address(), { method: "HEAD" })
      .then(({ status }) => {
        if (saysStopped(status)) return this.#report({ type: "stopped" });
        const refused = refusedText(status);
        if (refused !== null) return this.#renew(refused);
        const crowded = status === 503 || status === 429;
        this.#report({ type: status === 404 ? "missing" : crowded ? "crowded" : "stuck" });
      })
      .catch(() => this.#report({ type: "stuck" }));
    this.#timer = setTimeout(() => this.load(), backoffMs(this.#attempts++, 1000, 10_000, Math.random()));
  }

  /** The browser's player takes nothing along but addresses: the token goes into the first one, and playlists carry it on. */
  #address(): string {
    return this.#token === null ? this.#url : `${this.#url}?token=${this.#token}`;
  }

  async #renew(refused: string): Promise<void> {
    clearTimeout(this.#timer);
    if (await this.#ticket.renewed(this.#token)) this.load();
    else this.#report({ type: "failed", error: refused });
  }
}
