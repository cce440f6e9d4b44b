/** Tokens that were verified: a signature is checked once, not with every part. */

/** Characters of all tokens held: some 25,000 usual ones. The one that came first makes room. */
const MAX_TOKEN_CHARS = 8_388_608;

/** What verified tokens say, by token. Only what a token says is kept, never whether it still opens anything. */
export class VerifiedTokenCache<T> {
  readonly #values = new Map<string, T>();
  readonly #maxChars: number;
  #chars = 0;

  constructor(maxChars: number = MAX_TOKEN_CHARS) {
    this.#maxChars = maxChars;
  }

  /** What the token says, if it was verified. */
  get(token: string): T | undefined {
    return this.#values.get(token);
  }

  /** Keeps what a verified token says. */
  store(token: string, value: T): void {
    if (!this.#values.has(token)) this.#chars += token.length;
    this.#values.set(token, value);
    for (const first of this.#values.keys()) {
      if (this.#chars <= this.#maxChars) return;
      this.#values.delete(first);
      this.#chars -= first.length;
    }
  }
}
