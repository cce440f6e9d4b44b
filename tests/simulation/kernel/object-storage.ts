/**
 * A Durable Object's storage on `node:sqlite`. Writes are one open transaction until they are confirmed, some milliseconds
 * later: a crash before that rolls all of them back. Nothing leaves the object meanwhile (`confirmed`).
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { deserialize, serialize } from "node:v8";
import type { Simulation } from "./simulation.ts";

type Row = Record<string, unknown>;

/** What the object's life needs to know of its storage. */
export interface StorageOwner {
  readonly simulation: Simulation;
  /** Time until a write is confirmed. */
  confirmDelayMs(): number;
  /** Something was written. */
  onWrite(): void;
  /** The alarm that is confirmed has changed: ms since the epoch, or null. */
  onAlarm(atMs: number | null): void;
}

/** Rows of a statement, as `sql.exec` gives them. */
class SqlCursor<T extends Row> implements Iterable<T> {
  readonly #rows: T[];
  #at = 0;
  readonly columnNames: string[];
  readonly rowsWritten: number;

  constructor(rows: T[], columnNames: string[], rowsWritten: number) {
    this.#rows = rows;
    this.columnNames = columnNames;
    this.rowsWritten = rowsWritten;
  }

  get rowsRead(): number {
    return this.#rows.length;
  }

  toArray(): T[] {
    const rest = this.#rows.slice(this.#at);
    this.#at = this.#rows.length;
    return rest;
  }

  one(): T {
    const rest = this.toArray();
    if (rest.length !== 1 || rest[0] === undefined) throw new Error(`expected exactly one row, got ${rest.length}`);
    return rest[0];
  }

  next(): IteratorResult<T> {
    const value = this.#rows[this.#at];
    if (value === undefined) return { done: true, value: undefined };
    this.#at += 1;
    return { done: false, value };
  }

  raw(): IterableIterator<unknown[]> {
    return this.toArray()
      .map((row) => Object.values(row))
      .values();
  }

  [Symbol.iterator](): Iterator<T> {
    return { next: () => this.next() };
  }
}

interface Prepared {
  readonly statement: StatementSync;
  readonly columns: string[];
  readonly isWrite: boolean;
}

const WRITES = /^\s*(insert|update|delete|replace|create|alter|drop)\b/i;

/** The files of one object: they outlive its instances. */
export class ObjectStorage {
  readonly #owner: StorageOwner;
  #db: DatabaseSync = openDatabase();
  #prepared = new Map<string, Prepared>();
  /** Since when there are writes that are not confirmed, as a promise of their confirmation. */
  #confirming: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;
  #cancelConfirm: (() => void) | null = null;
  #savepoints = 0;
  #alarmMs: number | null = null;
  #confirmedAlarmMs: number | null = null;
  /** Counts instances: a handle of an earlier one is dead. */
  #generation = 0;

  constructor(owner: StorageOwner) {
    this.#owner = owner;
  }

  /** A promise of the confirmation of all that is written, or null where nothing waits for it. */
  confirmed(): Promise<void> | null {
    return this.#confirming?.promise ?? null;
  }

  /** The alarm that is set and confirmed. */
  get confirmedAlarmMs(): number | null {
    return this.#confirmedAlarmMs;
  }

  /** The alarm rings: it is not set any more, unless the handler sets it again. */
  clearRungAlarm(): void {
    this.#alarmMs = null;
    this.#confirmedAlarmMs = null;
  }

  /** Ends the instance. What is not confirmed is kept (an eviction waits for it) or lost (a crash). */
  endInstance(how: "evicted" | "crashed"): void {
    this.#generation += 1;
    if (how === "evicted") this.#confirm();
    else if (this.#confirming !== null) {
      this.#cancelConfirm?.();
      this.#db.exec("ROLLBACK");
      this.#alarmMs = this.#confirmedAlarmMs;
      this.#confirming = null;
      this.#cancelConfirm = null;
    }
  }

