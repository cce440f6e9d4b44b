/** Schema versions of a relay's storage, which has one value. */
import type { StorageSchema } from "../../kit/migrations.ts";

/** The key of the indexes of the shards below. */
export const CHILDREN_KEY = "children";

/** Every schema version of relays. */
export const RELAY_SCHEMA: StorageSchema = { object: "RoomRelay", migrations: [() => {}] };
