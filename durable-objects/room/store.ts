/** What the room keeps in SQLite: its history, what holds, the audit log, counts. */
import type { AudienceSnapshot, ShardCount, Totals } from "../../protocol/room/audience.ts";
import type { Trace } from "../../protocol/room/decide.ts";
import type { ChatEvent, Role, RoomEvent, Viewer } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { AuditLine, Fact } from "../../protocol/room/state.ts";
import { LazySql } from "./lazy-sql.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  offset INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, programme_ms INTEGER NOT NULL, kind TEXT NOT NULL,
  subject TEXT NOT NULL, client_id TEXT NOT NULL, roles TEXT NOT NULL, device TEXT NOT NULL, address TEXT NOT NULL,
  text TEXT, body TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_id ON events (subject, client_id);
CREATE INDEX IF NOT EXISTS events_by_programme ON events (programme_ms);
CREATE TABLE IF NOT EXISTS facts (
  of TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (of, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (at_ms INTEGER NOT NULL, by TEXT NOT NULL, act TEXT NOT NULL, about TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shards (id INTEGER PRIMARY KEY, sockets INTEGER NOT NULL, watching INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY CHECK (id = 1), sketch BLOB NOT NULL);
`;

interface EventRow extends Record<string, SqlStorageValue> {
  offset: number;
  at_ms: number;
  programme_ms: number;
  text: string | null;
  body: string;
}

const COLUMNS = "offset, at_ms, programme_ms, text, body";
const NO_TOTALS: Totals = { peak: 0, watchedMs: 0, likes: 0, reactions: {} };

/** Whom an event is recorded for. */
export interface Recorded {
  readonly by: Pick<Viewer, "subject" | "device" | "address" | "roles">;
  readonly id: string;
}

/** Typed access to one room's SQLite. */
export class RoomStore {
  readonly #sql: LazySql;
  /** The room's epoch: it lasts as long as its storage. */
  readonly epoch: string;

  /** `fresh` becomes the epoch of a room that has none. */
  constructor(storage: DurableObjectStorage, fresh: string) {
    this.#sql = new LazySql(storage, "meta", SCHEMA, () => this.#setMeta("epoch", this.epoch));
    this.epoch = this.#meta("epoch") ?? fresh;
  }

  /** Whether anything was ever stored. */
  get there(): boolean {
    return this.#sql.there;
  }

  /** The last event ever stored, 0 before the first. */
  head(): number {
    return Number(this.#meta("head") ?? 0);
  }

  /** Keeps an event. */
  add(event: RoomEvent, { by, id }: Recorded): void {
    const { offset, atMs, programmeMs, ...body } = event;
    const chat = body.kind === "chat";
    this.#sql.exec(
      "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      offset,
      atMs,
      programmeMs,
      event.kind,
      by.subject ?? "",
      id,
      JSON.stringify(by.roles),
      by.device,
      by.address,
      chat ? body.text : null,
      JSON.stringify(chat ? { ...body, text: "" } : body),
    );
    if (event.kind === "delete") this.#sql.exec("UPDATE events SET text = '' WHERE offset = ?", event.target);
    if (event.kind === "clear") {
      this.#sql.exec("UPDATE events SET text = '' WHERE subject = ? AND kind = 'chat'", event.subject);
    }
  }

  /** Keeps the number of the last event, with the events of a call. */
  setHead(head: number): void {
    this.#setMeta("head", String(head));
  }

  /** The event that a person's act with this id made, or null. */
  stored(subject: string, id: string): RoomEvent | null {
    return this.#events("WHERE subject = ? AND client_id = ?", subject, id)[0] ?? null;
  }

  /** A message that has its text, or null. */
  message(offset: number): ChatEvent | null {
    const event = this.#events("WHERE offset = ?", offset)[0];
    return event?.kind === "chat" && event.gone !== true ? event : null;
  }

  /** Events after `offset`, at most `most`, in order. */
  after(offset: number, most: number): RoomEvent[] {
    return this.#events("WHERE offset > ? ORDER BY offset LIMIT ?", offset, most);
  }

  /** The last events, in order. */
  latest(most: number): RoomEvent[] {
    return this.#events("ORDER BY offset DESC LIMIT ?", most).reverse();
  }

  /** Events whose programme time is in a window, at most `most`, in the order of programme time. */
  window(fromMs: number, toMs: number, most: number): RoomEvent[] {
    return this.#events(
      "WHERE programme_ms >= ? AND programme_ms < ? ORDER BY programme_ms, offset LIMIT ?",
      fromMs,
      toMs,
      most,
    );
  }

  /** Traces of a person's latest messages, the newest first. */
  traces(subject: string): Trace[] {
    return this.#sql
      .exec<{ roles: string; device: string; address: string; at_ms: number }>(
        `SELECT roles, device, address, at_ms FROM events
         WHERE subject = ? AND kind = 'chat' ORDER BY offset DESC LIMIT ?`,
        subject,
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

  /** Whether one of the last messages has this text. */
  wasWritten(text: string, head: number): boolean {
    const from = head - UNIQUE_AMONG;
    return (
      this.#sql.exec("SELECT 1 FROM events WHERE offset > ? AND text = ? LIMIT 1", from, text).toArray().length > 0
    );
  }

  /** All that holds. */
  facts(): Fact[] {
    return this.#sql
      .exec<{ of: string; key: string; value: string }>("SELECT of, key, value FROM facts")
      .toArray()
      .map(({ of, key, value }) => ({ of, key, value: JSON.parse(value) }) as Fact);
  }

  /** Keeps a fact, or forgets what no longer holds. */
  setFact({ of, key, value }: Fact): void {
    if (value === null) this.#sql.exec("DELETE FROM facts WHERE of = ? AND key = ?", of, key);
    else this.#sql.exec("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", of, key, JSON.stringify(value));
  }

  /** Adds a line to the audit log. */
  note({ atMs, by, act, about }: AuditLine): void {
    this.#sql.exec("INSERT INTO audit VALUES (?, ?, ?, ?)", atMs, by, act, about);
  }

  /** The audit log's last lines, the newest first. */
  audit(most: number): AuditLine[] {
    return this.#sql
      .exec<{ at_ms: number; by: string; act: string; about: string }>(
        "SELECT at_ms, by, act, about FROM audit ORDER BY rowid DESC LIMIT ?",
        most,
      )
      .toArray()
      .map(({ at_ms, by, act, about }) => ({ atMs: at_ms, by, act: act as AuditLine["act"], about }));
  }

  /** What was kept of the audience. */
  audience(): AudienceSnapshot {
    const rows = this.#sql
      .exec<{ id: number; sockets: number; watching: number }>("SELECT id, sockets, watching FROM shards")
      .toArray();
    const sketch = this.#sql.exec<{ sketch: ArrayBuffer }>("SELECT sketch FROM people").toArray()[0];
    const totals = this.#meta("totals");
    return {
      shards: new Map(rows.map(({ id, sockets, watching }) => [id, { sockets, watching }])),
      totals: totals === null ? NO_TOTALS : (JSON.parse(totals) as Totals),
      distinct: sketch === undefined ? null : new Uint8Array(sketch.sketch),
    };
  }

  /** Keeps that a shard takes part; what it counted before its memory was lost stands until it counts again. */
  addShard(id: number): void {
    this.#sql.exec("INSERT OR IGNORE INTO shards VALUES (?, 0, 0)", id);
  }

  /** Keeps what a shard counted; null forgets the shard. */
  setShard(id: number, count: ShardCount | null): void {
    if (count === null) this.#sql.exec("DELETE FROM shards WHERE id = ?", id);
    else this.#sql.exec("INSERT OR REPLACE INTO shards VALUES (?, ?, ?)", id, count.sockets, count.watching);
  }

  /** Keeps sums. */
  setTotals(totals: Totals): void {
    this.#setMeta("totals", JSON.stringify(totals));
  }

  /** Keeps the estimate of different people. */
  setDistinct(bytes: Uint8Array): void {
    this.#sql.exec("INSERT OR REPLACE INTO people VALUES (1, ?)", bytes);
  }

  /** The number of shards, 1 at first. */
  shards(): number {
    return Number(this.#meta("shards") ?? 1);
  }

  /** Keeps the number of shards. */
  setShards(shards: number): void {
    this.#setMeta("shards", String(shards));
  }

  /** Forgets what is older than retention allows, or too much; whether anything but counts is left. */
  prune(nowMs: number, keepMs: number): boolean {
    this.#sql.exec("DELETE FROM events WHERE at_ms < ?", nowMs - keepMs);
    this.#sql.exec("DELETE FROM events WHERE offset <= ?", this.head() - ROOM_LIMITS.keepEvents);
    this.#sql.exec("DELETE FROM audit WHERE rowid <= (SELECT MAX(rowid) FROM audit) - ?", ROOM_LIMITS.auditLines);
    return ["events", "facts", "audit"].some((table) => this.#any(`SELECT 1 FROM ${table} LIMIT 1`));
  }

  /** Forgets everything; the room's alarm goes too. */
  async clear(): Promise<void> {
    await this.#sql.clear();
  }

  #any(query: string): boolean {
    return this.#sql.exec(query).toArray().length > 0;
  }

  #events(where: string, ...values: SqlStorageValue[]): RoomEvent[] {
    return this.#sql
      .exec<EventRow>(`SELECT ${COLUMNS} FROM events ${where}`, ...values)
      .toArray()
      .map(eventOf);
  }

  #meta(key: string): string | null {
    return this.#sql.exec<{ value: string }>("SELECT value FROM meta WHERE key = ?", key).toArray()[0]?.value ?? null;
  }

  #setMeta(key: string, value: string): void {
    this.#sql.exec("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value);
  }
}

/** Devices and addresses of a person that a ban reaches: those of so many last messages. */
const TRACES = 20;
/** "Unique" looks at so many last events: all of them are read for each message. */
const UNIQUE_AMONG = 1_000;

function eventOf({ offset, at_ms, programme_ms, text, body }: EventRow): RoomEvent {
  const event = { ...JSON.parse(body), offset, atMs: at_ms, programmeMs: programme_ms } as RoomEvent;
  if (event.kind !== "chat") return event;
  return text === null || text === "" ? { ...event, text: "", gone: true } : { ...event, text };
}
