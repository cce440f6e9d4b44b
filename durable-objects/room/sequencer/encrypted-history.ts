/** The room's storage with subject data encrypted on write and decrypted on read. */

import { encodeCompositeKey } from "../../../core/kit/composite-key.ts";
import { entryDefinition, type StateEntry } from "../../../core/room/entries/index.ts";
import { type ChatEvent, type RoomEvent, redactEvent } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { heldMessageKey, stateEntryKey } from "../../../core/room/room-state.ts";
import type { HistoryChange } from "../../../core/room/sequencer/history-change.ts";
import type { StoredCommand } from "../../../core/room/sequencer/resent-command.ts";
import { subjectOfEntry, subjectOfEvent } from "../../../core/room/sequencer/subject-data.ts";
import type { AuditLogEntry } from "../../../core/room/staff-messages.ts";
import { decryptValue, encryptValue } from "./encryption.ts";
import type { EventRow, RoomStore, StateEntryRow } from "./room-store.ts";
import type { SubjectKey, SubjectKeys } from "./subject-keys.ts";
import type { SubjectStore } from "./subject-store.ts";

/** The key of a state entry among all current ones. */
export type StateEntryRef = Pick<StateEntry, "of" | "key">;

/** The content of one row of state entries. */
type StateEntryBody = Pick<StateEntry, "key" | "value">;

/** History, state entries and audit log of one room. */
export class EncryptedHistory {
  readonly #room: string;
  readonly #store: RoomStore;
  readonly #subjects: SubjectStore;
  readonly #keys: SubjectKeys;
  /** The rows of the current state entries. */
  readonly #entryRows = new Map<string, { readonly id: number; readonly fact: StateEntryRef }>();
  /** Tags whose subjects are stored. */
  readonly #storedTags = new Set<string>();
  /** The row of the next state entry: encryption binds it to its row, so the row is known before. */
  #nextEntryId = 1;

  /** `room`: the object's name. */
  constructor(room: string, store: RoomStore, people: SubjectStore, keys: SubjectKeys) {
    this.#room = room;
    this.#store = store;
    this.#subjects = people;
    this.#keys = keys;
  }

