/** Schema versions of the storage of the directory's objects. */
import type { StorageSchema } from "../kit/migrations.ts";

/** Every schema version of the directory. */
export const DIRECTORY_SCHEMA: StorageSchema = {
  object: "Directory",
  migrations: [
    ({ sql }) => {
      sql.exec(
        "CREATE TABLE IF NOT EXISTS cards (stream TEXT PRIMARY KEY, revision INTEGER NOT NULL, card TEXT NOT NULL) WITHOUT ROWID",
      );
    },
  ],
};
