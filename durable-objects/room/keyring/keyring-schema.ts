/** Schema versions of a keyring's storage. */
import type { StorageSchema } from "../../kit/migrations.ts";

/** Every schema version of keyrings. Subjects are found by a hash, so that the storage names none. */
export const KEYRING_SCHEMA: StorageSchema = {
  object: "Keyring",
  migrations: [
    ({ sql }) => {
      sql.exec(`
CREATE TABLE IF NOT EXISTS keys (
  subject TEXT NOT NULL, room TEXT NOT NULL, tag TEXT NOT NULL, key BLOB NOT NULL,
  PRIMARY KEY (subject, room)) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS keys_by_tag ON keys (tag);
CREATE TABLE IF NOT EXISTS erasing (tag TEXT PRIMARY KEY, room TEXT NOT NULL, subject TEXT NOT NULL) WITHOUT ROWID;
`);
    },
  ],
};
