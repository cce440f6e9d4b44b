/**
 * The part of the platform that the parts of an object use, as interfaces: a `DurableObjectState` has it, and so can any
 * runtime with SQLite and timers.
 */

/** A value of SQLite. */
export type SqlValue = ArrayBuffer | string | number | null;

/** A row by column name. */
export type SqlRow = Record<string, SqlValue>;

/** The rows of one statement. */
export interface SqlRows<Row> extends Iterable<Row> {
  toArray(): Row[];
  /** The only row. Throws where there is none, or more than one. */
  one(): Row;
}

/** A database of one object. A statement outside a transaction is a commit of its own. */
export interface ObjectDatabase {
  exec<Row extends SqlRow>(query: string, ...values: unknown[]): SqlRows<Row>;
}

/** Values by key. */
export interface ObjectValues {
  get<T>(key: string): T | undefined;
  put<T>(key: string, value: T): void;
  delete(key: string): boolean;
  list(options?: { readonly limit?: number }): Iterable<[string, unknown]>;
}

/** The one alarm of an object, ms since the epoch. It rings although the object lost its memory. */
export interface ObjectAlarm {
  getAlarm(): Promise<number | null>;
  setAlarm(atMs: number): Promise<void>;
  deleteAlarm(): Promise<void>;
}

/** The storage of one object. */
export interface ObjectStorage extends ObjectAlarm {
  readonly sql: ObjectDatabase;
  readonly kv: ObjectValues;
  /** Runs `work` in a transaction: what it throws undoes all that it stored. */
  transactionSync<T>(work: () => T): T;
  /** Resolves once all writes are on disk. */
  sync(): Promise<void>;
  deleteAll(): Promise<void>;
}

/** What keeps an object in memory, or ends it. */
export interface ObjectLifetime {
  /** Keeps the object in memory until `work` has ended. */
  waitUntil(work: Promise<unknown>): void;
  /** Ends the object with all calls under way; the next call starts a new one from storage. */
  abort(reason: string): void;
}
