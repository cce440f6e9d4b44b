/**
 * The room's SQLite tables: history, state entries, audit log, counts. Data about a person arrives encrypted under that
 * person's key, and the person is named by a tag; see `encryption.ts`.
 */

import type { Role } from "../../../core/access/roles.ts";
import type { RoomChildId } from "../../../core/room/child-ids.ts";
import { removalOf } from "../../../core/room/effects/index.ts";
import type { StateEntry } from "../../../core/room/entries/index.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { AudienceSnapshot, AudienceTotals, ShardViewerCount } from "../../../core/room/sequencer/audience.ts";
import type { SenderTrace } from "../../../core/room/sequencer/decision.ts";
import type { HistoryRetention } from "../../../core/room/sequencer/retention.ts";
import { type ExpectedAudience, NO_EXPECTED_AUDIENCE } from "../../../core/room/sharding.ts";
import type { AuditLogEntry } from "../../../core/room/staff-messages.ts";
import { LazyStorage } from "../../kit/lazy-storage.ts";
import type { ObjectStorage, SqlRow, SqlValue } from "../../kit/object-storage.ts";
import { FORGEABLE_SANCTIONS_KEY, LAYOUT_WITH_AAD, PLAIN_TABLES, ROOM_SCHEMA } from "./room-schema.ts";

/** An event row. A deleted message has no text; an erased event has no body. */
export interface EventRow extends SqlRow {
  readonly offset: number;
  readonly at_ms: number;
  readonly programme_ms: number;
  readonly kind: RoomEvent["kind"];
  readonly about: string;
  readonly text: ArrayBuffer | null;
  readonly body: ArrayBuffer | null;
}

/** An event to be stored. */
export interface EventInsert {
  readonly event: RoomEvent;
  readonly tag: string;
  readonly id: string;
  readonly senderTrace: Omit<SenderTrace, "atMs">;
  readonly about: string;
  readonly text: Uint8Array | null;
  readonly body: Uint8Array;
}

/** A row of a state entry; `by`: the setter's tag, for kinds that have one. */
export interface StateEntryRow extends SqlRow {
  readonly id: number;
  readonly of: StateEntry["of"];
  readonly about: string;
  readonly by: string;
  readonly body: ArrayBuffer;
}

/** A state entry to be stored. */
export interface StateEntryInsert {
  readonly of: StateEntry["of"];
  readonly about: string;
  readonly by: string;
  readonly body: Uint8Array;
}

/** A row of the audit log. */
export interface AuditRow extends SqlRow {
  readonly at_ms: number;
  readonly by: string;
  readonly act: AuditLogEntry["act"];
  readonly about: string;
  readonly body: ArrayBuffer;
}

/** Columns of an `EventRow`. */
export const EVENT_COLUMNS = "offset, at_ms, programme_ms, kind, about, text, body";
/** The partial index of tags excludes erased rows, and is used only by queries with the same condition. */
const TAG_CONDITION = "tag = ? AND tag <> ''";
const EMPTY_TOTALS: AudienceTotals = { peak: 0, watchedMs: 0, likes: 0, reactions: {} };

/** Typed access to one room's SQLite. */
export class RoomStore {
  /** The tables; `SubjectStore` uses them too. */
  readonly sql: LazyStorage;
  /** The room's epoch, which lasts as long as its storage. */
  readonly epoch: string;
  /** Some rows may be encrypted without their place. */
  readonly hasRowsWithoutAad: boolean;
  /** Sanctions of devices and networks use names that clients could choose, and are to be deleted. */
  readonly hasReplacedDeviceNames: boolean;

  /** `fresh` becomes the epoch of a room without one. Throws `NewerSchemaError` if a later release stored the room. */
  constructor(storage: ObjectStorage, fresh: string) {
    this.sql = new LazyStorage(storage, ROOM_SCHEMA, () => {
      this.#setMeta("epoch", this.epoch);
      this.#setMeta("layout", LAYOUT_WITH_AAD);
    });
    this.epoch = this.#meta("epoch") ?? fresh;
    this.hasRowsWithoutAad = this.exists && this.#meta("layout") !== LAYOUT_WITH_AAD;
    this.hasReplacedDeviceNames = this.#meta(FORGEABLE_SANCTIONS_KEY) !== null;
    this.sql.exec("DELETE FROM meta WHERE key = ?", FORGEABLE_SANCTIONS_KEY);
  }

  /** Whether anything was ever stored. */
  get exists(): boolean {
    return this.sql.exists;
  }

