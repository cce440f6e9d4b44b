/** The room's storage with what is personal in it sealed on the way in and opened on the way out. */

import { compositeKey } from "../../protocol/composite.ts";
import type { Trace } from "../../protocol/room/decide.ts";
import { type ChatEvent, forgotten, type RoomEvent } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import { subjectOfEvent, subjectOfFact } from "../../protocol/room/personal.ts";
import { type AuditLine, type Fact, factName, heldKey } from "../../protocol/room/state.ts";
import type { Person, RoomKeys } from "./keys.ts";
import type { PeopleStore } from "./people-store.ts";
import { seal, unseal } from "./sealing.ts";
import type { EventRow, FactRow, RoomStore } from "./store.ts";

/** What one act changes. `about`: whom its line of the audit log is about. */
export interface Change {
  readonly event: RoomEvent | null;
  readonly by: { readonly subject: string | null } & ActId & Omit<Trace, "atMs">;
  readonly facts: readonly Fact[];
  readonly audit: AuditLine | null;
  readonly about: string | null;
}

/** A client's id of an act, and what tells the act from another with this id; see `protocol/room/act-digest.ts`. */
export interface ActId {
  readonly id: string;
  readonly digest?: string | undefined;
}

/** The one who does what the room does by itself. */
export const ITSELF: Change["by"] = { subject: null, id: "", roles: [], device: "", address: "" };

/** Which fact it is among all that hold. */
export type FactName = Pick<Fact, "of" | "key">;

/** What one row of facts keeps. */
type FactBody = Pick<Fact, "key" | "value">;

/** History, facts and audit log of one room. */
export class History {
  readonly #room: string;
  readonly #store: RoomStore;
  readonly #people: PeopleStore;
  readonly #keys: RoomKeys;
  /** The rows of the facts that hold. */
  readonly #factRows = new Map<string, { readonly id: number; readonly fact: FactName }>();
  /** Tags of which it is stored for whom they stand. */
  readonly #introduced = new Set<string>();
  /** The row of the next fact: its place is known before it is sealed. */
  #nextFact = 1;

  /** `room`: the object's name. */
  constructor(room: string, store: RoomStore, people: PeopleStore, keys: RoomKeys) {
    this.#room = room;
    this.#store = store;
    this.#people = people;
    this.#keys = keys;
  }

