/**
 * What the room keeps in SQLite: its history, what holds, the audit log, counts. Whatever is about a person comes sealed
 * under that person's key, and the person is named by a tag; see `sealing.ts`.
 */
import type { AudienceSnapshot, ShardCount, Totals } from "../../protocol/room/audience.ts";
import type { Trace } from "../../protocol/room/decide.ts";
import type { Role, RoomEvent } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { Retention } from "../../protocol/room/retention.ts";
import { type Expected, NOBODY_EXPECTED } from "../../protocol/room/shards.ts";
import type { AuditLine, Fact } from "../../protocol/room/state.ts";
import { LazySql } from "./lazy-sql.ts";

/** `tag`: who did it; `about`: whose key it is sealed under, empty where it tells of nobody. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  offset INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, programme_ms INTEGER NOT NULL, kind TEXT NOT NULL,
  tag TEXT NOT NULL, client_id TEXT NOT NULL, roles TEXT NOT NULL, device TEXT NOT NULL, address TEXT NOT NULL,
  about TEXT NOT NULL, text BLOB, body BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_id ON events (tag, client_id) WHERE tag <> '';
CREATE INDEX IF NOT EXISTS events_by_programme ON events (programme_ms);
CREATE TABLE IF NOT EXISTS facts (
  id INTEGER PRIMARY KEY, of TEXT NOT NULL, about TEXT NOT NULL, by TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS audit (
  at_ms INTEGER NOT NULL, by TEXT NOT NULL, act TEXT NOT NULL, about TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS people (tag TEXT PRIMARY KEY, subject BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shards (id INTEGER PRIMARY KEY, sockets INTEGER NOT NULL, watching INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sketch (id INTEGER PRIMARY KEY CHECK (id = 1), bytes BLOB NOT NULL);
`;

/** An event as it is stored. A message that is gone has no text; what was erased has no body. */
export interface EventRow extends Record<string, SqlStorageValue> {
  readonly offset: number;
  readonly at_ms: number;
  readonly programme_ms: number;
  readonly kind: RoomEvent["kind"];
  readonly about: string;
  readonly text: ArrayBuffer | null;
  readonly body: ArrayBuffer | null;
}

/** An event that is about to be stored. */
export interface NewEvent {
  readonly event: RoomEvent;
  readonly tag: string;
  readonly id: string;
  readonly trace: Omit<Trace, "atMs">;
  readonly about: string;
  readonly text: Uint8Array | null;
  readonly body: Uint8Array;
}

/** A fact as it is stored; `by`: the tag of who set it, where that is told. */
export interface FactRow extends Record<string, SqlStorageValue> {
  readonly id: number;
  readonly of: Fact["of"];
  readonly about: string;
  readonly by: string;
  readonly body: ArrayBuffer;
}

/** A fact that is about to be stored. */
export interface NewFact {
  readonly of: Fact["of"];
  readonly about: string;
  readonly by: string;
  readonly body: Uint8Array;
}

/** A line of the audit log as it is stored. */
export interface AuditRow extends Record<string, SqlStorageValue> {
  readonly at_ms: number;
  readonly by: string;
  readonly act: AuditLine["act"];
  readonly about: string;
  readonly body: ArrayBuffer;
}

/** Columns of an `EventRow`. */
export const COLUMNS = "offset, at_ms, programme_ms, kind, about, text, body";
/** The index of tags leaves out what was erased, and is used only where the question does so too. */
const BY_TAG = "tag = ? AND tag <> ''";
const NO_TOTALS: Totals = { peak: 0, watchedMs: 0, likes: 0, reactions: {} };

/** Layouts: every row is sealed with its place; older rows are sealed without. Before there were these, there was no mark. */
const PLACED = "placed";
const MIXED = "mixed";

/** Typed access to one room's SQLite. */
export class RoomStore {
  /** The tables; `PeopleStore` works on them too. */
  readonly sql: LazySql;
  /** The room's epoch: it lasts as long as its storage. */
  readonly epoch: string;
  /** There may be rows that are sealed without their place. */
  readonly unplaced: boolean;
  /** Devices and networks had names that others can make too; those of events were forgotten just now. */
  readonly renamed: boolean;

  /** `fresh` becomes the epoch of a room that has none. */
  constructor(storage: DurableObjectStorage, fresh: string) {
    for (const table of otherTables(storage.sql)) storage.sql.exec(`DROP TABLE ${table}`);
    this.sql = new LazySql(storage, "meta", SCHEMA, () => {
      this.#setMeta("epoch", this.epoch);
      this.#setMeta("layout", PLACED);
    });
    this.epoch = this.#meta("epoch") ?? fresh;
    const layout = this.there ? this.#meta("layout") : PLACED;
    this.unplaced = layout !== PLACED;
    this.renamed = layout === null;
    if (this.renamed) this.#forgetTraces();
  }

