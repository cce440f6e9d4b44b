/** SQLite rows that a room and its keyrings write and read: what `durable-objects/room/sequencer/room-store.ts` does, row by row. */
import type { RoomRates } from "./rates.ts";

/** An event and its two indexes; a day later retention deletes it, and a deleted row is billed as a written one. */
const PER_MESSAGE = 3;
const PER_MESSAGE_DELETED = 1;
/** Whom a tag stands for; and in the keyring a key and the index by tag. All end when nothing is left of the person. */
const PER_WRITER = 3;
/** What a shard counted. */
const PER_REPORT = 1;
/** Sums of who watched, at most so often; with likes, with each tick. */
const TOTALS_EVERY_S = 2;
/** A shard arms the alarm that wakes it so often. */
const ALARM_EVERY_S = 5;
/** One for its place in the table when it is written, two to find and delete it. */
const READ_PER_MESSAGE = 3;

/** Rows a second. */
export interface SqliteRows {
  readonly messages: number;
  readonly counts: number;
  /** Each arming of an alarm is billed as one. */
  readonly alarms: number;
  readonly read: number;
}

/** What is counted. */
export interface SqliteRowOptions {
  /** Whether the deletion of what was written a day ago is counted too. */
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
