/**
 * Wipes former versions of rows from SQLite's write-ahead log. The platform refuses both a checkpoint and `secure_delete`.
 * But SQLite moves the log's pages into the database once there are 1,000, and then writes the log from its beginning:
 * writing as much again overwrites what it held.
 */
import type { ObjectStorage } from "../../kit/object-storage.ts";

/** A value below the platform's limit of 2 MB: some 465 pages of 4 KiB. */
const FILL_BYTES = 1_900_000;
/** Enough commits to move a log of up to 1,800 pages into the database, and then to fill the log. */
const ROUNDS = 6;

/** Wipes the log of an object's storage; overwritten rows are then nowhere on the disk. */
export async function wipeWriteAheadLog(storage: ObjectStorage): Promise<void> {
  const { sql } = storage;
  sql.exec("CREATE TABLE IF NOT EXISTS fill (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  for (let round = 0; round < ROUNDS; round += 1) {
    // Each statement is a commit of its own: within one commit, a page is written once.
    sql.exec("INSERT OR REPLACE INTO fill VALUES (1, zeroblob(?))", FILL_BYTES);
    await storage.sync();
    sql.exec("DELETE FROM fill");
    await storage.sync();
  }
  sql.exec("DROP TABLE fill");
}
