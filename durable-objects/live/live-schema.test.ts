/** Live objects with storage of earlier releases: each released layout, with its rows. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { ACCESS_LIMITS, ALL_TOKEN_VERSIONS } from "../../core/access/access-policy.ts";
import { STREAM_KEY_ID_PATTERN } from "../../core/access/stream-key.ts";
import type { BroadcastConfig } from "../../core/broadcast/broadcast-log.ts";
import type { SegmentState } from "../../core/broadcast/segment.ts";
import { PUBLISH_PROBLEM_TYPES } from "../../core/ingest/publish-api.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";
import { testBindings } from "../../workers/testing.ts";
import { migrateStorage, readSchemaVersion } from "../kit/migrations.ts";
import { describeSchema, withEmptyStorage } from "../kit/testing.ts";
import type { Live } from "./live.ts";
import { LIVE_SCHEMA, openLiveStorage } from "./live-schema.ts";

/** The first release. */
const FIRST = `
CREATE TABLE IF NOT EXISTS keys (hash TEXT PRIMARY KEY, created_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS broadcasts (
  id TEXT PRIMARY KEY, config TEXT NOT NULL, publisher TEXT NOT NULL, opened_ms INTEGER NOT NULL, ended_ms INTEGER);
CREATE TABLE IF NOT EXISTS inits (
  broadcast TEXT NOT NULL, track TEXT NOT NULL, version INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (broadcast, track, version));
CREATE TABLE IF NOT EXISTS segments (
  broadcast TEXT NOT NULL, track TEXT NOT NULL, msn INTEGER NOT NULL, discontinuity INTEGER NOT NULL,
  duration_ticks INTEGER NOT NULL, segment TEXT NOT NULL,
  PRIMARY KEY (broadcast, track, msn)) WITHOUT ROWID;
`;
const PACKS = `
CREATE TABLE IF NOT EXISTS packs (
  broadcast TEXT NOT NULL, track TEXT NOT NULL, first INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (broadcast, track, first)) WITHOUT ROWID;
`;
const REVOCATIONS = `
CREATE TABLE IF NOT EXISTS revocations (
  made_by TEXT NOT NULL, subject TEXT NOT NULL, version INTEGER NOT NULL, until_ms INTEGER NOT NULL,
  revision INTEGER NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (made_by, subject)) WITHOUT ROWID;
`;
const STOPS = `
CREATE TABLE IF NOT EXISTS stops (
  id INTEGER PRIMARY KEY, act TEXT NOT NULL, at_ms INTEGER NOT NULL, authority TEXT NOT NULL, name TEXT NOT NULL,
  category TEXT, reason TEXT, until_ms INTEGER);
`;
const SEQUENCE = "ALTER TABLE broadcasts ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;";

const COUNTED = FIRST.replace("ended_ms INTEGER)", "ended_ms INTEGER,\n  sequence INTEGER NOT NULL)");
const COUNTED_BY_DEFAULT = FIRST.replace(
  "ended_ms INTEGER)",
  "ended_ms INTEGER,\n  sequence INTEGER NOT NULL DEFAULT 0)",
);

interface Layout {
  readonly sql: string;
  readonly isCounted: boolean;
  /** Whether revocations are a part of the access value. */
  readonly revocationsInAccess: boolean;
}

const LAYOUTS: Readonly<Record<string, Layout>> = {
  "the first release": { sql: FIRST, isCounted: false, revocationsInAccess: true },
  "revocations in a table, on a stream with some": {
    sql: FIRST + REVOCATIONS,
    isCounted: false,
    revocationsInAccess: false,
  },
  "stops, with access that was not written since": { sql: FIRST + STOPS, isCounted: false, revocationsInAccess: true },
  "packs before broadcasts were counted": { sql: FIRST + PACKS, isCounted: false, revocationsInAccess: true },
  "counted broadcasts": { sql: COUNTED + PACKS + REVOCATIONS, isCounted: true, revocationsInAccess: false },
  "counted broadcasts, migrated from the first release": {
    sql: FIRST + SEQUENCE + PACKS,
    isCounted: true,
    revocationsInAccess: true,
  },
  "counted broadcasts by default": {
    sql: COUNTED_BY_DEFAULT + PACKS + REVOCATIONS + STOPS,
    isCounted: true,
    revocationsInAccess: false,
  },
};

