/** Schema versions of the storage of mailed links. */
import type { StorageSchema } from "../kit/migrations.ts";

/** Every schema version of mailed links. */
export const MAIL_LINKS_SCHEMA: StorageSchema = {
  object: "MailLinks",
  migrations: [
    ({ sql }) => {
      sql.exec(`
CREATE TABLE IF NOT EXISTS links (
  hash TEXT PRIMARY KEY, address TEXT NOT NULL, network TEXT, asked_ms INTEGER NOT NULL,
  used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_address ON links (address, asked_ms);
CREATE INDEX IF NOT EXISTS links_by_network ON links (network, asked_ms);
CREATE INDEX IF NOT EXISTS links_by_time ON links (asked_ms);`);
    },
  ],
};
