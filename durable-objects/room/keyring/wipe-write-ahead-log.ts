/**
 * Wipes what SQLite's write-ahead log still has of rows as they were before. An object may neither checkpoint its log nor
 * turn `secure_delete` on (both are refused). But SQLite moves the log's pages into the database once there are 1,000, and
 * then writes the log anew from its beginning: writing as much again leaves nothing of what it held.
 */

/** A value below the platform's bound of 2 MB: some 465 pages of 4 KiB. */
const FILL_BYTES = 1_900_000;
/** As many commits as move a log of any length up to 1,800 pages into the database, and then fill it. */
const ROUNDS = 6;

/** Wipes the log of an object's storage; what was overwritten before is nowhere on the disk after it. */
export async function wipeWriteAheadLog(storage: DurableObjectStorage): Promise<void> {
  const { sql } = storage;
  sql.exec("CREATE TABLE IF NOT EXISTS fill (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  for (let round = 0; round < ROUNDS; round += 1) {
    // Each is a commit of its own: within one, a page is written once.
    sql.exec("INSERT OR REPLACE INTO fill VALUES (1, zeroblob(?))", FILL_BYTES);
    await storage.sync();
    sql.exec("DELETE FROM fill");
    await storage.sync();
  }
  sql.exec("DROP TABLE fill");
}
