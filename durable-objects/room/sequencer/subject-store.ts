/** The room's rows per person: the subject of each tag, and everything that is found and deleted by it. */
import type { LazyStorage } from "../../kit/lazy-storage.ts";
import { EVENT_COLUMNS, type EventRow } from "./room-store.ts";

/** A person's own events, with their device and network. */
export interface SubjectEventRow extends EventRow {
  readonly tag: string;
  readonly roles: string;
  readonly device: string;
  readonly address: string;
}

/** Typed access to one room's SQLite by person; the tables are those of `RoomStore`. */
export class SubjectStore {
  readonly #sql: LazyStorage;

  constructor(sql: LazyStorage) {
    this.#sql = sql;
  }

  /** Stores the subject of a tag. */
  addSubject(tag: string, subject: Uint8Array): void {
    this.#sql.insert("INSERT OR IGNORE INTO people VALUES (?, ?)", tag, subject);
  }

  /** The encrypted subject of a tag; undefined if it is unknown or deleted. */
  encryptedSubject(tag: string): ArrayBuffer | undefined {
    return this.#sql.exec<{ subject: ArrayBuffer }>("SELECT subject FROM people WHERE tag = ?", tag).toArray()[0]
      ?.subject;
  }

  /**
   * Tags of people without remaining data, at most `most`. `firstPending`: the sequence of the first domain event that a
   * subscriber lacks, or null; people whom it or a later one names are in use.
   */
  unusedTags(most: number, firstPending: number | null): string[] {
    return this.#sql
      .exec<{ tag: string }>(
        `SELECT tag FROM people
         WHERE tag NOT IN (SELECT tag FROM events) AND tag NOT IN (SELECT about FROM events)
           AND tag NOT IN (SELECT about FROM facts) AND tag NOT IN (SELECT by FROM facts)
           AND tag NOT IN (SELECT about FROM audit) AND tag NOT IN (SELECT by FROM audit)
           AND NOT EXISTS (SELECT 1 FROM outbox WHERE sequence >= ? AND
             (json_extract(body, '$.subjectTag') = tag OR json_extract(body, '$.actorTag') = tag)) LIMIT ?`,
        firstPending ?? Number.MAX_SAFE_INTEGER,
        most,
      )
      .toArray()
      .map(({ tag }) => tag);
  }

  /** Whether any person is stored. */
  get hasSubjects(): boolean {
    return this.#sql.exec("SELECT 1 FROM people LIMIT 1").toArray().length > 0;
  }

  /** Deletes people without remaining data. */
  deleteSubjects(tags: readonly string[]): void {
    for (const tag of tags) this.#sql.exec("DELETE FROM people WHERE tag = ?", tag);
  }

  /** Deletes everything about a person, or that names it; events keep their offsets. */
  eraseSubject(tag: string): void {
    this.#sql.exec("UPDATE events SET about = '', text = NULL, body = NULL WHERE about = ?", tag);
    this.#sql.exec(
      "UPDATE events SET tag = '', client_id = '', roles = '[]', device = '', address = '' WHERE tag = ?",
      tag,
    );
    this.#sql.exec("DELETE FROM facts WHERE about = ?", tag);
    this.#sql.exec("UPDATE facts SET by = '' WHERE by = ?", tag);
    this.#sql.exec("UPDATE audit SET about = '', body = x'' WHERE about = ?", tag);
    this.#sql.exec("UPDATE audit SET by = '' WHERE by = ?", tag);
    this.#sql.exec("DELETE FROM people WHERE tag = ?", tag);
    this.#sql.exec("DELETE FROM outbox WHERE json_extract(body, '$.subjectTag') = ?", tag);
    this.#sql.exec(
      "UPDATE outbox SET body = json_set(body, '$.actorTag', '') WHERE json_extract(body, '$.actorTag') = ?",
      tag,
    );
  }

  /** Events after `offset` by or about a person, at most `most`, in order. */
  subjectEvents(tag: string, offset: number, most: number): SubjectEventRow[] {
    return this.#sql
      .exec<SubjectEventRow>(
        `SELECT ${EVENT_COLUMNS}, tag, roles, device, address FROM events
         WHERE offset > ? AND (tag = ? OR about = ?) ORDER BY offset LIMIT ?`,
        offset,
        tag,
        tag,
        most,
      )
      .toArray();
  }

  /** Offsets of the last events about a person, at most `most`, in order. */
  subjectEventOffsets(tag: string, most: number): number[] {
    return this.#sql
      .exec<{ offset: number }>("SELECT offset FROM events WHERE about = ? ORDER BY offset DESC LIMIT ?", tag, most)
      .toArray()
      .map(({ offset }) => offset)
      .reverse();
  }
}
