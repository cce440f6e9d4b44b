import { expect, test } from "vitest";
import { LazyStorage } from "./lazy-storage.ts";
import { migrateStorage, NewerSchemaError, readSchemaVersion, type StorageSchema } from "./migrations.ts";
import { withEmptyStorage } from "./testing.ts";

const first: StorageSchema = {
  object: "Test",
  migrations: [({ sql }) => void sql.exec("CREATE TABLE names (name TEXT PRIMARY KEY)")],
};
const second: StorageSchema = {
  object: "Test",
  migrations: [...first.migrations, ({ sql }) => void sql.exec("ALTER TABLE names ADD COLUMN age INTEGER DEFAULT 7")],
};

test("storage is migrated by each missing step once", () =>
  withEmptyStorage((storage) => {
    migrateStorage(storage, first);
    storage.sql.exec("INSERT INTO names VALUES ('ann')");
    for (let times = 0; times < 2; times += 1) {
      migrateStorage(storage, second);
      expect(readSchemaVersion(storage)).toBe(2);
      expect(storage.sql.exec("SELECT * FROM names").toArray()).toEqual([{ name: "ann", age: 7 }]);
    }
  }));

test("storage of a later release is refused with an instruction, and is unchanged", () =>
  withEmptyStorage((storage) => {
    migrateStorage(storage, second);
    expect(() => migrateStorage(storage, first)).toThrow(NewerSchemaError);
    expect(() => new LazyStorage(storage, first)).toThrow(/version 2, but this release knows versions up to 1. Deploy/);
    expect(readSchemaVersion(storage)).toBe(2);
  }));

test("a failed step leaves the storage at its version, with no step applied", () =>
  withEmptyStorage((storage) => {
    migrateStorage(storage, first);
    storage.kv.put("value", "before");
    const failing: StorageSchema = {
      object: "Test",
      migrations: [
        ...second.migrations,
        (stored) => {
          stored.kv.put("value", "after");
          throw new Error("a step fails");
        },
      ],
    };
    expect(() => migrateStorage(storage, failing)).toThrow("a step fails");
    expect([readSchemaVersion(storage), storage.kv.get("value")]).toEqual([1, "before"]);
    expect(storage.sql.exec("SELECT * FROM pragma_table_info('names')").toArray().length).toBe(1);
  }));

test("lazy storage has no tables before the first row, also after reads, updates and deletes", () =>
  withEmptyStorage((storage) => {
    let created = 0;
    const lazy = new LazyStorage(storage, second, () => {
      created += 1;
    });
    expect(lazy.exec("SELECT * FROM names").toArray()).toEqual([]);
    lazy.exec("DELETE FROM names");
    lazy.exec("UPDATE names SET age = 8");
    lazy.delete("value");
    expect(lazy.get("value")).toBeUndefined();
    expect([lazy.exists, storage.sql.exec("SELECT 1 FROM sqlite_master").toArray().length]).toEqual([false, 0]);
    lazy.insert("INSERT INTO names (name) VALUES ('ann')");
    expect([lazy.exists, created, readSchemaVersion(storage)]).toEqual([true, 1, 2]);
    expect(lazy.exec("SELECT age FROM names").toArray()).toEqual([{ age: 7 }]);
  }));

test("a single value also creates the schema, and cleared lazy storage is empty again", () =>
  withEmptyStorage(async (storage) => {
    const lazy = new LazyStorage(storage, first);
    lazy.put("value", 1);
    expect([lazy.get("value"), readSchemaVersion(storage)]).toEqual([1, 1]);
    await lazy.clear();
    expect([lazy.exists, readSchemaVersion(storage), lazy.get("value")]).toEqual([false, 0, undefined]);
    lazy.insert("INSERT INTO names VALUES ('ann')");
    expect(lazy.exec("SELECT * FROM names").toArray()).toEqual([{ name: "ann" }]);
  }));

test("a failed transaction rolls back the schema with the first row", () =>
  withEmptyStorage((storage) => {
    const lazy = new LazyStorage(storage, first);
    const failing = (): void => {
      lazy.insert("INSERT INTO names VALUES ('ann')");
      throw new Error("it fails");
    };
    expect(() => lazy.transaction(failing)).toThrow("it fails");
    expect(lazy.exists).toBe(false);
    lazy.insert("INSERT INTO names VALUES ('bob')");
    expect(lazy.exec("SELECT * FROM names").toArray()).toEqual([{ name: "bob" }]);
  }));

test("storage without a version is migrated from the first step on", () =>
  withEmptyStorage((storage) => {
    storage.kv.put("value", "old");
    const lazy = new LazyStorage(storage, second);
    expect([lazy.exists, readSchemaVersion(storage), lazy.get("value")]).toEqual([true, 2, "old"]);
  }));
