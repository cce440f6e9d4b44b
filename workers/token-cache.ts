/** Tokens that were verified: a signature is checked once, not with every part. */

/** Characters of all tokens held: some 25,000 usual ones. The one that came first makes room. */
const MOST_CHARS = 8_388_608;

/** What verified tokens say, by token. Only what a token says is kept, never whether it still opens anything. */
export class TokenCache<T> {
  readonly #said = new Map<string, T>();
  readonly #mostChars: number;
  #chars = 0;

  constructor(mostChars: number = MOST_CHARS) {
    this.#mostChars = mostChars;
  }

  /** What the token says, if it was verified. */
  get(token: string): T | undefined {
    return this.#said.get(token);
  }

  /** Keeps what a verified token says. */
  keep(token: string, said: T): void {
    if (!this.#said.has(token)) this.#chars += token.length;
    this.#said.set(token, said);
    for (const first of this.#said.keys()) {
      if (this.#chars <= this.#mostChars) return;
      this.#said.delete(first);
      this.#chars -= first.length;
    }
  }
}
