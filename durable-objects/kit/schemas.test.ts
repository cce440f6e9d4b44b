/** Storage of keyrings, registries, shards and relays of earlier releases, and every object's refusal of later storage. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { testBindings } from "../../workers/testing.ts";
import { MAIL_LINKS_SCHEMA } from "../access/mail-links-schema.ts";
import { REGISTRY_SCHEMA } from "../access/registry-schema.ts";
import { DIRECTORY_SCHEMA } from "../directory/directory-schema.ts";
import { LIVE_SCHEMA } from "../live/live-schema.ts";
import { KEYRING_SCHEMA } from "../room/keyring/keyring-schema.ts";
import { RELAY_SCHEMA } from "../room/relay/relay-schema.ts";
import { ROOM_SCHEMA } from "../room/sequencer/room-schema.ts";
import { SHARD_SCHEMA } from "../room/shard/shard-schema.ts";
import { LazyStorage } from "./lazy-storage.ts";
import { migrateStorage, NewerSchemaError, readSchemaVersion, type StorageSchema } from "./migrations.ts";
import { describeSchema, withEmptyStorage } from "./testing.ts";

interface EarlierRelease {
  readonly schema: StorageSchema;
  /** Its tables with rows. */
  readonly sql?: string;
  /** Its values. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** The query of the rows, and its result after the migration. */
  readonly query?: readonly [sql: string, found: readonly object[]];
  /** The values after the migration. */
  readonly valuesAfter?: Readonly<Record<string, unknown>>;
}

const BEACON = { key: "device:x", network: "n", atMs: 5 };

const EARLIER: Readonly<Record<string, EarlierRelease>> = {
  "a keyring": {
    schema: KEYRING_SCHEMA,
    sql: `
CREATE TABLE IF NOT EXISTS keys (
  subject TEXT NOT NULL, room TEXT NOT NULL, tag TEXT NOT NULL, key BLOB NOT NULL,
  PRIMARY KEY (subject, room)) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS keys_by_tag ON keys (tag);
CREATE TABLE IF NOT EXISTS erasing (tag TEXT PRIMARY KEY, room TEXT NOT NULL, subject TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO keys VALUES ('hash', 'show', '0.tag', x'0102');
INSERT INTO erasing VALUES ('0.gone', 'show', 'hash-2');`,
    query: [
      "SELECT keys.tag AS tag, hex(key) AS key, erasing.tag AS erasing FROM keys, erasing",
      [{ tag: "0.tag", key: "0102", erasing: "0.gone" }],
    ],
  },
  "a registry": {
    schema: REGISTRY_SCHEMA,
    sql: `
CREATE TABLE IF NOT EXISTS names (name TEXT PRIMARY KEY, registered_ms INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO names VALUES ('show', 7);`,
    values: { salt: 9, import: { done: true } },
    query: ["SELECT * FROM names", [{ name: "show", registered_ms: 7 }]],
    valuesAfter: { salt: 9, import: { done: true } },
  },
  "a shard whose beacons have no network": {
    schema: SHARD_SCHEMA,
    values: { shards: 80, beacons: [["device:x", 5]] },
    valuesAfter: { shards: 80 },
  },
  "a shard": {
    schema: SHARD_SCHEMA,
    values: { shards: 80, beacons: [BEACON] },
    valuesAfter: { shards: 80, beacons: [BEACON] },
  },
  "a relay": { schema: RELAY_SCHEMA, values: { children: [1, 2] }, valuesAfter: { children: [1, 2] } },
};

test.for(Object.entries(EARLIER))("%s of a release without versions keeps what it stored", ([, earlier]) =>
  withEmptyStorage(async (storage) => {
    const { schema, sql, values = {}, query, valuesAfter = {} } = earlier;
    if (sql !== undefined) storage.sql.exec(sql);
    for (const [key, value] of Object.entries(values)) storage.kv.put(key, value);
    const lazy = new LazyStorage(storage, schema);
    expect([lazy.exists, readSchemaVersion(storage)]).toEqual([true, schema.migrations.length]);
    expect(Object.fromEntries(storage.kv.list())).toEqual(valuesAfter);
    if (query !== undefined) expect(storage.sql.exec(query[0]).toArray()).toEqual(query[1]);
    const empty = await withEmptyStorage((other) => {
      migrateStorage(other, schema);
      return describeSchema(other);
    });
    expect(describeSchema(storage)).toEqual(empty);
  }),
);

const SCHEMAS = [
  LIVE_SCHEMA,
  ROOM_SCHEMA,
  SHARD_SCHEMA,
  RELAY_SCHEMA,
  KEYRING_SCHEMA,
  REGISTRY_SCHEMA,
  DIRECTORY_SCHEMA,
  MAIL_LINKS_SCHEMA,
];

test.for(SCHEMAS)("storage of a later release of $object is refused and unchanged", (schema) =>
  withEmptyStorage((storage) => {
    const later = { ...schema, migrations: [...schema.migrations, () => storage.kv.put("later", 1)] };
    migrateStorage(storage, later);
    expect(() => new LazyStorage(storage, schema)).toThrow(NewerSchemaError);
    expect([readSchemaVersion(storage), storage.kv.get("later")]).toEqual([later.migrations.length, 1]);
  }),
);

test("an object with storage of a later release refuses every request with the reason", async () => {
  const stub = testBindings.LIVE.getByName("of-a-later-release");
  await runInDurableObject(stub as unknown as DurableObjectStub, (_live, { storage }) => {
    migrateStorage(storage, { ...LIVE_SCHEMA, migrations: [...LIVE_SCHEMA.migrations, () => {}] });
  });
  await evictDurableObject(stub as unknown as DurableObjectStub);
  const known = LIVE_SCHEMA.migrations.length;
  const refusal = await stub.access().then(() => "an answer", String);
  expect(refusal).toContain(`version ${known + 1}, `);
  expect(refusal).toContain(` up to ${known}. Deploy the release`);
});
