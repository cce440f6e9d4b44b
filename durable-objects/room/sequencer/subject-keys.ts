/** The keys of a room's subjects, in memory only: the keyrings hold them, and a destroyed key is not used again. */

import type { Clock } from "../../../core/kit/clock.ts";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../../core/room/jurisdiction-namespace.ts";
import {
  KEYRING_LIMITS,
  type KeyringRpc,
  keyringIndexOfSubject,
  keyringIndexOfTag,
  keyringObjectName,
  type TaggedKey,
} from "../../../core/room/keyring.ts";
import { jurisdictionOfObject } from "../../../core/room/object-names.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { withCallTimeout } from "../../kit/call-timeout.ts";

/** A subject with its tag and key in this room. */
export interface SubjectKey {
  readonly tag: string;
  readonly key: CryptoKey;
}

/** The keys of one room. */
export class SubjectKeys {
  readonly #keyrings: JurisdictionNamespace<KeyringRpc>;
  readonly #room: string;
  readonly #clock: Clock;
  readonly #bySubject = new Map<string, SubjectKey>();
  readonly #byTag = new Map<string, CryptoKey>();
  /** Tags of destroyed keys: a response with one of them may still be in flight. */
  readonly #discardedTags = new Map<string, true>();

  /** `room`: the object's name. */
  constructor(keyrings: JurisdictionNamespace<KeyringRpc>, room: string, clock: Clock) {
    this.#clock = clock;
    this.#keyrings = keyrings;
    this.#room = room;
  }

  /** The persons of these subjects, which are registered at their keyrings if they are new. */
  async forSubjects(subjects: Iterable<string>): Promise<Map<string, SubjectKey>> {
    const persons = new Map<string, SubjectKey>();
    const missing = new Set<string>();
    for (const subject of subjects) {
      const known = this.#bySubject.get(subject);
      if (known === undefined) missing.add(subject);
      else persons.set(subject, known);
    }
    await callKeyrings([...missing], keyringIndexOfSubject, async (index, asked) => {
      const keys = await this.#keysOf(index, asked);
      for (const [at, subject] of asked.entries()) {
        const person = await this.#importKey(keys[at]);
        persons.set(subject, person);
        setBounded(this.#bySubject, subject, person);
      }
    });
    return persons;
  }

  /** The keys of these tags, without destroyed ones. */
  async forTags(tags: Iterable<string>): Promise<Map<string, CryptoKey>> {
    const keys = new Map<string, CryptoKey>();
    const missing = new Set<string>();
    for (const tag of tags) {
      const known = this.#byTag.get(tag);
      if (known !== undefined) keys.set(tag, known);
      else if (tag !== "" && !this.#discardedTags.has(tag)) missing.add(tag);
    }
    await callKeyrings([...missing], keyringIndexOfTag, async (index, asked) => {
      const found = await this.#keyring(index).keysOfTags(asked);
      for (const [at, tag] of asked.entries()) {
        const bytes = found[at];
        if (bytes === null || bytes === undefined) continue;
        const { key } = await this.#importKey({ tag, key: bytes });
        keys.set(tag, key);
      }
    });
    return keys;
  }

  /** Stops using the key of this tag. */
  discard(tag: string): void {
    setBounded(this.#discardedTags, tag, true);
    this.#byTag.delete(tag);
    for (const [subject, person] of this.#bySubject) if (person.tag === tag) this.#bySubject.delete(subject);
  }

  /** Notifies the keyrings that the room has no data left under these tags. */
  async release(tags: readonly string[]): Promise<void> {
    for (const tag of tags) this.discard(tag);
    await callKeyrings(tags, keyringIndexOfTag, (index, asked) => this.#keyring(index).release(asked));
  }

  /** Destroys released keys whose keyring could not be notified: their subjects get new ones. */
  async #keysOf(index: number, subjects: readonly string[]): Promise<readonly TaggedKey[]> {
    const keyring = this.#keyring(index);
    const keys = await keyring.keysOf(this.#room, subjects);
    const givenUp = keys.flatMap(({ tag }) => (this.#discardedTags.has(tag) ? [tag] : []));
    if (givenUp.length === 0) return keys;
    await keyring.release(givenUp);
    return keyring.keysOf(this.#room, subjects);
  }

  async #importKey(tagged: TaggedKey | undefined): Promise<SubjectKey> {
    if (tagged === undefined) throw new Error("a keyring returned fewer keys than requested");
    const { tag } = tagged;
    if (this.#discardedTags.has(tag)) throw new Error("a subject is being erased; retry");
    const usages = ["encrypt", "decrypt"];
    const key = await crypto.subtle.importKey("raw", tagged.key, "AES-GCM", false, usages);
    setBounded(this.#byTag, tag, key);
    return { tag, key };
  }

  #keyring(index: number): KeyringRpc {
    const stub = getObjectInJurisdiction(this.#keyrings, keyringObjectName(index, jurisdictionOfObject(this.#room)));
    // Commands wait for keys, one after another: a call that hangs would end the room.
    return withCallTimeout(stub, this.#clock, ROOM_LIMITS.callTimeoutMs);
  }
}

/** Asks each keyring for its own subjects, concurrently, with a bounded number per call. */
async function callKeyrings(
  items: readonly string[],
  indexOf: (item: string) => number,
  ask: (index: number, items: readonly string[]) => Promise<void>,
): Promise<void> {
  const groups = Map.groupBy(items, indexOf);
  await Promise.all(
    [...groups].map(async ([index, group]) => {
      for (let at = 0; at < group.length; at += KEYRING_LIMITS.itemsPerCall) {
        await ask(index, group.slice(at, at + KEYRING_LIMITS.itemsPerCall));
      }
    }),
  );
}

/** Caches the newest value; the oldest is evicted. */
function setBounded<T>(known: Map<string, T>, name: string, value: T): void {
  if (known.size >= ROOM_LIMITS.cachedSubjectKeys) {
    const first = known.keys().next();
    if (first.done !== true) known.delete(first.value);
  }
  known.set(name, value);
}
