/** Renews the viewer's token of a flow playback: before it expires, and after a refusal. */

/** A token is renewed this long before it expires: an embedding page has 5 s to answer, and a successor needs a segment. */
const RENEW_BEFORE_MS = 20_000;

/** The token of a playback. */
export interface FlowAccess {
  /** The token now, or null. */
  token(): string | null;
  /** Milliseconds until it expires; null if it does not say, or without one. */
  expiresInMs(): number | null;
  /** Gets another one. False: there is none. */
  renew(): Promise<boolean>;
}

/** See the file's first line. */
export class FlowTokenRenewal {
  readonly #access: FlowAccess;
  /** The token of the last attempt before its expiry: one attempt a token. */
  #triedToken: string | null = null;
  #pending: Promise<boolean> | null = null;

  constructor(access: FlowAccess) {
    this.#access = access;
  }

  /** Whether an answer is awaited. */
  get isPending(): boolean {
    return this.#pending !== null;
  }

  /** Whether the token is about to expire, and no attempt has been made for it. */
  get isDue(): boolean {
    const token = this.#access.token();
    if (token === null || token === this.#triedToken || this.isPending) return false;
    return (this.#access.expiresInMs() ?? Number.POSITIVE_INFINITY) < RENEW_BEFORE_MS;
  }

  /** Gets another token. False: there is none. */
  renew(): Promise<boolean> {
    this.#triedToken = this.#access.token();
    this.#pending ??= this.#access.renew().finally(() => {
      this.#pending = null;
    });
    return this.#pending;
  }
}
