/** What every node did, in order: a hash of all of it, and its last lines for people. */

import { hash32 } from "../../../core/kit/hash.ts";

/** Lines that are kept for the report of a failure. */
const KEPT_LINES = 60;

/** The timeline of one run. */
export class Trace {
  readonly #print: ((line: string) => void) | null;
  readonly #lines: (() => string)[] = [];
  readonly #nodeHashes = new Map<string, number>();
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
    this.#mix(atMs, this.#hashOf(node), hash32(event));
    this.#keep(atMs, node, () => event);
  }

  /** Adds an answer that `node` got. There are many of them: the address counts by its length only. */
  addAnswer(atMs: number, node: string, path: string, status: number, bytes: number): void {
    this.#mix(atMs, this.#hashOf(node), (status << 20) ^ (path.length << 12) ^ bytes);
    this.#keep(atMs, node, () => `${path} ${status} ${bytes}`);
  }

  #keep(atMs: number, node: string, event: () => string): void {
    this.#count += 1;
    this.#lines[this.#at] = () => formatLine(atMs, node, event());
    this.#at = (this.#at + 1) % KEPT_LINES;
    this.#print?.(formatLine(atMs, node, event()));
  }

  #mix(...values: readonly number[]): void {
    for (const value of values) {
      this.#high = Math.imul(this.#high ^ value, 0x85ebca6b) ^ (this.#low >>> 13);
      this.#low = (Math.imul(this.#low, 31) + (this.#high ^ value)) | 0;
    }
  }

  #hashOf(node: string): number {
    const known = this.#nodeHashes.get(node);
    if (known !== undefined) return known;
    const made = hash32(node);
    this.#nodeHashes.set(node, made);
    return made;
  }

  /** The last events, the newest last. */
  lastLines(): string[] {
    return [...this.#lines.slice(this.#at), ...this.#lines.slice(0, this.#at)].map((format) => format());
  }
}

function formatLine(atMs: number, node: string, event: string): string {
  return `${(atMs / 1000).toFixed(3).padStart(9)} ${node.padEnd(22)} ${event}`;
}
