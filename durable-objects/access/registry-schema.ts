/** Schema versions of the storage of the registry's objects. */
import type { StorageSchema } from "../kit/migrations.ts";

/** Every schema version of the registry. */
export const REGISTRY_SCHEMA: StorageSchema = {
  object: "Registry",
  migrations: [
    ({ sql }) => {
      sql.exec(
        "CREATE TABLE IF NOT EXISTS names (name TEXT PRIMARY KEY, registered_ms INTEGER NOT NULL) WITHOUT ROWID",
      );
    },
  ],
};