  /** The persons (subject, tag and key) of these subjects in this room. */
  async ensureSubjectKeys(subjects: Iterable<string>): Promise<Map<string, SubjectKey>> {
    const persons = await this.#keys.forSubjects(subjects);
    for (const [subject, { tag, key }] of persons) {
      if (this.#storedTags.has(tag)) continue;
      this.#subjects.addSubject(tag, await encryptValue(subject, key, this.#aad("person", tag)));
      if (this.#storedTags.size >= ROOM_LIMITS.cachedSubjectKeys) this.#storedTags.clear();
      this.#storedTags.add(tag);
    }
    return persons;
  }

  // ── reads ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The events of these rows; an event with an erased subject has only its kind. */
  async decryptEvents(rows: readonly EventRow[]): Promise<RoomEvent[]> {
    const keys = await this.#keys.forTags(new Set(rows.map(({ about }) => about)));
    return Promise.all(rows.map(async (row) => (await this.#decryptRow(row, keyForTag(row.about, keys))).event));
  }

  /** The event of a participant's command with this id, with the command's digest if one is stored; or null. */
  async findByCommandId({ tag }: SubjectKey, id: string): Promise<StoredCommand | null> {
    const row = this.#store.findByCommandId(tag, id);
    if (row === undefined) return null;
    const key = keyForTag(row.about, await this.#keys.forTags(new Set([row.about])));
    return this.#decryptRow(row, key);
  }

  /** A message that still has its text, or null. */
  async findMessage(offset: number): Promise<ChatEvent | null> {
    const row = this.#store.findMessage(offset);
    const event = row === undefined ? undefined : (await this.decryptEvents([row]))[0];
    return event?.kind === "chat" && event.gone !== true ? event : null;
  }

  /** The current state entries. */
  async loadEntries(): Promise<StateEntry[]> {
    const rows = this.#store.stateEntries();
    const keys = await this.#keys.forTags(new Set(rows.flatMap(({ about, by }) => [about, by])));
    const facts: StateEntry[] = [];
    for (const row of rows) {
      this.#nextEntryId = Math.max(this.#nextEntryId, row.id + 1);
      const body = await this.#decrypt<StateEntryBody>(
        row.body,
        keyForTag(row.about, keys),
        this.#entryAad(row.id, row),
      );
      if (body === undefined) continue;
      const fact = { of: row.of, ...body } as StateEntry;
      if (this.#store.hasReplacedDeviceNames && fact.of === "sanction" && !fact.key.startsWith(ACCOUNT_KEY_PREFIX)) {
        this.#store.deleteStateEntry(row.id);
        continue;
      }
      const { signer } = entryDefinition(fact);
      const whole = withCurrentHeldKey(
        signer === null ? fact : signer.set(fact, await this.#subjectOfTag(row.by, keys)),
      );
      facts.push(whole);
      this.#entryRows.set(stateEntryKey(whole), { id: row.id, fact: { of: whole.of, key: whole.key } });
    }
    return facts;
  }

  /** The newest entries of the audit log, newest first; `of`: only those about or by the person with this tag. */
  async readAuditLog(most: number, of: string | null = null): Promise<AuditLogEntry[]> {
    const rows = this.#store.auditRows(most, of);
    const keys = await this.#keys.forTags(new Set(rows.flatMap(({ about, by }) => [about, by])));
    return Promise.all(
      rows.map(async ({ at_ms, by, act, about, body }) => {
        const place = this.#auditAad(at_ms, act, about);
        const decrypted =
          body.byteLength === 0 ? undefined : await this.#decrypt<string>(body, keyForTag(about, keys), place);
        return { atMs: at_ms, by: await this.#subjectOfTag(by, keys), act, about: decrypted ?? "" };
      }),
    );
  }

  /** The subjects of these tags; empty for an erased subject. */
  async subjectsOfTags(tags: readonly string[]): Promise<string[]> {
    const keys = await this.#keys.forTags(new Set(tags));
    return Promise.all(tags.map((tag) => (tag === "" ? "" : this.#subjectOfTag(tag, keys))));
  }

  // ── writes ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Encrypts a change; returns the function that stores it, to be called in a transaction. */
  async encryptChange(change: HistoryChange): Promise<() => void> {
    const { event, entries, audit } = change;
    const involved = [
      change.by.subject,
      change.about,
      audit?.by ?? null,
      event === null ? null : subjectOfEvent(event),
      ...entries.flatMap((fact) => [subjectOfEntry(fact), signerOf(fact)]),
    ];
    const persons = await this.ensureSubjectKeys(new Set(involved.filter(isNamedSubject)));
    const person = (subject: string | null): SubjectKey | null =>
      subject === null ? null : (persons.get(subject) ?? null);
    const kept = [
      ...(event === null ? [] : [await this.#encryptEvent(event, change, person)]),
      ...(await Promise.all(entries.map((fact) => this.#encryptEntry(fact, person)))),
      ...(audit === null ? [] : [await this.#encryptAuditEntry(audit, change, person)]),
    ];
    return () => {
      for (const keep of kept) keep();
    };
  }

  /** Deletes a state entry that has ended. */
  dropEntry(fact: StateEntryRef): void {
    const name = stateEntryKey(fact);
    const known = this.#entryRows.get(name);
    if (known === undefined) return;
    this.#store.deleteStateEntry(known.id);
    this.#entryRows.delete(name);
  }

  /**
   * Deletes all data about the person with this tag, in a transaction. Returns the state entries that end, and those that
   * remain without their setter.
   */
  eraseSubject(tag: string): { readonly gone: readonly StateEntryRef[]; readonly unsigned: readonly StateEntryRef[] } {
    const rows = new Map(this.#store.stateEntries().map((row) => [row.id, row]));
    const known = [...this.#entryRows.values()].map(({ id, fact }) => ({ row: rows.get(id), fact }));
    this.#subjects.eraseSubject(tag);
    this.#storedTags.delete(tag);
    const gone = known.flatMap(({ row, fact }) => (row?.about === tag ? [fact] : []));
    for (const fact of gone) this.#entryRows.delete(stateEntryKey(fact));
    return { gone, unsigned: known.flatMap(({ row, fact }) => (row?.about !== tag && row?.by === tag ? [fact] : [])) };
  }

  /** Destroys the keys with these tags, under which no data is left. */
  async releaseKeys(tags: readonly string[]): Promise<void> {
    await this.#keys.release(tags);
    this.#subjects.deleteSubjects(tags);
    for (const tag of tags) this.#storedTags.delete(tag);
  }

  async #encryptEvent(event: RoomEvent, { by }: HistoryChange, person: SubjectKeyLookup): Promise<() => void> {
    const { offset: _offset, atMs: _atMs, programmeMs: _programmeMs, kind: _kind, ...fields } = event;
    const owner = person(subjectOfEvent(event));
    const key = owner?.key ?? null;
    const body = { ...fields, ...(by.digest === undefined ? {} : { digest: by.digest }) };
    const about = owner?.tag ?? "";
    const row = {
      event,
      tag: person(by.subject)?.tag ?? "",
      id: by.id,
      senderTrace: { roles: by.roles, device: by.device, address: by.address },
      about,
      text: event.kind === "chat" ? await encryptValue(event.text, key, this.#eventAad("text", event, about)) : null,
      body: await encryptValue(
        event.kind === "chat" ? { ...body, text: "" } : body,
        key,
        this.#eventAad("body", event, about),
      ),
    };
    return () => this.#store.insertEvent(row);
  }

  async #encryptEntry(fact: StateEntry, person: SubjectKeyLookup): Promise<() => void> {
    const { of, key, value } = fact;
    if (value === null) return () => this.dropEntry(fact);
    const owner = person(subjectOfEntry(fact));
    const { signer } = entryDefinition(fact);
    const shown = signer === null ? value : signer.set(fact, "").value;
    const name = stateEntryKey(fact);
    const about = owner?.tag ?? "";
    const id = this.#entryRows.get(name)?.id ?? this.#nextEntryId++;
    const body = await encryptValue({ key, value: shown }, owner?.key ?? null, this.#entryAad(id, { of, about }));
    const row = { of, about, by: person(signerOf(fact))?.tag ?? "", body };
    return () => {
      this.#store.upsertStateEntry(id, row);
      this.#entryRows.set(name, { id, fact: { of, key } });
    };
  }

  async #encryptAuditEntry(
    { atMs, act, about, by }: AuditLogEntry,
    change: HistoryChange,
    person: SubjectKeyLookup,
  ): Promise<() => void> {
    const whom = person(change.about);
    const tag = whom?.tag ?? "";
    const body = await encryptValue(about, whom?.key ?? null, this.#auditAad(atMs, act, tag));
    return () => this.#store.appendAuditEntry(atMs, act, person(by)?.tag ?? "", tag, body);
  }

  /** The subject of a tag; empty if it was erased. */
  async #subjectOfTag(tag: string, keys: KeysByTag): Promise<string> {
    const sealed = this.#subjects.encryptedSubject(tag);
    const key = keys.get(tag);
    if (sealed === undefined) return "";
    return (await this.#decrypt<string>(sealed, key, this.#aad("person", tag))) ?? "";
  }

  async #decryptRow(row: EventRow, key: CryptoKey | null | undefined): Promise<StoredCommand> {
    const { kind, offset, at_ms: atMs, programme_ms: programmeMs, about, text, body } = row;
    const at = { kind, offset, atMs, programmeMs };
    const decrypted =
      body === null ? undefined : await this.#decrypt<EncryptedEventBody>(body, key, this.#eventAad("body", at, about));
    if (decrypted === undefined) return { event: redactEvent(at), digest: undefined };
    const { digest, ...rest } = decrypted;
    const event = { ...rest, ...at } as RoomEvent;
    if (event.kind !== "chat") return { event, digest };
    const written =
      text === null ? undefined : await this.#decrypt<string>(text, key, this.#eventAad("text", at, about));
    return { event: written === undefined ? { ...event, text: "", gone: true } : { ...event, text: written }, digest };
  }

  /** The value encrypted in a place; undefined if its key was destroyed, or if it was encrypted in another place. */
  async #decrypt<T>(bytes: ArrayBuffer, key: CryptoKey | null | undefined, place: string): Promise<T | undefined> {
    if (key === undefined) return undefined;
    try {
      return (await decryptValue(bytes, key, place, this.#store.hasRowsWithoutAad)) as T;
    } catch {
      console.error(`a row of a room doesn't open in its place: ${place}`);
      return undefined;
    }
  }

  // A place contains only what stays the same while the row is readable: erasures and deleted messages change other columns.

  #eventAad(column: "text" | "body", { kind, offset, atMs, programmeMs }: EventHeader, about: string): string {
    return this.#aad("event", column, kind, String(offset), String(atMs), String(programmeMs), about);
  }

  #entryAad(id: number, { of, about }: Pick<StateEntryRow, "of" | "about">): string {
    return this.#aad("fact", of, String(id), about);
  }

  /** Audit entries have no lasting number; there is one entry per command, subject and time. */
  #auditAad(atMs: number, act: AuditLogEntry["act"], about: string): string {
    return this.#aad("audit", act, String(atMs), about);
  }

  #aad(...parts: readonly string[]): string {
    return encodeCompositeKey(this.#room, ...parts);
  }
}

/** The prefix of the keys of account sanctions. */
const ACCOUNT_KEY_PREFIX = "account:";

/** An event's kind and stamp, which are stored unencrypted. */
type EventHeader = Pick<RoomEvent, "kind" | "offset" | "atMs" | "programmeMs">;

/** The rest of an event, with the digest of its command. */
type EncryptedEventBody = { readonly digest?: string };

/** A held message gets the key of `heldMessageKey`, whatever key it was stored with. */
function withCurrentHeldKey(fact: StateEntry): StateEntry {
  if (fact.of !== "held" || fact.value === null) return fact;
  const key = heldMessageKey(fact.value.by.subject, fact.value.clientId);
  return { ...fact, key, value: { ...fact.value, id: key } };
}

type KeysByTag = ReadonlyMap<string, CryptoKey>;
type SubjectKeyLookup = (subject: string | null) => SubjectKey | null;

/** The key of a tag: null for data about nobody, undefined if it was destroyed. */
function keyForTag(tag: string, keys: KeysByTag): CryptoKey | null | undefined {
  return tag === "" ? null : keys.get(tag);
}

function isNamedSubject(subject: string | null): subject is string {
  return subject !== null && subject !== "";
}

/** The setter of a state entry, for kinds that have one. */
function signerOf(fact: StateEntry): string | null {
  return entryDefinition(fact).signer?.get(fact) ?? null;
}