/** The last schema version whose keys are a hash and a time. */
const VERSION_WITHOUT_KEY_IDS = 5;
const ALREADY_LIVE = PUBLISH_PROBLEM_TYPES.alreadyLive;

const video = "video" as TrackName;
const UNTIL_MS = Date.now() + ACCESS_LIMITS.tokenLifetimeMs;
const config = (id: string): BroadcastConfig => ({
  broadcast: id as BroadcastId,
  startedAtMs: 1_700_000_000_000,
  targetDurationS: 2,
  windowS: 60,
  tracks: [
    {
      name: video,
      kind: "video",
      codecs: "avc1.64001f",
      bandwidth: 1_000_000,
      averageBandwidth: 900_000,
      timescale: 90_000,
      partTargetMs: 333,
    },
  ],
});

const segment: SegmentState = {
  msn: 0,
  start: { programTimeMs: 1_700_000_000_000, initVersion: 1, discontinuity: false },
  parts: [],
  durationTicks: 180_000,
  byteLength: 5,
  gap: false,
  closed: true,
  durable: true,
};

/** Two broadcasts, of which the one that was opened later has the earlier time: its clock was set back. */
function fill(storage: DurableObjectStorage, { sql, isCounted, revocationsInAccess }: Layout): void {
  storage.sql.exec(sql);
  storage.sql.exec("INSERT INTO keys VALUES ('hash-of-a-key', 1)");
  for (const [index, id] of ["broadcastone", "broadcasttwo"].entries()) {
    const columns = `id, config, publisher, opened_ms, ended_ms${isCounted ? ", sequence" : ""}`;
    const values: SqlStorageValue[] = [
      id,
      JSON.stringify(config(id)),
      "publisher",
      100 - index,
      index === 0 ? 200 : null,
    ];
    storage.sql.exec(
      `INSERT INTO broadcasts (${columns}) VALUES (?, ?, ?, ?, ?${isCounted ? ", ?" : ""})`,
      ...values,
      ...(isCounted ? [index + 1] : []),
    );
    storage.sql.exec("INSERT INTO inits VALUES (?, 'video', 1, ?)", id, new Uint8Array([index]));
    storage.sql.exec("INSERT INTO segments VALUES (?, 'video', 0, 0, 180000, ?)", id, JSON.stringify(segment));
  }
  const revocation = { subject: "ann", version: ALL_TOKEN_VERSIONS, by: "ban", untilMs: UNTIL_MS };
  storage.kv.put("access", { revision: 7, playback: "token", revocations: revocationsInAccess ? [revocation] : [] });
  if (!revocationsInAccess) {
    const { subject, version, untilMs } = revocation;
    storage.sql.exec("INSERT INTO revocations VALUES ('ban', ?, ?, ?, 7, '')", subject, version, untilMs);
  }
  storage.kv.put("silent", "broadcasttwo");
}

const currentSchema = (): Promise<string[]> =>
  withEmptyStorage((storage) => {
    openLiveStorage(storage).create();
    return describeSchema(storage);
  });

