/**
 * The token of the player, for streams that require one. When it expires, the embedding page is asked for another:
 * it receives `{ type: "corral-token-wanted", stream }` and answers, or sends at any time,
 * `{ type: "corral-token", token }`. Only a page of the edge, or of an origin that the stream's list names, is asked and heard.
 */
import type { Clock } from "../../../core/kit/clock.ts";
import { loadAddressToken, loadViewerToken, storeViewerToken } from "../kit/viewer-session.ts";
import { findParentOrigin } from "./parent-origin.ts";
import type { ViewerToken } from "./player.ts";
import { readTokenExpiryMs } from "./token-expiry.ts";

/** Timeout of the embedding page's answer. */
const ANSWER_MS = 5_000;

/** One stream's token in this tab. */
export class PlaybackToken implements ViewerToken {
  readonly #stream: string;
  #token: string | null;
  readonly #clock: Clock;
  #onToken: () => void = () => {};
  /** The embedding page's origin, if it is trusted; else the edge's own. */
  readonly #trusted: string;

  /** `parents` are origins that may give tokens, besides the edge's own. */
  constructor(stream: string, clock: Clock, parents: readonly string[] = []) {
    const around = findParentOrigin();
    this.#trusted = around !== null && parents.includes(around) ? around : location.origin;
    this.#stream = stream;
    this.#clock = clock;
    this.#token = loadAddressToken(stream);
    addEventListener("message", ({ data, origin, source }: MessageEvent<unknown>) => {
      const token = origin === this.#trusted && source === parent ? parseTokenMessage(data) : null;
      if (token === null) return;
      storeViewerToken(stream, token);
      this.#token = token;
      this.#onToken();
    });
  }

  /**
   * The current token, or null. The tab's stored token is read only after a refusal: storage access
   * blocks the page, and most streams are public.
   */
  get token(): string | null {
    return this.#token;
  }

  /** When the current token expires, milliseconds since the epoch; null if it does not say, or without one. */
  get expiresMs(): number | null {
    return this.#token === null ? null : readTokenExpiryMs(this.#token);
  }

  /** Requests another token; true if the token now differs from `before`. */
  async renew(before: string | null): Promise<boolean> {
    this.#token = loadViewerToken(this.#stream);
    if (this.#token !== before) return true;
    await new Promise<void>((done) => {
      const cancel = this.#clock.startTimer(ANSWER_MS, done);
      this.#onToken = () => {
        cancel();
        done();
      };
      parent.postMessage({ type: "corral-token-wanted", stream: this.#stream }, this.#trusted);
    });
    return this.#token !== before;
  }
}

function parseTokenMessage(data: unknown): string | null {
  const { type, token } = (typeof data === "object" && data !== null ? data : {}) as Record<string, unknown>;
  return type === "corral-token" && typeof token === "string" ? token : null;
}
