/**
 * A keyring: the keys of some of the subjects, one for each room in which a subject is known; see
 * `core/room/keyring.ts`. A key that is destroyed here makes all that was stored under it unreadable, wherever that
 * is; rooms are then told, again and again until each has answered, to drop what they have in memory and beside it.
 */
import { DurableObject } from "cloudflare:workers";
import { base64url } from "jose";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../../core/room/jurisdiction-namespace.ts";
import {
  type ErasureStatus,
  KEYRING_LIMITS,
  type KeyringRpc,
  makeKeyTag,
  type TaggedKey,
} from "../../../core/room/keyring.ts";
import { jurisdictionOfObject } from "../../../core/room/object-names.ts";
import { wipeWriteAheadLog } from "./wipe-write-ahead-log.ts";

/** The calls that a keyring makes to rooms. */
export interface ErasableRoom {
  /** Drops all that the room has under this tag; answers once it is gone. */
  eraseSubject(tag: string): Promise<void>;
}

/** What a keyring is bound to. */
export interface KeyringEnv {
  readonly ROOM: JurisdictionNamespace<ErasableRoom>;
}

/** A room in which a subject is known, and by which tag. */
export interface SubjectRoom {
  readonly room: string;
  readonly tag: string;
}

/** Subjects are found by a hash, so that the storage names none. */
const KEYS_SCHEMA = `
CREATE TABLE IF NOT EXISTS keys (
  subject TEXT NOT NULL, room TEXT NOT NULL, tag TEXT NOT NULL, key BLOB NOT NULL,
  PRIMARY KEY (subject, room)) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS keys_by_tag ON keys (tag);
CREATE TABLE IF NOT EXISTS erasing (tag TEXT PRIMARY KEY, room TEXT NOT NULL, subject TEXT NOT NULL) WITHOUT ROWID;
`;

/** A row that is deleted leaves its bytes in the page; one that is overwritten by as many doesn't. */
const OVERWRITE_KEY = "UPDATE keys SET key = zeroblob(length(key)) WHERE tag = ?";

const KEY_BYTES = 32;
const TAG_BYTES = 12;

/** One keyring, named by its index and its jurisdiction. */
export class Keyring extends DurableObject<KeyringEnv> implements KeyringRpc {
  readonly #sql: SqlStorage;
  readonly #index: number;
  /** The disk may still have keys that were destroyed; so it may where that isn't known. */
  #needsWipe = true;

  constructor(ctx: DurableObjectState, env: KeyringEnv) {
    super(ctx, env);
    const name = ctx.id.name ?? "";
    this.#index = Number(jurisdictionOfObject(name) === null ? name : name.slice(name.indexOf(":") + 1));
    this.#sql = ctx.storage.sql;
    this.#sql.exec(KEYS_SCHEMA);
  }

