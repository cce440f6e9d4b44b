/**
 * A keyring: the keys of some of the subjects, one for each room in which a subject is known; see
 * `protocol/room/keyring.ts`. A key that is destroyed here makes all that was stored under it unreadable, wherever that
 * is; rooms are then told, again and again until each has answered, to drop what they have in memory and beside it.
 */
import { DurableObject } from "cloudflare:workers";
import { base64url } from "jose";
import { jurisdictionOf } from "../../protocol/room/address.ts";
import {
  type Erasure,
  KEYRING_LIMITS,
  type KeyringCalls,
  newTag,
  type TaggedKey,
} from "../../protocol/room/keyring.ts";
import { type Located, located } from "../../tiers/located.ts";
import { wipe } from "./wipe.ts";

/** The calls that a keyring makes to rooms. */
export interface ForgetfulRoom {
  /** Drops all that the room has under this tag; answers once it is gone. */
  forget(tag: string): Promise<void>;
}

/** What a keyring is bound to. */
export interface KeyringEnv {
  readonly ROOM: Located<ForgetfulRoom>;
}

/** A room in which a subject is known, and by which tag. */
export interface Known {
  readonly room: string;
  readonly tag: string;
}

/** Subjects are found by a hash, so that the storage names none. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS keys (
  subject TEXT NOT NULL, room TEXT NOT NULL, tag TEXT NOT NULL, key BLOB NOT NULL,
  PRIMARY KEY (subject, room)) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS keys_by_tag ON keys (tag);
CREATE TABLE IF NOT EXISTS erasing (tag TEXT PRIMARY KEY, room TEXT NOT NULL, subject TEXT NOT NULL) WITHOUT ROWID;
`;

/** A row that is deleted leaves its bytes in the page; one that is overwritten by as many doesn't. */
const OVERWRITE = "UPDATE keys SET key = zeroblob(length(key)) WHERE tag = ?";

const KEY_BYTES = 32;
const TAG_BYTES = 12;

/** One keyring, named by its index and its jurisdiction. */
export class Keyring extends DurableObject<KeyringEnv> implements KeyringCalls {
  readonly #sql: SqlStorage;
  readonly #index: number;
  /** The disk may still have keys that were destroyed; so it may where that isn't known. */
  #unwiped = true;

  constructor(ctx: DurableObjectState, env: KeyringEnv) {
    super(ctx, env);
    const name = ctx.id.name ?? "";
    this.#index = Number(jurisdictionOf(name) === null ? name : name.slice(name.indexOf(":") + 1));
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
  }

  /** The keys of these subjects in a room; those that aren't there are made. */
  async keysOf(room: string, subjects: readonly string[]): Promise<TaggedKey[]> {
    const hashes = await Promise.all(subjects.map(hashOf));
    return this.ctx.storage.transactionSync(() => hashes.map((hash) => this.#keyOf(room, hash)));
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
        this.#sql.exec(OVERWRITE, tag);
        this.#sql.exec("DELETE FROM keys WHERE tag = ?", tag);
      }
    });
    this.#unwiped = true;
    if ((await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(Date.now() + KEYRING_LIMITS.wipeMs);
  }

  /** The rooms in which a subject is known. */
  async known(subject: string): Promise<Known[]> {
    const hash = await hashOf(subject);
    return this.#sql
      .exec<{ room: string; tag: string }>("SELECT room, tag FROM keys WHERE subject = ?", hash)
      .toArray();
  }

  /** Destroys a subject's keys, and tells the rooms. */
  async erase(subject: string): Promise<Erasure> {
    const hash = await hashOf(subject);
    const rooms = this.ctx.storage.transactionSync(() => {
      this.#sql.exec("INSERT INTO erasing SELECT tag, room, subject FROM keys WHERE subject = ?", hash);
      for (const { tag } of this.#pending("WHERE subject = ?", hash)) this.#sql.exec(OVERWRITE, tag);
      return this.#sql.exec("DELETE FROM keys WHERE subject = ? RETURNING tag", hash).toArray().length;
    });
    this.#unwiped = true;
    const atMs = Date.now();
    const pending = (): Pending[] => this.#pending("WHERE subject = ?", hash);
    if (pending().length > 0) {
      // Before the rooms are told: whatever becomes of this object now, they will be.
      await this.ctx.storage.setAlarm(atMs + KEYRING_LIMITS.retryMs);
      await this.#tell(pending());
    }
    if (rooms > 0) await this.#wipe();
    return { atMs, rooms, pending: pending().length };
  }

  /** Tells the rooms that couldn't be told. At most six tries of a failing alarm are made, so it arms itself again first. */
  override async alarm(): Promise<void> {
    const pending = this.#pending("LIMIT 1").length > 0;
    if (!pending) return this.#wipe();
    await this.ctx.storage.setAlarm(Date.now() + KEYRING_LIMITS.retryMs);
    await this.#tell(this.#pending("ORDER BY random() LIMIT ?", KEYRING_LIMITS.perCall));
    await this.#wipe();
  }

  async #wipe(): Promise<void> {
    if (!this.#unwiped) return;
    this.#unwiped = false;
    await wipe(this.ctx.storage);
  }

  async #tell(pending: readonly Pending[]): Promise<void> {
    const left = [...pending];
    const tellSome = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) await this.#tellOne(next);
    };
    await Promise.all(Array.from({ length: KEYRING_LIMITS.telling }, tellSome));
  }

  async #tellOne({ room, tag }: Pending): Promise<void> {
    try {
      await located(this.env.ROOM, room).forget(tag);
      this.#sql.exec("DELETE FROM erasing WHERE tag = ?", tag);
    } catch (error) {
      console.warn("a room could not be told of an erasure yet", error);
    }
  }

  #keyOf(room: string, hash: string): TaggedKey {
    const row = this.#sql
      .exec<{ tag: string; key: ArrayBuffer }>("SELECT tag, key FROM keys WHERE subject = ? AND room = ?", hash, room)
      .toArray()[0];
    if (row !== undefined) return { tag: row.tag, key: new Uint8Array(row.key) };
    const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    const tag = newTag(this.#index, base64url.encode(crypto.getRandomValues(new Uint8Array(TAG_BYTES))));
    this.#sql.exec("INSERT INTO keys VALUES (?, ?, ?, ?)", hash, room, tag, key);
    return { tag, key };
  }

  #pending(where: string, ...values: SqlStorageValue[]): Pending[] {
    return this.#sql.exec<Pending>(`SELECT room, tag FROM erasing ${where}`, ...values).toArray();
  }
}

interface Pending extends Record<string, SqlStorageValue> {
  room: string;
  tag: string;
}

async function hashOf(subject: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(subject))));
}
