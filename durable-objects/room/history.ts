/** The room's storage with what is personal in it sealed on the way in and opened on the way out. */
import type { Trace } from "../../protocol/room/decide.ts";
import { type ChatEvent, forgotten, type RoomEvent } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import { subjectOfEvent, subjectOfFact } from "../../protocol/room/personal.ts";
import type { AuditLine, Fact } from "../../protocol/room/state.ts";
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
  readonly #store: RoomStore;
  readonly #people: PeopleStore;
  readonly #keys: RoomKeys;
  /** The rows of the facts that hold. */
  readonly #factRows = new Map<string, { readonly id: number; readonly fact: FactName }>();
  /** Tags of which it is stored for whom they stand. */
  readonly #introduced = new Set<string>();

  constructor(store: RoomStore, people: PeopleStore, keys: RoomKeys) {
    this.#store = store;
    this.#people = people;
    this.#keys = keys;
  }

  /** The persons that these subjects are to this room. */
  async people(subjects: Iterable<string>): Promise<Map<string, Person>> {
    const persons = await this.#keys.of(subjects);
    for (const [subject, { tag, key }] of persons) {
      if (this.#introduced.has(tag)) continue;
      this.#people.addPerson(tag, await seal(subject, key));
      if (this.#introduced.size >= ROOM_LIMITS.keys) this.#introduced.clear();
      this.#introduced.add(tag);
    }
    return persons;
  }

  // ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The events of these rows; those whose subject was erased tell nothing but their kind. */
  async open(rows: readonly EventRow[]): Promise<RoomEvent[]> {
    const keys = await this.#keys.under(new Set(rows.map(({ about }) => about)));
    return Promise.all(rows.map((row) => openEvent(row, keys)));
  }

  /** The event that a person's act with this id made, with the act's digest where one was kept; or null. */
  async stored({ tag }: Person, id: string): Promise<{ event: RoomEvent; digest: string | undefined } | null> {
    const row = this.#store.stored(tag, id);
    if (row === undefined) return null;
    const key = keyOf(row.about, await this.#keys.under(new Set([row.about])));
    return openRow(row, key);
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
      const key = keyOf(row.about, keys);
      if (key === undefined) continue;
      const fact = { of: row.of, ...((await unseal(row.body, key)) as FactBody) } as Fact;
      const whole = fact.of === "sanction" && fact.value !== null ? await this.#signed(fact, row, keys) : fact;
      facts.push(whole);
      this.#factRows.set(nameOf(whole), { id: row.id, fact: { of: whole.of, key: whole.key } });
    }
    return facts;
  }

  /** The audit log's last lines, the newest first; `of`: those about or by the person with this tag. */
  async audit(most: number, of: string | null = null): Promise<AuditLine[]> {
    const rows = this.#store.audit(most, of);
    const keys = await this.#keys.under(new Set(rows.flatMap(({ about, by }) => [about, by])));
    return Promise.all(
      rows.map(async ({ at_ms, by, act, about, body }) => {
        const key = keyOf(about, keys);
        const told = key === undefined || body.byteLength === 0 ? "" : ((await unseal(body, key)) as string);
        return { atMs: at_ms, by: await this.#subject(by, keys), act, about: told };
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
    const name = nameOf(fact);
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
    for (const fact of gone) this.#factRows.delete(nameOf(fact));
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
    const row = {
      event,
      tag: person(by.subject)?.tag ?? "",
      id: by.id,
      trace: { roles: by.roles, device: by.device, address: by.address },
      about: owner?.tag ?? "",
      text: event.kind === "chat" ? await seal(event.text, key) : null,
      body: await seal(event.kind === "chat" ? { ...body, text: "" } : body, key),
    };
    return () => this.#store.add(row);
  }

  async #sealFact(fact: Fact, person: Whose): Promise<() => void> {
    const { of, key, value } = fact;
    if (value === null) return () => this.drop(fact);
    const owner = person(subjectOfFact(fact));
    const shown = fact.of === "sanction" ? { ...fact.value, by: "" } : value;
    const body = await seal({ key, value: shown }, owner?.key ?? null);
    const row = { of, about: owner?.tag ?? "", by: person(signer(fact))?.tag ?? "", body };
    return () => {
      const name = nameOf(fact);
      const id = this.#store.setFact(this.#factRows.get(name)?.id ?? null, row);
      this.#factRows.set(name, { id, fact: { of, key } });
    };
  }

  async #sealLine({ atMs, act, about, by }: AuditLine, change: Change, person: Whose): Promise<() => void> {
    const whom = person(change.about);
    const body = await seal(about, whom?.key ?? null);
    return () => this.#store.note(atMs, act, person(by)?.tag ?? "", whom?.tag ?? "", body);
  }

  async #signed(fact: Extract<Fact, { of: "sanction" }>, { by }: FactRow, keys: Keys): Promise<Fact> {
    return fact.value === null ? fact : { ...fact, value: { ...fact.value, by: await this.#subject(by, keys) } };
  }

  /** The subject for whom a tag stands; empty if it was erased. */
  async #subject(tag: string, keys: Keys): Promise<string> {
    const sealed = this.#people.person(tag);
    const key = keys.get(tag);
    return sealed === undefined || key === undefined ? "" : ((await unseal(sealed, key)) as string);
  }
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

/** The name of a fact among all that hold. */
function nameOf({ of, key }: FactName): string {
  return `${of} ${key}`;
}

/** Who set a fact, where that is told with it. */
function signer(fact: Fact): string | null {
  return fact.of === "sanction" ? (fact.value?.by ?? null) : null;
}

async function openEvent(row: EventRow, keys: Keys): Promise<RoomEvent> {
  return (await openRow(row, keyOf(row.about, keys))).event;
}

async function openRow(
  { kind, offset, at_ms: atMs, programme_ms: programmeMs, text, body }: EventRow,
  key: CryptoKey | null | undefined,
): Promise<{ event: RoomEvent; digest: string | undefined }> {
  const place = { kind, offset, atMs, programmeMs };
  if (key === undefined || body === null) return { event: forgotten(place), digest: undefined };
  const { digest, ...told } = (await unseal(body, key)) as { readonly digest?: string };
  const event = { ...told, ...place } as RoomEvent;
  if (event.kind !== "chat") return { event, digest };
  const gone = text === null;
  return {
    event: gone ? { ...event, text: "", gone } : { ...event, text: (await unseal(text, key)) as string },
    digest,
  };
}
