/** The record of a stream's stops and their undoing, in its Live object's storage. */
import { STOP_LIMITS, type StopRecord } from "../../core/access/stream-stop.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";

type StopRow = {
  act: StopRecord["act"];
  at_ms: number;
  authority: StopRecord["authority"];
  name: string;
  category: StopRecord["category"];
  reason: string | null;
  until_ms: number | null;
};

/** One stream's stop records. */
export class StopRecordStore {
  readonly #sql: LazyStorage;

  constructor(storage: LazyStorage) {
    this.#sql = storage;
  }

  /** Adds a record; beyond the bound the oldest is deleted. */
  addRecord({ act, atMs, authority, name, category, reason, untilMs }: StopRecord): void {
    this.#sql.insert(
      "INSERT INTO stops (act, at_ms, authority, name, category, reason, until_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
      act,
      atMs,
      authority,
      name,
      category,
      reason,
      untilMs,
    );
    const kept = "SELECT id FROM stops ORDER BY id DESC LIMIT ?";
    this.#sql.exec(`DELETE FROM stops WHERE id NOT IN (${kept})`, STOP_LIMITS.records);
  }

  /** All records, the newest first. */
  listRecords(): StopRecord[] {
    const rows = this.#sql.exec<StopRow>("SELECT * FROM stops ORDER BY id DESC").toArray();
    return rows.map(({ act, at_ms, authority, name, category, reason, until_ms }) => ({
      act,
      atMs: at_ms,
      authority,
      name,
      category,
      reason,
      untilMs: until_ms,
    }));
  }
}
