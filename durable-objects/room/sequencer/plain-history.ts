/**
 * The history of a room from before history was encrypted. Its rows are encrypted under the subjects' keys and moved a batch
 * at a time, each in a transaction, before the room answers anybody; after an interruption the rest is moved.
 */
import type { Role } from "../../../core/access/roles.ts";
import { OPEN_CHAT_MODES } from "../../../core/room/chat-modes.ts";
import type { StateEntry } from "../../../core/room/entries/index.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { type HistoryChange, ROOM_ACTOR } from "../../../core/room/sequencer/history-change.ts";
import { subjectOfEvent } from "../../../core/room/sequencer/subject-data.ts";
import type { AuditLogEntry } from "../../../core/room/staff-messages.ts";
import { hasTable } from "../../kit/migrations.ts";
import type { ObjectStorage } from "../../kit/object-storage.ts";
import { wipeWriteAheadLog } from "../keyring/wipe-write-ahead-log.ts";
import type { EncryptedHistory } from "./encrypted-history.ts";
import { PLAIN_TABLES } from "./room-schema.ts";

/** Rows of one transaction: some 20 ms of encryption. */
const BATCH_ROWS = 200;

type PlainEventRow = {
  offset: number;
  at_ms: number;
  programme_ms: number;
  subject: string;
  client_id: string;
  roles: string;
  text: string | null;
  body: string;
};
type PlainFactRow = { of: StateEntry["of"]; key: string; value: string };
type PlainAuditRow = { rowid: number; at_ms: number; by: string; act: AuditLogEntry["act"]; about: string };

/** Moves all unencrypted rows. Does nothing in a room without any. */
export async function encryptPlainHistory(storage: ObjectStorage, history: EncryptedHistory): Promise<void> {
  if (!hasTable(storage, PLAIN_TABLES.events)) return;
  await encryptEvents(storage, history);
  await encryptFacts(storage, history);
  await encryptAuditLog(storage, history);
  storage.transactionSync(() => {
    for (const table of Object.values(PLAIN_TABLES)) storage.sql.exec(`DROP TABLE ${table}`);
  });
  // The log still contains the former rows.
  await wipeWriteAheadLog(storage);
}

async function encryptEvents(storage: ObjectStorage, history: EncryptedHistory): Promise<void> {
  const { sql } = storage;
  for (;;) {
    const rows = sql
      .exec<PlainEventRow>(`SELECT * FROM ${PLAIN_TABLES.events} ORDER BY offset LIMIT ?`, BATCH_ROWS)
      .toArray();
    const last = rows.at(-1);
    if (last === undefined) return;
    const changes = rows.map(changeOfEvent);
    // Each key is fetched once, not per row.
    const subjects = changes.flatMap(({ event, by }) => [by.subject ?? "", subjectOfEvent(event) ?? ""]);
    await history.ensureSubjectKeys(new Set(subjects.filter((subject) => subject !== "")));
    const inserts = await Promise.all(changes.map((change) => history.encryptChange(change)));
    storage.transactionSync(() => {
      for (const insert of inserts) insert();
      // Deleted messages have no text.
      for (const { offset, text } of rows) {
        if (text === null || text === "") sql.exec("UPDATE events SET text = NULL WHERE offset = ?", offset);
      }
      // A deleted row leaves its bytes in the page, an overwritten one does not.
      sql.exec(
        `UPDATE ${PLAIN_TABLES.events} SET subject = offset, text = zeroblob(length(CAST(text AS BLOB))),
           body = zeroblob(length(CAST(body AS BLOB))) WHERE offset <= ?`,
        last.offset,
      );
      sql.exec(`DELETE FROM ${PLAIN_TABLES.events} WHERE offset <= ?`, last.offset);
    });
  }
}

/** Device and network names of that time could be chosen by clients: they are dropped. */
function changeOfEvent(row: PlainEventRow): HistoryChange & { readonly event: RoomEvent } {
  const { offset, at_ms: atMs, programme_ms: programmeMs, subject, client_id: id, roles, text, body } = row;
  const stored = { ...(JSON.parse(body) as RoomEvent), offset, atMs, programmeMs };
  const event: RoomEvent =
    stored.kind === "chat"
      ? { ...stored, text: text ?? "" }
      : stored.kind === "modes"
        ? { ...stored, modes: { ...OPEN_CHAT_MODES, ...stored.modes } }
        : stored;
  const by = { ...ROOM_ACTOR, subject: subject === "" ? null : subject, id, roles: JSON.parse(roles) as Role[] };
  return { event, by, entries: [], audit: null, about: null };
}

async function encryptFacts(storage: ObjectStorage, history: EncryptedHistory): Promise<void> {
  const rows = storage.sql.exec<PlainFactRow>(`SELECT of, key, value FROM ${PLAIN_TABLES.facts}`).toArray();
  const entries = rows.flatMap(({ of, key, value }) =>
    currentEntry({ of, key, value: JSON.parse(value) } as StateEntry),
  );
  const change = { event: null, by: ROOM_ACTOR, entries, audit: null, about: null };
  const insert = await history.encryptChange(change);
  storage.transactionSync(() => {
    insert();
    storage.sql.exec(`UPDATE ${PLAIN_TABLES.facts} SET value = zeroblob(length(CAST(value AS BLOB)))`);
    storage.sql.exec(`DELETE FROM ${PLAIN_TABLES.facts}`);
  });
}

/** The entry with the fields that were added since. Sanctions apply to accounts only, as for events. */
function currentEntry(entry: StateEntry): StateEntry[] {
  if (entry.value === null) return [];
  switch (entry.of) {
    case "modes":
      return [{ ...entry, value: { ...OPEN_CHAT_MODES, ...entry.value } }];
    case "held":
      return [{ ...entry, value: { ...entry.value, reasons: [], device: "", address: "" } }];
    case "sanction":
      return entry.key.startsWith("account:") ? [entry] : [];
    default:
      return [entry];
  }
}

async function encryptAuditLog(storage: ObjectStorage, history: EncryptedHistory): Promise<void> {
  const { sql } = storage;
  const rows = sql
    .exec<PlainAuditRow>(`SELECT rowid, at_ms, by, act, about FROM ${PLAIN_TABLES.audit} ORDER BY rowid`)
    .toArray();
  const inserts: (() => void)[] = [];
  for (const { at_ms: atMs, by, act, about } of rows) {
    const subject = subjectOfLine(act, about);
    // A held message's id names its sender.
    const shown = act === "approve" || act === "deny" ? "" : about;
    const audit = { atMs, by, act, about: shown };
    const actor = { ...ROOM_ACTOR, subject: by };
    inserts.push(await history.encryptChange({ event: null, by: actor, entries: [], audit, about: subject }));
  }
  storage.transactionSync(() => {
    for (const insert of inserts) insert();
    sql.exec(`UPDATE ${PLAIN_TABLES.audit} SET by = zeroblob(length(by)), about = zeroblob(length(about))`);
    sql.exec(`DELETE FROM ${PLAIN_TABLES.audit}`);
  });
}

/** The subject that a line of the audit log is about, or null. */
function subjectOfLine(act: AuditLogEntry["act"], about: string): string | null {
  switch (act) {
    case "clear":
    case "timeout":
    case "ban":
    case "unban":
      return about;
    case "role":
      // `{subject}: {role}`
      return about.slice(0, Math.max(0, about.lastIndexOf(": ")));
    default:
      return null;
  }
}
