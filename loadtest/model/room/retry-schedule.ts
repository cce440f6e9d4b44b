/** Pending retries: amounts spread evenly over coming steps, by kind and number of failures. */
export class RetrySchedule {
  readonly #kinds: number;
  readonly #failures: number;
  readonly #slots: number;
  /** Changes of the rates at each coming step: a ring of slots, each of kinds × failures. */
  readonly #changes: Float64Array;
  readonly #rates: Float64Array;
  #slot = 0;

  /** `longest`: most steps over which an amount is spread. */
  constructor(kinds: number, failures: number, longest: number) {
    this.#kinds = kinds;
    this.#failures = failures;
    this.#slots = longest + 2;
    this.#changes = new Float64Array(this.#slots * kinds * failures);
    this.#rates = new Float64Array(kinds * failures);
  }

  /** Spreads an amount over the next `steps`. */
  spread(kind: number, failures: number, amount: number, steps: number): void {
    const rate = amount / steps;
    this.#change(1, kind, failures, rate);
    this.#change(1 + steps, kind, failures, -rate);
  }

  /** Advances by a step; returns the amount that retries in it. */
  advance(): number {
    this.#slot = (this.#slot + 1) % this.#slots;
    const from = this.#slot * this.#rates.length;
    let sum = 0;
    for (let index = 0; index < this.#rates.length; index += 1) {
      // Differences of equal amounts may leave a negative rest.
      const rate = Math.max(0, (this.#rates[index] ?? 0) + (this.#changes[from + index] ?? 0));
      this.#rates[index] = rate < 1e-9 ? 0 : rate;
      sum += rate;
    }
    this.#changes.fill(0, from, from + this.#rates.length);
    return sum;
  }

  /** The amount of a kind that retries in this step; with this many failures, or all. */
  arrivals(kind: number, failures?: number): number {
    if (failures !== undefined) return this.#rates[kind * this.#failures + failures] ?? 0;
    let sum = 0;
    for (let each = 0; each < this.#failures; each += 1) sum += this.#rates[kind * this.#failures + each] ?? 0;
    return sum;
  }

  #change(after: number, kind: number, failures: number, by: number): void {
    const slot = (this.#slot + after) % this.#slots;
    const index = (slot * this.#kinds + kind) * this.#failures + failures;
    this.#changes[index] = (this.#changes[index] ?? 0) + by;
  }
}
