/** Storage of objects for tests. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type { Platform } from "../../core/kit/clock.ts";
import { testBindings } from "../../workers/testing.ts";
import { OUTBOX_LIMITS } from "./outbox.ts";

let objects = 0;

/** Runs `work` on the storage of an object that has stored nothing. */
export function withEmptyStorage<T>(work: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> {
  objects += 1;
  const stub = testBindings.LIVE.getByName(`storage-test-${objects}-${crypto.randomUUID()}`);
  return runInDurableObject(stub as unknown as DurableObjectStub, (_object, { storage }) => work(storage));
}

/** Moves an object's monotonic clock ahead, as time does. */
export function passTime(object: { platform: Platform }, ms: number): void {
  const { platform } = object;
  const { clock } = platform;
  object.platform = { ...platform, clock: { ...clock, monotonicMs: () => clock.monotonicMs() + ms } };
}

/** Rings the object's alarm `ms` later; false where it has none. */
export async function ringAlarmLater(stub: DurableObjectStub, ms: number): Promise<boolean> {
  await runInDurableObject(stub, (object) => passTime(object as unknown as { platform: Platform }, ms));
  return runDurableObjectAlarm(stub);
}

/** Resolves when the object's outbox has nothing to deliver: its next alarm deletes what is a day old. */
export async function whenOutboxIsIdle(stub: DurableObjectStub): Promise<void> {
  const readDueMs = (): Promise<number> =>
    runInDurableObject(stub, (_object, { storage }) => {
      const { outbox = Number.POSITIVE_INFINITY } = storage.kv.get<Record<string, number>>("alarms") ?? {};
      return outbox;
    });
  while ((await readDueMs()) - Date.now() < OUTBOX_LIMITS.retentionMs / 2) await scheduler.wait(5);
}

/** Every table with its columns, and every index, to compare schemas. */
export function describeSchema({ sql }: DurableObjectStorage): string[] {
  const tables = sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'",
    )
    .toArray()
    .flatMap(({ name }) =>
      sql
        .exec<{ column: string; type: string; notnull: number; pk: number }>(
          'SELECT name AS "column", type, "notnull", pk FROM pragma_table_info(?)',
          name,
        )
        .toArray()
        .map(({ column, type, notnull, pk }) => `${name}.${column} ${type} ${notnull} ${pk}`),
    );
  const indexes = sql
    .exec<{ sql: string }>("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    .toArray()
    .map(({ sql: text }) => text.replace(/\s+/g, " "));
  return [...tables, ...indexes].sort();
}
