/** Schema versions of a shard's storage, which has values only: the number of shards, and beacons. */
import type { StorageSchema } from "../../kit/migrations.ts";

/** The key of the number of shards of a large room. */
export const SHARDS_KEY = "shards";
/** The key of the beacons. */
export const BEACONS_KEY = "beacons";

/** Every schema version of shards. */
export const SHARD_SCHEMA: StorageSchema = {
  object: "RoomShard",
  migrations: [
    // Beacons were pairs without a network. They are dropped: viewers send another within seconds.
    ({ kv }) => {
      if (kv.get<unknown[]>(BEACONS_KEY)?.some(Array.isArray) === true) kv.delete(BEACONS_KEY);
    },
  ],
};