  /** The keys of these subjects in a room; those that aren't there are made. */
  async keysOf(room: string, subjects: readonly string[]): Promise<TaggedKey[]> {
    const hashes = await Promise.all(subjects.map(hashSubject));
    return this.ctx.storage.transactionSync(() => hashes.map((hash) => this.#getOrCreateKey(room, hash)));
  }

  /** The keys under these tags; null: destroyed. */
  keysOfTags(tags: readonly string[]): Promise<(Uint8Array | null)[]> {
    const keys = tags.map((tag) => {
      const row = this.#sql.exec<{ key: ArrayBuffer }>("SELECT key FROM keys WHERE tag = ?", tag).toArray()[0];
      return row === undefined ? null : new Uint8Array(row.key);
    });
    return Promise.resolve(keys);
  }

  /** A room holds nothing under these tags any more, so their keys are destroyed. */
  async release(tags: readonly string[]): Promise<void> {
    this.ctx.storage.transactionSync(() => {
      for (const tag of tags) {
        this.#sql.exec(OVERWRITE_KEY, tag);
        this.#sql.exec("DELETE FROM keys WHERE tag = ?", tag);
      }
    });
    this.#needsWipe = true;
    if ((await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(Date.now() + KEYRING_LIMITS.wipeMs);
  }

  /** The rooms in which a subject is known. */
  async known(subject: string): Promise<SubjectRoom[]> {
    const hash = await hashSubject(subject);
    return this.#sql
      .exec<{ room: string; tag: string }>("SELECT room, tag FROM keys WHERE subject = ?", hash)
      .toArray();
  }

  /** Destroys a subject's keys, and tells the rooms. */
  async erase(subject: string): Promise<ErasureStatus> {
    const hash = await hashSubject(subject);
    const rooms = this.ctx.storage.transactionSync(() => {
      this.#sql.exec("INSERT INTO erasing SELECT tag, room, subject FROM keys WHERE subject = ?", hash);
      for (const { tag } of this.#listPending("WHERE subject = ?", hash)) this.#sql.exec(OVERWRITE_KEY, tag);
      return this.#sql.exec("DELETE FROM keys WHERE subject = ? RETURNING tag", hash).toArray().length;
    });
    this.#needsWipe = true;
    const atMs = Date.now();
    const pending = (): PendingErasure[] => this.#listPending("WHERE subject = ?", hash);
    if (pending().length > 0) {
      // Before the rooms are told: whatever becomes of this object now, they will be.
      await this.ctx.storage.setAlarm(atMs + KEYRING_LIMITS.erasureRetryMs);
      await this.#notifyRooms(pending());
    }
    if (rooms > 0) await this.#wipeIfNeeded();
    return { atMs, rooms, pending: pending().length };
  }

  /** Tells the rooms that couldn't be told. At most six tries of a failing alarm are made, so it arms itself again first. */
  override async alarm(): Promise<void> {
    const pending = this.#listPending("LIMIT 1").length > 0;
    if (!pending) return this.#wipeIfNeeded();
    await this.ctx.storage.setAlarm(Date.now() + KEYRING_LIMITS.erasureRetryMs);
    await this.#notifyRooms(this.#listPending("ORDER BY random() LIMIT ?", KEYRING_LIMITS.itemsPerCall));
    await this.#wipeIfNeeded();
  }

  async #wipeIfNeeded(): Promise<void> {
    if (!this.#needsWipe) return;
    this.#needsWipe = false;
    await wipeWriteAheadLog(this.ctx.storage);
  }

  async #notifyRooms(pending: readonly PendingErasure[]): Promise<void> {
    const left = [...pending];
    const tellSome = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) await this.#notifyRoom(next);
    };
    await Promise.all(Array.from({ length: KEYRING_LIMITS.concurrentErasureCalls }, tellSome));
  }

  async #notifyRoom({ room, tag }: PendingErasure): Promise<void> {
    try {
      await getObjectInJurisdiction(this.env.ROOM, room).eraseSubject(tag);
      this.#sql.exec("DELETE FROM erasing WHERE tag = ?", tag);
    } catch (error) {
      console.warn("a room could not be told of an erasure yet", error);
    }
  }

  #getOrCreateKey(room: string, hash: string): TaggedKey {
    const row = this.#sql
      .exec<{ tag: string; key: ArrayBuffer }>("SELECT tag, key FROM keys WHERE subject = ? AND room = ?", hash, room)
      .toArray()[0];
    if (row !== undefined) return { tag: row.tag, key: new Uint8Array(row.key) };
    const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    const tag = makeKeyTag(this.#index, base64url.encode(crypto.getRandomValues(new Uint8Array(TAG_BYTES))));
    this.#sql.exec("INSERT INTO keys VALUES (?, ?, ?, ?)", hash, room, tag, key);
    return { tag, key };
  }

  #listPending(where: string, ...values: SqlStorageValue[]): PendingErasure[] {
    return this.#sql.exec<PendingErasure>(`SELECT room, tag FROM erasing ${where}`, ...values).toArray();
  }
}

interface PendingErasure extends Record<string, SqlStorageValue> {
  room: string;
  tag: string;
}

async function hashSubject(subject: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(subject))));
}
