/** The newest entries of a log, for subscribers that resume. */
import { BROADCAST_LIMITS } from "./broadcast-limits.ts";
import type { LogEntry } from "./broadcast-log.ts";

/** Entries by offset, the newest `BROADCAST_LIMITS.recentEntries`; offsets are consecutive. */
export class RecentEntries {
  readonly #entries: LogEntry[] = [];
  #firstOffset = 1;

  /** Adds the entry that follows the last one. */
  add(offset: number, entry: LogEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length > BROADCAST_LIMITS.recentEntries) this.#entries.shift();
    this.#firstOffset = offset - this.#entries.length + 1;
  }

  /** The entry at an offset, or null if it is not kept. */
  get(offset: number): LogEntry | null {
    return this.#entries[offset - this.#firstOffset] ?? null;
  }

  /** Whether all entries after `offset` up to `headOffset` are kept. */
  reachesBack(offset: number, headOffset: number): boolean {
    if (offset === headOffset) return true;
    return offset < headOffset && this.get(offset + 1) !== null;
  }
}