  /** Whether anything was ever stored. */
  get there(): boolean {
    return this.sql.there;
  }

  /** The last event ever stored, 0 before the first. */
  head(): number {
    const last = this.sql
      .exec<{ offset: number }>("SELECT offset FROM events ORDER BY offset DESC LIMIT 1")
      .toArray()[0];
    return Math.max(Number(this.#meta("head") ?? 0), last?.offset ?? 0);
  }

  /** Keeps an event, and what it does to those before it. */
  add({ event, tag, id, trace, about, text, body }: NewEvent): void {
    this.sql.exec(
      "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      event.offset,
      event.atMs,
      event.programmeMs,
      event.kind,
      tag,
      id,
      JSON.stringify(trace.roles),
      trace.device,
      trace.address,
      about,
      text,
      body,
    );
    if (event.kind === "delete") this.sql.exec("UPDATE events SET text = NULL WHERE offset = ?", event.target);
    if (event.kind === "clear") this.sql.exec("UPDATE events SET text = NULL WHERE about = ?", about);
  }

  /** The event that a person's act with this id made, or undefined. */
  stored(tag: string, id: string): EventRow | undefined {
    return this.#events(`WHERE ${BY_TAG} AND client_id = ?`, tag, id)[0];
  }

  /** A message that has its text, or undefined. */
  message(offset: number): EventRow | undefined {
    return this.#events("WHERE offset = ? AND kind = 'chat' AND text IS NOT NULL", offset)[0];
  }

  /** Events after `offset`, at most `most`, in order. */
  after(offset: number, most: number): EventRow[] {
    return this.#events("WHERE offset > ? ORDER BY offset LIMIT ?", offset, most);
  }

  /** The last events, in order. */
  latest(most: number): EventRow[] {
    return this.#events("ORDER BY offset DESC LIMIT ?", most).reverse();
  }

  /** Events whose programme time is in a window, at most `most`, in the order of programme time. */
  window(fromMs: number, toMs: number, most: number): EventRow[] {
    return this.#events(
      "WHERE programme_ms >= ? AND programme_ms < ? ORDER BY programme_ms, offset LIMIT ?",
      fromMs,
      toMs,
      most,
    );
  }

  /** The least programme time of an event, or null without one. */
  sinceMs(): number | null {
    const first = this.sql
      .exec<{ at: number }>("SELECT programme_ms AS at FROM events ORDER BY programme_ms LIMIT 1")
      .toArray()[0];
    return first?.at ?? null;
  }

  /** Traces of a person's latest messages, the newest first. */
  traces(tag: string): Trace[] {
    return this.sql
      .exec<{ roles: string; device: string; address: string; at_ms: number }>(
        `SELECT roles, device, address, at_ms FROM events
         WHERE ${BY_TAG} AND kind = 'chat' ORDER BY offset DESC LIMIT ?`,
        tag,
        TRACES,
      )
      .toArray()
      .map(({ roles, device, address, at_ms }) => ({
        roles: JSON.parse(roles) as Role[],
        device,
        address,
        atMs: at_ms,
      }));
  }

  /** All that holds. */
  facts(): FactRow[] {
    return this.sql.exec<FactRow>("SELECT id, of, about, by, body FROM facts ORDER BY id").toArray();
  }

  /** Keeps a fact in the row `id`. */
  setFact(id: number, { of, about, by, body }: NewFact): void {
    this.sql.exec(
      "INSERT OR REPLACE INTO facts (id, of, about, by, body) VALUES (?, ?, ?, ?, ?)",
      id,
      of,
      about,
      by,
      body,
    );
  }

  /** Forgets a fact. */
  dropFact(id: number): void {
    this.sql.exec("DELETE FROM facts WHERE id = ?", id);
  }

  /** Adds a line to the audit log. */
  note(atMs: number, act: AuditLine["act"], by: string, about: string, body: Uint8Array): void {
    this.sql.exec("INSERT INTO audit VALUES (?, ?, ?, ?, ?)", atMs, by, act, about, body);
  }

  /** The audit log's last lines, the newest first; `of`: only those about or by this person. */
  audit(most: number, of: string | null = null): AuditRow[] {
    return this.sql
      .exec<AuditRow>(
        `SELECT at_ms, by, act, about, body FROM audit
         WHERE ?1 IS NULL OR by = ?1 OR about = ?1 ORDER BY rowid DESC LIMIT ?2`,
        of,
        most,
      )
      .toArray();
  }

  /** What was kept of the audience. */
  audience(): AudienceSnapshot {
    const rows = this.sql
      .exec<{ id: number; sockets: number; watching: number }>("SELECT id, sockets, watching FROM shards")
      .toArray();
    const sketch = this.sql.exec<{ bytes: ArrayBuffer }>("SELECT bytes FROM sketch").toArray()[0];
    const totals = this.#meta("totals");
    return {
      shards: new Map(rows.map(({ id, sockets, watching }) => [id, { sockets, watching }])),
      totals: totals === null ? NO_TOTALS : (JSON.parse(totals) as Totals),
      distinct: sketch === undefined ? null : new Uint8Array(sketch.bytes),
    };
  }

  /** Keeps that a shard takes part; what it counted before its memory was lost stands until it counts again. */
  addShard(id: number): void {
    this.sql.exec("INSERT OR IGNORE INTO shards VALUES (?, 0, 0)", id);
  }

  /** Keeps what a shard counted; null forgets the shard. */
  setShard(id: number, count: ShardCount | null): void {
    if (count === null) this.sql.exec("DELETE FROM shards WHERE id = ?", id);
    else this.sql.exec("INSERT OR REPLACE INTO shards VALUES (?, ?, ?)", id, count.sockets, count.watching);
  }

  /** Keeps sums. */
  setTotals(totals: Totals): void {
    this.#setMeta("totals", JSON.stringify(totals));
  }

  /** Keeps the estimate of different people. */
  setDistinct(bytes: Uint8Array): void {
    this.sql.exec("INSERT OR REPLACE INTO sketch VALUES (1, ?)", bytes);
  }

  /** The number of shards, 1 at first. */
  shards(): number {
    return Number(this.#meta("shards") ?? 1);
  }

  /** Keeps the number of shards. */
  setShards(shards: number): void {
    this.#setMeta("shards", String(shards));
  }

  /** The crowd that is expected. */
  expected(): Expected {
    const kept = this.#meta("expected");
    return kept === null ? NOBODY_EXPECTED : (JSON.parse(kept) as Expected);
  }

  /** Keeps what crowd is expected. */
  setExpected(expected: Expected): void {
    this.#setMeta("expected", JSON.stringify(expected));
  }

  /** Where the room's stream is bound to: the name of the room that it has instead of this one, or null. */
  moved(): string | null {
    return this.#meta("moved");
  }

  /** The stream has another room instead of this one, for good. */
  setMoved(room: string): void {
    this.#setMeta("moved", room);
  }

  /** Forgets what is older than retention allows, or too much; whether anything but counts is left. */
  prune(nowMs: number, { keepMs, keepEvents }: Retention): boolean {
    const head = this.head();
    if (this.there) this.#setMeta("head", String(head));
    this.sql.exec("DELETE FROM events WHERE at_ms < ?", nowMs - keepMs);
    this.sql.exec("DELETE FROM events WHERE offset <= ?", head - keepEvents);
    this.sql.exec("DELETE FROM audit WHERE at_ms < ?", nowMs - ROOM_LIMITS.auditMs);
    this.sql.exec("DELETE FROM audit WHERE rowid <= (SELECT MAX(rowid) FROM audit) - ?", ROOM_LIMITS.auditLines);
    return ["events", "facts", "audit"].some((table) => this.#any(`SELECT 1 FROM ${table} LIMIT 1`));
  }

  /** Forgets everything; the room's alarm goes too. */
  async clear(): Promise<void> {
    await this.sql.clear();
  }

  #forgetTraces(): void {
    this.sql.exec("UPDATE events SET device = '', address = '' WHERE device <> '' OR address <> ''");
    this.#setMeta("layout", MIXED);
  }

  #any(query: string): boolean {
    return this.sql.exec(query).toArray().length > 0;
  }

  #events(where: string, ...values: SqlStorageValue[]): EventRow[] {
    return this.sql.exec<EventRow>(`SELECT ${COLUMNS} FROM events ${where}`, ...values).toArray();
  }

  #meta(key: string): string | null {
    return this.sql.exec<{ value: string }>("SELECT value FROM meta WHERE key = ?", key).toArray()[0]?.value ?? null;
  }

  #setMeta(key: string, value: string): void {
    this.sql.exec("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value);
  }
}

/** Devices and addresses of a person that a ban reaches: those of so many last messages. */
const TRACES = 20;

/** Tables of a layout in which history is not sealed: what is in them may not stay. */
function otherTables(sql: SqlStorage): string[] {
  const unsealed = sql.exec("SELECT 1 FROM pragma_table_info('events') WHERE name = 'subject'").toArray().length > 0;
  return unsealed ? ["meta", "events", "facts", "audit", "people", "shards"] : [];
}
