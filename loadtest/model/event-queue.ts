/** A queue of timed events, the earliest first; events at the same time keep their order. */
export class EventQueue {
  readonly #heap: { readonly atMs: number; readonly order: number; readonly run: (nowMs: number) => void }[] = [];
  #order = 0;

  /** Pending events. */
  get size(): number {
    return this.#heap.length;
  }

  /** Schedules `run` at `atMs`. */
  schedule(atMs: number, run: (nowMs: number) => void): void {
    this.#heap.push({ atMs, order: this.#order, run });
    this.#order += 1;
    let child = this.#heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#before(child, parent)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  /** Runs all events, and those that they schedule. */
  runAll(): void {
    for (let first = this.#pop(); first !== undefined; first = this.#pop()) first.run(first.atMs);
  }

  #pop(): { readonly atMs: number; readonly run: (nowMs: number) => void } | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || this.#heap.length === 0) return first;
    this.#heap[0] = last;
    for (let parent = 0; ; ) {
      const left = 2 * parent + 1;
      if (left >= this.#heap.length) return first;
      const right = left + 1;
      const child = right < this.#heap.length && this.#before(right, left) ? right : left;
      if (!this.#before(child, parent)) return first;
      this.#swap(child, parent);
      parent = child;
    }
  }

  #before(one: number, other: number): boolean {
    const a = this.#heap[one];
    const b = this.#heap[other];
    if (a === undefined || b === undefined) return false;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  #swap(one: number, other: number): void {
    const a = this.#heap[one];
    const b = this.#heap[other];
    if (a === undefined || b === undefined) return;
    this.#heap[one] = b;
    this.#heap[other] = a;
  }
}
