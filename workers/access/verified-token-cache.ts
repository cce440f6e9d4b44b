/** Claims of verified tokens: a signature is verified once, not for every part. */

/** Total characters of cached tokens: some 25,000 typical ones. The oldest is evicted. */
const MAX_TOKEN_CHARS = 8_388_608;

/** Claims by token. Only claims are cached, never decisions; failed verifications are not cached, so forged tokens evict nothing. */
export class VerifiedTokenCache<T> {
  readonly #values = new Map<string, T>();
  readonly #maxChars: number;
  #chars = 0;

  constructor(maxChars: number = MAX_TOKEN_CHARS) {
    this.#maxChars = maxChars;
  }

  /** The claims of a verified token. */
  get(token: string): T | undefined {
    return this.#values.get(token);
  }

  /** Caches the claims of a verified token. */
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
