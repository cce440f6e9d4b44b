/** SQLite rows that a room and its keyrings write and read: those of `durable-objects/room/sequencer/room-store.ts`. */
import type { RoomRates } from "./rates.ts";

/** An event and its two indexes; retention deletes it a day later, and a deleted row is billed as a written one. */
const PER_MESSAGE = 3;
const PER_MESSAGE_DELETED = 1;
/** The subject of a tag; in the keyring a key and its index entry. All are deleted with the person's last data. */
const PER_WRITER = 3;
/** A shard's count. */
const PER_REPORT = 1;
/** Audience sums, at most this often; with likes, with each tick. */
const TOTALS_EVERY_S = 2;
/** Interval at which a shard schedules its alarm. */
const ALARM_EVERY_S = 5;
/** One for its position when it is written, two to find and delete it. */
const READ_PER_MESSAGE = 3;

/** Rows a second. */
export interface SqliteRows {
  readonly messages: number;
  readonly counts: number;
  /** Each scheduling of an alarm is billed as a row. */
  readonly alarms: number;
  readonly read: number;
}

/** What is counted. */
export interface SqliteRowOptions {
  /** Whether the deletion of day-old rows is included. */
  readonly pruned: boolean;
  /** The room, its relays and its shards. */
  readonly objects: number;
}

/** Rows of a room. */
export function sqliteRows(rates: RoomRates, { pruned, objects }: SqliteRowOptions): SqliteRows {
  const { messages, writers, likes, reports, ticks } = rates;
  const perMessage = PER_MESSAGE + (pruned ? PER_MESSAGE_DELETED : 0);
  const tapped = likes > 0 ? ticks * (1 - Math.exp(-likes / Math.max(ticks, Number.EPSILON))) : 0;
  return {
    messages: messages * perMessage + writers * PER_WRITER * (pruned ? 2 : 1),
    counts: reports * PER_REPORT + Math.max(tapped, Math.min(reports, 1 / TOTALS_EVERY_S)),
    alarms: Math.max(0, objects - 1) / ALARM_EVERY_S,
    read: messages * READ_PER_MESSAGE,
  };
}