  /** Runs a query on what is stored now, for checkers. */
  query<T extends Row>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#db.prepare(sql).all(...values) as T[];
  }

  /** Closes the files. */
  close(): void {
    this.endInstance("crashed");
    this.#prepared.clear();
    this.#db.close();
  }

  /** `ctx.storage` of the instance that begins. */
  createHandle(): object {
    const generation = ++this.#generation;
    const alive = (): void => {
      if (generation !== this.#generation) throw new Error("the object's instance has ended");
    };
    const written = (): void => this.#recordWrite();
    const exec = <T extends Row>(query: string, ...values: unknown[]): SqlCursor<T> => {
      alive();
      return this.#exec<T>(query, values);
    };
    const kv = {
      get: (key: string): unknown => {
        const [row] = exec<{ value: ArrayBuffer }>("SELECT value FROM _cf_KV WHERE key = ?", key).toArray();
        return row === undefined ? undefined : deserialize(new Uint8Array(row.value));
      },
      put: (key: string, value: unknown): void => {
        exec("INSERT OR REPLACE INTO _cf_KV VALUES (?, ?)", key, serialize(value));
      },
      delete: (key: string): boolean => exec("DELETE FROM _cf_KV WHERE key = ?", key).rowsWritten > 0,
      list: (
        options: { readonly prefix?: string; readonly limit?: number } = {},
      ): IterableIterator<[string, unknown]> => {
        const { prefix = "", limit = -1 } = options;
        const rows = exec<{ key: string; value: ArrayBuffer }>(
          "SELECT key, value FROM _cf_KV WHERE substr(key, 1, ?) = ? ORDER BY key LIMIT ?",
          prefix.length,
          prefix,
          limit,
        );
        return rows
          .toArray()
          .map(({ key, value }): [string, unknown] => [key, deserialize(new Uint8Array(value))])
          .values();
      },
    };
    return {
      sql: {
        exec,
        get databaseSize(): number {
          const [row] = exec<{ n: number }>(
            "SELECT page_count * page_size AS n FROM pragma_page_count, pragma_page_size",
          ).toArray();
          return row?.n ?? 0;
        },
      },
      kv,
      get: async (key: string) => kv.get(key),
      put: async (key: string, value: unknown) => kv.put(key, value),
      delete: async (key: string) => kv.delete(key),
      transactionSync: <T>(work: () => T): T => {
        alive();
        return this.#transact(work);
      },
      getAlarm: async (): Promise<number | null> => {
        alive();
        return this.#alarmMs;
      },
      setAlarm: async (at: number | Date): Promise<void> => {
        alive();
        this.#alarmMs = Number(at);
        written();
      },
      deleteAlarm: async (): Promise<void> => {
        alive();
        this.#alarmMs = null;
        written();
      },
      deleteAll: async (): Promise<void> => {
        alive();
        this.#deleteAll();
      },
      sync: async (): Promise<void> => {
        alive();
        await this.#confirming?.promise;
      },
    };
  }

  #exec<T extends Row>(query: string, values: readonly unknown[]): SqlCursor<T> {
    const trimmed = query.trim().replace(/;$/, "");
    if (values.length === 0 && trimmed.includes(";")) {
      this.#beginWrite();
      this.#db.exec(query);
      this.#recordWrite();
      return new SqlCursor<T>([], [], 1);
    }
    const { statement, columns, isWrite } = this.#prepare(query);
    if (isWrite) this.#beginWrite();
    const bound = values as SQLInputValue[];
    if (columns.length === 0) {
      const { changes } = statement.run(...bound);
      if (isWrite) this.#recordWrite();
      return new SqlCursor<T>([], columns, Number(changes));
    }
    const rows = statement.all(...bound) as T[];
    if (isWrite) this.#recordWrite();
    for (const row of rows) giveArrayBuffers(row, columns);
    return new SqlCursor<T>(rows, columns, isWrite ? rows.length : 0);
  }

  #prepare(query: string): Prepared {
    const known = this.#prepared.get(query);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(query);
    const columns = statement.columns().map(({ name }) => name);
    const made = { statement, columns, isWrite: WRITES.test(query) };
    // Statements about tables that come and go are few, and made anew.
    if (!/^\s*(create|alter|drop)/i.test(query)) this.#prepared.set(query, made);
    return made;
  }

  #transact<T>(work: () => T): T {
    this.#beginWrite();
    this.#savepoints += 1;
    const name = `s${this.#savepoints}`;
    this.#db.exec(`SAVEPOINT ${name}`);
    try {
      const result = work();
      this.#db.exec(`RELEASE ${name}`);
      this.#recordWrite();
      return result;
    } catch (error) {
      this.#db.exec(`ROLLBACK TO ${name}`);
      this.#db.exec(`RELEASE ${name}`);
      throw error;
    } finally {
      this.#savepoints -= 1;
    }
  }

  #deleteAll(): void {
    this.#beginWrite();
    const tables = this.#db
      .prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'",
      )
      .all() as { name: string }[];
    this.#prepared.clear();
    for (const { name } of tables) this.#db.exec(`DROP TABLE "${name}"`);
    this.#db.exec("DELETE FROM _cf_KV");
    this.#recordWrite();
  }

  /** Opens the transaction of the writes that are to be confirmed together. */
  #beginWrite(): void {
    if (this.#confirming !== null) return;
    this.#db.exec("BEGIN");
    this.#confirming = Promise.withResolvers<void>();
    const { simulation } = this.#owner;
    this.#cancelConfirm = simulation.after(this.#owner.confirmDelayMs(), () => this.#confirm());
  }

  #recordWrite(): void {
    this.#beginWrite();
    this.#owner.onWrite();
  }

  #confirm(): void {
    const confirming = this.#confirming;
    if (confirming === null) return;
    this.#cancelConfirm?.();
    this.#cancelConfirm = null;
    this.#confirming = null;
    this.#db.exec("COMMIT");
    if (this.#confirmedAlarmMs !== this.#alarmMs) {
      this.#confirmedAlarmMs = this.#alarmMs;
      this.#owner.onAlarm(this.#alarmMs);
    }
    confirming.resolve();
  }
}

function openDatabase(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID");
  return db;
}

/** SQLite's blobs as workerd gives them. */
function giveArrayBuffers(row: Row, columns: readonly string[]): void {
  for (const name of columns) {
    const value = row[name];
    if (value instanceof Uint8Array)
      row[name] = value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength);
  }
}
