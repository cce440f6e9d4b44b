/** SQLite rows that a room writes and reads: what `durable-objects/room/store.ts` does, row by row. */
import type { Rates } from "./rates.ts";

/** An event and its two indexes; a day later retention deletes it, and a deleted row is billed as a written one. */
const PER_MESSAGE = 3;
const PER_MESSAGE_DELETED = 1;
/** The number of the last event, with each call that brings one. */
const PER_SUBMISSION = 1;
/** What a shard counted. */
const PER_REPORT = 1;
/** Sums of who watched, at most so often; with likes, with each tick. */
const TOTALS_EVERY_S = 2;
/** A shard arms the alarm that wakes it so often. */
const ALARM_EVERY_S = 5;
/** One for its place in the table when it is written, two to find and delete it. */
const READ_PER_MESSAGE = 3;

/** Rows a second. */
export interface Rows {
  readonly messages: number;
  readonly counts: number;
  /** Each arming of an alarm is billed as one. */
  readonly alarms: number;
  readonly read: number;
}

/** What is counted. */
export interface RowsOf {
  /** Whether the deletion of what was written a day ago is counted too. */
  readonly pruned: boolean;
  /** The room, its relays and its shards. */
  readonly objects: number;
}

/** Rows of a room. */
export function rowsOf(rates: Rates, { pruned, objects }: RowsOf): Rows {
  const { messages, taps, submissions, reports, ticks } = rates;
  // Calls with taps alone bring no event.
  const apiece = messages / Math.max(submissions, Number.EPSILON);
  const bringing = submissions * (1 - Math.exp(-apiece));
  const perMessage = PER_MESSAGE + (pruned ? PER_MESSAGE_DELETED : 0);
  const tapped = taps > 0 ? ticks * (1 - Math.exp(-taps / Math.max(ticks, Number.EPSILON))) : 0;
  return {
    messages: messages * perMessage + (taps > 0 ? bringing : submissions) * PER_SUBMISSION,
    counts: reports * PER_REPORT + Math.max(tapped, Math.min(reports, 1 / TOTALS_EVERY_S)),
    alarms: Math.max(0, objects - 1) / ALARM_EVERY_S,
    read: messages * READ_PER_MESSAGE,
  };
}
