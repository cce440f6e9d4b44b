/** Ids of the domain events that an object has applied: its sources deliver at least once. */
import type { LazyStorage } from "./lazy-storage.ts";

/** The table of an inbox, for the object's migrations. */
export const INBOX_TABLE = `
CREATE TABLE IF NOT EXISTS inbox (sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE);
`;

/** Number of ids kept: a source awaits each delivery, but a call that it repeated may arrive some events later. */
export const INBOX_IDS = 1_000;

/** The inbox of one object, whose schema has `INBOX_TABLE`. */
export class Inbox {
  readonly #storage: LazyStorage;

  constructor(storage: LazyStorage) {
    this.#storage = storage;
  }

  /** Stores an id, in the transaction that applies its event; false if the event was applied before. */
  accept(id: string): boolean {
    const [added] = this.#storage
      .insert<{ sequence: number }>("INSERT OR IGNORE INTO inbox (id) VALUES (?) RETURNING sequence", id)
      .toArray();
    if (added === undefined) return false;
    this.#storage.exec("DELETE FROM inbox WHERE sequence <= ?", added.sequence - INBOX_IDS);
    return true;
  }
}