test.for(Object.entries(LAYOUTS))(
  "a Live object stored by %s has all of it after the migration",
  async ([name, layout]) => {
    const stream = `schema-${Object.keys(LAYOUTS).indexOf(name)}` as StreamName;
    const stub = testBindings.LIVE.getByName(stream) as unknown as DurableObjectStub<Live>;
    await runInDurableObject(stub, (_live, { storage }) => fill(storage, layout));
    for (let restarts = 0; restarts < 2; restarts += 1) {
      await evictDurableObject(stub);
      await runInDurableObject(stub, async (live: Live, { storage }) => {
        expect(live.keyHashes()).toEqual(["hash-of-a-key"]);
        const limits = { expiresMs: null, usesLeft: null, lastUsedMs: null, revokedMs: null };
        const id = expect.stringMatching(STREAM_KEY_ID_PATTERN) as string;
        const key = { id, label: "", role: "primary", createdMs: 1, ...limits };
        expect(live.keys()).toEqual([key]);
        expect(live.broadcasts().map(({ broadcast, endedAt }) => [broadcast, endedAt])).toEqual([
          ["broadcasttwo", null],
          ["broadcastone", 200],
        ]);
        expect(live.status(stream)).toMatchObject({ broadcast: "broadcasttwo" });
        expect(live.pullInit("broadcastone" as BroadcastId, video, 1)).toEqual(new Uint8Array([0]));
        expect(live.pullOutline("broadcastone" as BroadcastId)?.tracks).toEqual([
          { name: "video", inits: [1], lastMsn: 0 },
        ]);
        expect(live.access()).toEqual({
          revision: 7,
          playback: "token",
          revocations: [{ subject: "ann", version: ALL_TOKEN_VERSIONS, by: "ban", untilMs: UNTIL_MS, revision: 7 }],
        });
        expect(live.stops()).toEqual({ stop: null, records: [] });
        expect(readSchemaVersion(storage)).toBe(LIVE_SCHEMA.migrations.length);
        expect(storage.kv.get("silent")).toBeUndefined();
        expect(describeSchema(storage)).toEqual(await currentSchema());
      });
    }
    // The room may lack a policy from before the outbox: it is sent.
    await expect.poll(async () => (await testBindings.ROOM.getByName(stream).summary()).access.revision).toBe(7);
  },
);

test("keys from before they had ids stay valid, each with an id of its own, and the same one after a restart", async () => {
  const stream = "schema-keys" as StreamName;
  const stub = testBindings.LIVE.getByName(stream) as unknown as DurableObjectStub<Live>;
  await runInDurableObject(stub, (_live, { storage }) => {
    const { object, migrations } = LIVE_SCHEMA;
    migrateStorage(storage, { object, migrations: migrations.slice(0, VERSION_WITHOUT_KEY_IDS) });
    for (let n = 1; n <= 1_001; n += 1) storage.sql.exec("INSERT INTO keys VALUES (?, ?)", `hash-${n}`, n);
    const { broadcast } = config("broadcastone");
    const query =
      "INSERT INTO broadcasts (id, config, publisher, opened_ms, sequence) VALUES (?, ?, 'publisher', 1, 1)";
    storage.sql.exec(query, broadcast, JSON.stringify(config("broadcastone")));
  });
  const ids: string[][] = [];
  for (let restarts = 0; restarts < 2; restarts += 1) {
    await evictDurableObject(stub);
    await runInDurableObject(stub, async (live: Live) => {
      ids.push(live.keys().map(({ id }) => id));
      // No isolate knew more than the latest 1,000.
      expect(live.keyHashes()).toHaveLength(1_000);
      expect(live.keyHashes()).not.toContain("hash-1");
      // The publisher that was live before the migration goes on.
      const by = { stream, id: "publisher", credential: { kind: "key", hash: "hash-2" } } as const;
      expect(await live.open(by, config("broadcastone"), null)).toMatchObject({ ok: true });
      const other = { ...by, id: "another" };
      expect(await live.open(other, config("broadcastone"), null)).toMatchObject({ problem: { type: ALREADY_LIVE } });
    });
  }
  expect(new Set(ids[0]).size).toBe(1_000);
  expect(ids[1]).toEqual(ids[0]);
});

test("every numbered schema version is migrated to the newest", () =>
  withEmptyStorage(async (storage) => {
    const newest = await currentSchema();
    for (let version = 1; version < LIVE_SCHEMA.migrations.length; version += 1) {
      await storage.deleteAll();
      const { object, migrations } = LIVE_SCHEMA;
      migrateStorage(storage, { object, migrations: migrations.slice(0, version) });
      openLiveStorage(storage);
      expect(describeSchema(storage), String(version)).toEqual(newest);
    }
  }));

test("access that was set before the first stream key is kept", () =>
  withEmptyStorage((storage) => {
    storage.kv.put("access", { revision: 1, playback: "followers", revocations: [] });
    openLiveStorage(storage);
    expect(storage.kv.get("access")).toEqual({ revision: 1, playback: "followers", revocations: [] });
    expect(storage.sql.exec("SELECT kind, body FROM outbox").toArray()).toEqual([
      { kind: "playback-policy-changed", body: '{"kind":"playback-policy-changed","playback":"followers"}' },
    ]);
  }));