  /** The persons that these subjects are to this room. */
  async people(subjects: Iterable<string>): Promise<Map<string, Person>> {
    const persons = await this.#keys.of(subjects);
    for (const [subject, { tag, key }] of persons) {
      if (this.#introduced.has(tag)) continue;
      this.#people.addPerson(tag, await seal(subject, key, this.#place("person", tag)));
      if (this.#introduced.size >= ROOM_LIMITS.keys) this.#introduced.clear();
      this.#introduced.add(tag);
    }
    return persons;
  }

  // ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The events of these rows; those whose subject was erased tell nothing but their kind. */
  async open(rows: readonly EventRow[]): Promise<RoomEvent[]> {
    const keys = await this.#keys.under(new Set(rows.map(({ about }) => about)));
    return Promise.all(rows.map(async (row) => (await this.#openRow(row, keyOf(row.about, keys))).event));
  }

  /** The event that a person's act with this id made, with the act's digest where one was kept; or null. */
  async stored({ tag }: Person, id: string): Promise<{ event: RoomEvent; digest: string | undefined } | null> {
    const row = this.#store.stored(tag, id);
    if (row === undefined) return null;
    const key = keyOf(row.about, await this.#keys.under(new Set([row.about])));
    return this.#openRow(row, key);
  }

  /** A message that has its text, or null. */
  async message(offset: number): Promise<ChatEvent | null> {
    const row = this.#store.message(offset);
    const event = row === undefined ? undefined : (await this.open([row]))[0];
    return event?.kind === "chat" && event.gone !== true ? event : null;
  }

  /** All that holds. */
  async facts(): Promise<Fact[]> {
    const rows = this.#store.facts();
    const keys = await this.#keys.under(new Set(rows.flatMap(({ about, by }) => [about, by])));
    const facts: Fact[] = [];
    for (const row of rows) {
      this.#nextFact = Math.max(this.#nextFact, row.id + 1);
      const body = await this.#unseal<FactBody>(row.body, keyOf(row.about, keys), this.#factPlace(row.id, row));
      if (body === undefined) continue;
      const fact = { of: row.of, ...body } as Fact;
      if (this.#store.renamed && fact.of === "sanction" && !fact.key.startsWith(ACCOUNT)) {
        this.#store.dropFact(row.id);
        continue;
      }
      const whole = fact.of === "sanction" && fact.value !== null ? await this.#signed(fact, row, keys) : rekeyed(fact);
      facts.push(whole);
      this.#factRows.set(factName(whole), { id: row.id, fact: { of: whole.of, key: whole.key } });
    }
    return facts;
  }

  /** The audit log's last lines, the newest first; `of`: those about or by the person with this tag. */
  async audit(most: number, of: string | null = null): Promise<AuditLine[]> {
    const rows = this.#store.audit(most, of);
    const keys = await this.#keys.under(new Set(rows.flatMap(({ about, by }) => [about, by])));
    return Promise.all(
      rows.map(async ({ at_ms, by, act, about, body }) => {
        const place = this.#linePlace(at_ms, act, about);
        const told = body.byteLength === 0 ? undefined : await this.#unseal<string>(body, keyOf(about, keys), place);
        return { atMs: at_ms, by: await this.#subject(by, keys), act, about: told ?? "" };
      }),
    );
  }

  // ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Seals a change; gives what keeps it, to be called in a transaction. */
  async seal(change: Change): Promise<() => void> {
    const { event, facts, audit } = change;
    const involved = [
      change.by.subject,
      change.about,
      event === null ? null : subjectOfEvent(event),
      ...facts.flatMap((fact) => [subjectOfFact(fact), signer(fact)]),
    ];
    const persons = await this.people(new Set(involved.filter(isSomeone)));
    const person = (subject: string | null): Person | null =>
      subject === null ? null : (persons.get(subject) ?? null);
    const kept = [
      ...(event === null ? [] : [await this.#sealEvent(event, change, person)]),
      ...(await Promise.all(facts.map((fact) => this.#sealFact(fact, person)))),
      ...(audit === null ? [] : [await this.#sealLine(audit, change, person)]),
    ];
    return () => {
      for (const keep of kept) keep();
    };
  }

  /** Forgets a fact that no longer holds. */
  drop(fact: FactName): void {
    const name = factName(fact);
    const known = this.#factRows.get(name);
    if (known === undefined) return;
    this.#store.dropFact(known.id);
    this.#factRows.delete(name);
  }

  /**
   * Forgets all about the person with this tag, in a transaction. Gives the facts that no longer hold, and those that hold
   * without who set them.
   */
  erase(tag: string): { readonly gone: readonly FactName[]; readonly unsigned: readonly FactName[] } {
    const rows = new Map(this.#store.facts().map((row) => [row.id, row]));
    const known = [...this.#factRows.values()].map(({ id, fact }) => ({ row: rows.get(id), fact }));
    this.#people.erase(tag);
    this.#introduced.delete(tag);
    const gone = known.flatMap(({ row, fact }) => (row?.about === tag ? [fact] : []));
    for (const fact of gone) this.#factRows.delete(factName(fact));
    return { gone, unsigned: known.flatMap(({ row, fact }) => (row?.about !== tag && row?.by === tag ? [fact] : [])) };
  }

  /** Has the keys under these tags destroyed, of which nothing is kept any more. */
  async release(tags: readonly string[]): Promise<void> {
    await this.#keys.release(tags);
    this.#people.dropPeople(tags);
    for (const tag of tags) this.#introduced.delete(tag);
  }

  async #sealEvent(event: RoomEvent, { by }: Change, person: Whose): Promise<() => void> {
    const { offset: _offset, atMs: _atMs, programmeMs: _programmeMs, kind: _kind, ...told } = event;
    const owner = person(subjectOfEvent(event));
    const key = owner?.key ?? null;
    const body = { ...told, ...(by.digest === undefined ? {} : { digest: by.digest }) };
    const about = owner?.tag ?? "";
    const row = {
      event,
      tag: person(by.subject)?.tag ?? "",
      id: by.id,
      trace: { roles: by.roles, device: by.device, address: by.address },
      about,
      text: event.kind === "chat" ? await seal(event.text, key, this.#eventPlace("text", event, about)) : null,
      body: await seal(
        event.kind === "chat" ? { ...body, text: "" } : body,
        key,
        this.#eventPlace("body", event, about),
      ),
    };
    return () => this.#store.add(row);
  }

  async #sealFact(fact: Fact, person: Whose): Promise<() => void> {
    const { of, key, value } = fact;
    if (value === null) return () => this.drop(fact);
    const owner = person(subjectOfFact(fact));
    const shown = fact.of === "sanction" ? { ...fact.value, by: "" } : value;
    const name = factName(fact);
    const about = owner?.tag ?? "";
    const id = this.#factRows.get(name)?.id ?? this.#nextFact++;
    const body = await seal({ key, value: shown }, owner?.key ?? null, this.#factPlace(id, { of, about }));
    const row = { of, about, by: person(signer(fact))?.tag ?? "", body };
    return () => {
      this.#store.setFact(id, row);
      this.#factRows.set(name, { id, fact: { of, key } });
    };
  }

  async #sealLine({ atMs, act, about, by }: AuditLine, change: Change, person: Whose): Promise<() => void> {
    const whom = person(change.about);
    const tag = whom?.tag ?? "";
    const body = await seal(about, whom?.key ?? null, this.#linePlace(atMs, act, tag));
    return () => this.#store.note(atMs, act, person(by)?.tag ?? "", tag, body);
  }

  async #signed(fact: Extract<Fact, { of: "sanction" }>, { by }: FactRow, keys: Keys): Promise<Fact> {
    return fact.value === null ? fact : { ...fact, value: { ...fact.value, by: await this.#subject(by, keys) } };
  }

  /** The subject for whom a tag stands; empty if it was erased. */
  async #subject(tag: string, keys: Keys): Promise<string> {
    const sealed = this.#people.person(tag);
    const key = keys.get(tag);
    if (sealed === undefined) return "";
    return (await this.#unseal<string>(sealed, key, this.#place("person", tag))) ?? "";
  }

  async #openRow(
    row: EventRow,
    key: CryptoKey | null | undefined,
  ): Promise<{ event: RoomEvent; digest: string | undefined }> {
    const { kind, offset, at_ms: atMs, programme_ms: programmeMs, about, text, body } = row;
    const at = { kind, offset, atMs, programmeMs };
    const told =
      body === null ? undefined : await this.#unseal<SealedEvent>(body, key, this.#eventPlace("body", at, about));
    if (told === undefined) return { event: forgotten(at), digest: undefined };
    const { digest, ...rest } = told;
    const event = { ...rest, ...at } as RoomEvent;
    if (event.kind !== "chat") return { event, digest };
    const written =
      text === null ? undefined : await this.#unseal<string>(text, key, this.#eventPlace("text", at, about));
    return { event: written === undefined ? { ...event, text: "", gone: true } : { ...event, text: written }, digest };
  }

  /** What is sealed in a place; undefined where its key was destroyed, or where it doesn't belong. */
  async #unseal<T>(bytes: ArrayBuffer, key: CryptoKey | null | undefined, place: string): Promise<T | undefined> {
    if (key === undefined) return undefined;
    try {
      return (await unseal(bytes, key, place, this.#store.unplaced)) as T;
    } catch {
      console.error(`a row of a room doesn't open in its place: ${place}`);
      return undefined;
    }
  }

  // Places name what stays as it is for as long as the row can be read: an erasure, or a message's end, changes the rest.

  #eventPlace(column: "text" | "body", { kind, offset, atMs, programmeMs }: EventAt, about: string): string {
    return this.#place("event", column, kind, String(offset), String(atMs), String(programmeMs), about);
  }

  #factPlace(id: number, { of, about }: Pick<FactRow, "of" | "about">): string {
    return this.#place("fact", of, String(id), about);
  }

  /** Lines have no number of their own that lasts; of one act about one person at one time there is one. */
  #linePlace(atMs: number, act: AuditLine["act"], about: string): string {
    return this.#place("audit", act, String(atMs), about);
  }

  #place(...parts: readonly string[]): string {
    return compositeKey(this.#room, ...parts);
  }
}

/** What the keys of sanctions of accounts begin with. */
const ACCOUNT = "account:";

/** An event's kind and stamp, which are stored in the clear. */
type EventAt = Pick<RoomEvent, "kind" | "offset" | "atMs" | "programmeMs">;

/** What else an event is, with the digest of its act. */
type SealedEvent = { readonly digest?: string };

/** A message that is held has the key that `heldKey` makes, whichever it was stored with. */
function rekeyed(fact: Fact): Fact {
  if (fact.of !== "held" || fact.value === null) return fact;
  const key = heldKey(fact.value.by.subject, fact.value.clientId);
  return { ...fact, key, value: { ...fact.value, id: key } };
}

type Keys = ReadonlyMap<string, CryptoKey>;
type Whose = (subject: string | null) => Person | null;

/** The key under a tag: null for what is about nobody, undefined if it was destroyed. */
function keyOf(tag: string, keys: Keys): CryptoKey | null | undefined {
  return tag === "" ? null : keys.get(tag);
}

function isSomeone(subject: string | null): subject is string {
  return subject !== null && subject !== "";
}

/** Who set a fact, where that is told with it. */
function signer(fact: Fact): string | null {
  return fact.of === "sanction" ? (fact.value?.by ?? null) : null;
}
