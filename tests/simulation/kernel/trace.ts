/** What every node did, in order: a hash of all of it, and its last lines for people. */

/** Lines that are kept for the report of a failure. */
const KEPT_LINES = 60;

/** The timeline of one run. */
export class Trace {
  readonly #print: ((line: string) => void) | null;
  readonly #lines: string[] = [];
  #at = 0;
  #high = 0x811c9dc5;
  #low = 0x9e3779b9;
  #count = 0;

  /** `print` gets each line as it comes; null: only the last lines are kept. */
  constructor(print: ((line: string) => void) | null = null) {
    this.#print = print;
  }

  /** Events so far. */
  get count(): number {
    return this.#count;
  }

  /** 64 bits in hexadecimal: equal for equal timelines. */
  get hash(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  /** Adds an event of `node` at `atMs` of virtual time. */
  add(atMs: number, node: string, event: string): void {
    const line = `${atMs} ${node} ${event}`;
    this.#count += 1;
    let high = this.#high;
    let low = this.#low;
    for (let index = 0; index < line.length; index += 1) {
      const unit = line.charCodeAt(index);
      high = Math.imul(high ^ unit, 0x01000193);
      low = Math.imul(low, 31) + unit;
    }
    this.#high = high;
    this.#low = low | 0;
    this.#lines[this.#at] = line;
    this.#at = (this.#at + 1) % KEPT_LINES;
    this.#print?.(formatLine(atMs, node, event));
  }

  /** The last events, the newest last. */
  lastLines(): string[] {
    return [...this.#lines.slice(this.#at), ...this.#lines.slice(0, this.#at)];
  }
}

function formatLine(atMs: number, node: string, event: string): string {
  return `${(atMs / 1000).toFixed(3).padStart(9)} ${node.padEnd(22)} ${event}`;
}