  /** The offset of the last stored event, 0 before the first. */
  headOffset(): number {
    const last = this.sql
      .exec<{ offset: number }>("SELECT offset FROM events ORDER BY offset DESC LIMIT 1")
      .toArray()[0];
    return Math.max(Number(this.#meta("head") ?? 0), last?.offset ?? 0);
  }

  /** The offset before the last `most` events, including those that are not encrypted yet. */
  recentStart(most: number): number {
    const hasPlainRows = this.#hasRows(`SELECT 1 FROM sqlite_master WHERE name = '${PLAIN_TABLES.events}'`);
    const stored = hasPlainRows ? `events UNION ALL SELECT offset FROM ${PLAIN_TABLES.events}` : "events";
    const first = this.sql
      .exec<{ offset: number }>(`SELECT offset FROM ${stored} ORDER BY offset DESC LIMIT ?`, most)
      .toArray()
      .at(-1);
    return (first?.offset ?? this.headOffset() + 1) - 1;
  }

  /** Stores an event, and applies its removals to earlier ones. */
  insertEvent({ event, tag, id, senderTrace, about, text, body }: EventInsert): void {
    this.sql.insert(
      "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      event.offset,
      event.atMs,
      event.programmeMs,
      event.kind,
      tag,
      id,
      JSON.stringify(senderTrace.roles),
      senderTrace.device,
      senderTrace.address,
      about,
      text,
      body,
    );
    const removal = removalOf(event);
    if (removal?.scope === "message") this.sql.exec("UPDATE events SET text = NULL WHERE offset = ?", removal.offset);
    if (removal?.scope === "author") this.sql.exec("UPDATE events SET text = NULL WHERE about = ?", about);
  }

  /** The event of a participant's command with this id, or undefined. */
  findByCommandId(tag: string, id: string): EventRow | undefined {
    return this.#events(`WHERE ${TAG_CONDITION} AND client_id = ?`, tag, id)[0];
  }

  /** A message that still has its text, or undefined. */
  findMessage(offset: number): EventRow | undefined {
    return this.#events("WHERE offset = ? AND kind = 'chat' AND text IS NOT NULL", offset)[0];
  }

  /** Events after `offset`, at most `most`, in order. */
  eventsAfter(offset: number, most: number): EventRow[] {
    return this.#events("WHERE offset > ? ORDER BY offset LIMIT ?", offset, most);
  }

  /** The last events, in order. */
  latestEvents(most: number): EventRow[] {
    return this.#events("ORDER BY offset DESC LIMIT ?", most).reverse();
  }

  /** Events in a window of program time, at most `most`, in order of program time. */
  eventsInWindow(fromMs: number, toMs: number, most: number): EventRow[] {
    return this.#events(
      "WHERE programme_ms >= ? AND programme_ms < ? ORDER BY programme_ms, offset LIMIT ?",
      fromMs,
      toMs,
      most,
    );
  }

  /** The earliest program time of an event, or null. */
  firstProgramTimeMs(): number | null {
    const first = this.sql
      .exec<{ at: number }>("SELECT programme_ms AS at FROM events ORDER BY programme_ms LIMIT 1")
      .toArray()[0];
    return first?.at ?? null;
  }

  /** Traces of a participant's latest messages, newest first. */
  senderTraces(tag: string): SenderTrace[] {
    return this.sql
      .exec<{ roles: string; device: string; address: string; at_ms: number }>(
        `SELECT roles, device, address, at_ms FROM events
         WHERE ${TAG_CONDITION} AND kind = 'chat' ORDER BY offset DESC LIMIT ?`,
        tag,
        MAX_SENDER_TRACES,
      )
      .toArray()
      .map(({ roles, device, address, at_ms }) => ({
        roles: JSON.parse(roles) as Role[],
        device,
        address,
        atMs: at_ms,
      }));
  }

  /** All current state entries. */
  stateEntries(): StateEntryRow[] {
    return this.sql.exec<StateEntryRow>("SELECT id, of, about, by, body FROM facts ORDER BY id").toArray();
  }

  /** Stores a state entry in the row `id`. */
  upsertStateEntry(id: number, { of, about, by, body }: StateEntryInsert): void {
    this.sql.insert(
      "INSERT OR REPLACE INTO facts (id, of, about, by, body) VALUES (?, ?, ?, ?, ?)",
      id,
      of,
      about,
      by,
      body,
    );
  }

  /** Deletes a state entry. */
  deleteStateEntry(id: number): void {
    this.sql.exec("DELETE FROM facts WHERE id = ?", id);
  }

  /** Adds an entry to the audit log. */
  appendAuditEntry(atMs: number, act: AuditLogEntry["act"], by: string, about: string, body: Uint8Array): void {
    this.sql.insert("INSERT INTO audit VALUES (?, ?, ?, ?, ?)", atMs, by, act, about, body);
  }

  /** The newest entries of the audit log, newest first; `of`: only those about or by this person. */
  auditRows(most: number, of: string | null = null): AuditRow[] {
    return this.sql
      .exec<AuditRow>(
        `SELECT at_ms, by, act, about, body FROM audit
         WHERE ?1 IS NULL OR by = ?1 OR about = ?1 ORDER BY rowid DESC LIMIT ?2`,
        of,
        most,
      )
      .toArray();
  }

  /** The stored audience. */
  audienceSnapshot(): AudienceSnapshot {
    const rows = this.sql
      .exec<{ id: RoomChildId; sockets: number; watching: number }>("SELECT id, sockets, watching FROM shards")
      .toArray();
    const sketch = this.sql.exec<{ bytes: ArrayBuffer }>("SELECT bytes FROM sketch").toArray()[0];
    const totals = this.#meta("totals");
    return {
      shards: new Map(rows.map(({ id, sockets, watching }) => [id, { sockets, watching }])),
      totals: totals === null ? EMPTY_TOTALS : (JSON.parse(totals) as AudienceTotals),
      distinct: sketch === undefined ? null : new Uint8Array(sketch.bytes),
    };
  }

  /** Records that a shard is in use; its last stored count remains until its next report. */
  addShard(id: RoomChildId): void {
    this.sql.insert("INSERT OR IGNORE INTO shards VALUES (?, 0, 0)", id);
  }

  /** Stores a shard's count; null deletes the shard. */
  setShard(id: RoomChildId, count: ShardViewerCount | null): void {
    if (count === null) this.sql.exec("DELETE FROM shards WHERE id = ?", id);
    else this.sql.insert("INSERT OR REPLACE INTO shards VALUES (?, ?, ?)", id, count.sockets, count.watching);
  }

  /** Stores the sums. */
  setTotals(totals: AudienceTotals): void {
    this.#setMeta("totals", JSON.stringify(totals));
  }

  /** Stores the estimate of distinct viewers. */
  setDistinct(bytes: Uint8Array): void {
    this.sql.insert("INSERT OR REPLACE INTO sketch VALUES (1, ?)", bytes);
  }

  /** The number of shards, initially 1. */
  shardCount(): number {
    return Number(this.#meta("shards") ?? 1);
  }

  /** Stores the number of shards. */
  setShardCount(shards: number): void {
    this.#setMeta("shards", String(shards));
  }

  /** The expected audience. */
  expectedAudience(): ExpectedAudience {
    const kept = this.#meta("expected");
    return kept === null ? NO_EXPECTED_AUDIENCE : (JSON.parse(kept) as ExpectedAudience);
  }

  /** Stores the expected audience. */
  setExpectedAudience(expected: ExpectedAudience): void {
    this.#setMeta("expected", JSON.stringify(expected));
  }

  /** The name of the stream's replacement room, or null. */
  replacementRoom(): string | null {
    return this.#meta("moved");
  }

  /** Sets the stream's replacement room, for good. */
  setReplacementRoom(room: string): void {
    this.#setMeta("moved", room);
  }

  /** Deletes what exceeds retention by age or number; whether anything except counts is left. */
  prune(nowMs: number, { maxAgeMs, maxEvents }: HistoryRetention): boolean {
    const head = this.headOffset();
    if (this.exists) this.#setMeta("head", String(head));
    this.sql.exec("DELETE FROM events WHERE at_ms < ?", nowMs - maxAgeMs);
    this.sql.exec("DELETE FROM events WHERE offset <= ?", head - maxEvents);
    this.sql.exec("DELETE FROM audit WHERE at_ms < ?", nowMs - ROOM_LIMITS.auditRetentionMs);
    this.sql.exec("DELETE FROM audit WHERE rowid <= (SELECT MAX(rowid) FROM audit) - ?", ROOM_LIMITS.auditEntries);
    return ["events", "facts", "audit"].some((table) => this.#hasRows(`SELECT 1 FROM ${table} LIMIT 1`));
  }

  /** Deletes everything, the room's alarm included. */
  async clear(): Promise<void> {
    await this.sql.clear();
  }

  #hasRows(query: string): boolean {
    return this.sql.exec(query).toArray().length > 0;
  }

  #events(where: string, ...values: SqlValue[]): EventRow[] {
    return this.sql.exec<EventRow>(`SELECT ${EVENT_COLUMNS} FROM events ${where}`, ...values).toArray();
  }

  #meta(key: string): string | null {
    return this.sql.exec<{ value: string }>("SELECT value FROM meta WHERE key = ?", key).toArray()[0]?.value ?? null;
  }

  #setMeta(key: string, value: string): void {
    this.sql.insert("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value);
  }
}

/** Devices and networks of a person that a ban includes: those of this many latest messages. */
const MAX_SENDER_TRACES = 20;
