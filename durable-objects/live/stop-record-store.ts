/** Who stopped a stream and who undid that, as its Live object keeps it. */
import { STOP_LIMITS, type StopRecord } from "../../core/access/stream-stop.ts";
import { LazySql } from "../kit/lazy-sql.ts";

const STOPS_SCHEMA = `
CREATE TABLE IF NOT EXISTS stops (
  id INTEGER PRIMARY KEY, act TEXT NOT NULL, at_ms INTEGER NOT NULL, authority TEXT NOT NULL, name TEXT NOT NULL,
  category TEXT, reason TEXT, until_ms INTEGER);
`;

type StopRow = {
  act: StopRecord["act"];
  at_ms: number;
  authority: StopRecord["authority"];
  name: string;
  category: StopRecord["category"];
  reason: string | null;
  until_ms: number | null;
};

/** One stream's record of stops. */
export class StopRecordStore {
  readonly #sql: LazySql;

  constructor(storage: DurableObjectStorage) {
    this.#sql = new LazySql(storage, "stops", STOPS_SCHEMA, () => {});
  }

  /** Keeps a record; the oldest leave beyond the bound. */
  addRecord({ act, atMs, authority, name, category, reason, untilMs }: StopRecord): void {
    this.#sql.exec(
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

  /** The newest first. */
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
