/**
 * A keyring: keys of subjects, one for each room in which a subject is known; see `core/room/keyring.ts`. Destroying a key
 * makes all data under it unreadable, wherever it is stored. Each room is then called, until it answers, to drop what it
 * holds in memory and unencrypted.
 */
import { DurableObject } from "cloudflare:workers";
import { base64url } from "jose";
import type { Platform } from "../../../core/kit/clock.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../../core/room/jurisdiction-namespace.ts";
import {
  type ErasureStatus,
  KEYRING_LIMITS,
  type KeyringRpc,
  makeKeyTag,
  type TaggedKey,
} from "../../../core/room/keyring.ts";
import { jurisdictionOfObject } from "../../../core/room/object-names.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { withCallTimeout } from "../../kit/call-timeout.ts";
import { migrateStorage } from "../../kit/migrations.ts";
import { KEYRING_SCHEMA } from "./keyring-schema.ts";
import { wipeWriteAheadLog } from "./wipe-write-ahead-log.ts";

/** The calls that a keyring makes to rooms. */
export interface ErasableRoom {
  /** Drops all data under this tag; answers when it is gone. */
  eraseSubject(tag: string): Promise<void>;
}

/** Bindings of a keyring. */
export interface KeyringEnv {
  readonly ROOM: JurisdictionNamespace<ErasableRoom>;
}

/** A room in which a subject is known, and the subject's tag there. */
export interface SubjectRoom {
  readonly room: string;
  readonly tag: string;
}

/** A deleted row leaves its bytes in the page; overwriting it with the same length does not. */
const OVERWRITE_KEY = "UPDATE keys SET key = zeroblob(length(key)) WHERE tag = ?";

const KEY_BYTES = 32;
const TAG_BYTES = 12;

/** One keyring, named by its index and its jurisdiction. */
export class Keyring extends DurableObject<KeyringEnv> implements KeyringRpc {
  platform: Platform = systemPlatform;
  readonly #sql: SqlStorage;
  readonly #index: number;
  /** The disk may still hold destroyed keys; also when that is unknown. */
  #needsWipe = true;

  constructor(ctx: DurableObjectState, env: KeyringEnv) {
    super(ctx, env);
    const name = ctx.id.name ?? "";
    this.#index = Number(jurisdictionOfObject(name) === null ? name : name.slice(name.indexOf(":") + 1));
    this.#sql = ctx.storage.sql;
    migrateStorage(ctx.storage, KEYRING_SCHEMA);
  }

  /** The keys of these subjects in a room; missing ones are created. */
  async keysOf(room: string, subjects: readonly string[]): Promise<TaggedKey[]> {
    const hashes = await Promise.all(subjects.map(hashSubject));
    return this.ctx.storage.transactionSync(() => hashes.map((hash) => this.#getOrCreateKey(room, hash)));
  }

  /** The keys with these tags; null: destroyed. */
  keysOfTags(tags: readonly string[]): Promise<(Uint8Array | null)[]> {
    const keys = tags.map((tag) => {
      const row = this.#sql.exec<{ key: ArrayBuffer }>("SELECT key FROM keys WHERE tag = ?", tag).toArray()[0];
      return row === undefined ? null : new Uint8Array(row.key);
    });
    return Promise.resolve(keys);
  }

  /** Destroys keys under whose tags a room holds no more data. */
  async release(tags: readonly string[]): Promise<void> {
    this.ctx.storage.transactionSync(() => {
      for (const tag of tags) {
        this.#sql.exec(OVERWRITE_KEY, tag);
        this.#sql.exec("DELETE FROM keys WHERE tag = ?", tag);
      }
    });
    this.#needsWipe = true;
    await this.#setAlarmBy(this.platform.clock.nowMs() + KEYRING_LIMITS.wipeMs);
  }

  /** The rooms in which a subject is known. */
  async known(subject: string): Promise<SubjectRoom[]> {
    const hash = await hashSubject(subject);
    return this.#sql
      .exec<{ room: string; tag: string }>("SELECT room, tag FROM keys WHERE subject = ?", hash)
      .toArray();
  }

  /** Destroys a subject's keys and notifies its rooms. */
  async erase(subject: string): Promise<ErasureStatus> {
    const hash = await hashSubject(subject);
    const rooms = this.ctx.storage.transactionSync(() => {
      this.#sql.exec("INSERT INTO erasing SELECT tag, room, subject FROM keys WHERE subject = ?", hash);
      for (const { tag } of this.#listPending("WHERE subject = ?", hash)) this.#sql.exec(OVERWRITE_KEY, tag);
      return this.#sql.exec("DELETE FROM keys WHERE subject = ? RETURNING tag", hash).toArray().length;
    });
    this.#needsWipe = true;
    const atMs = this.platform.clock.nowMs();
    const pending = (): PendingErasure[] => this.#listPending("WHERE subject = ?", hash);
    if (pending().length > 0) {
      // Before the calls, so that they are repeated if this object crashes.
      await this.#setAlarmBy(atMs + KEYRING_LIMITS.erasureRetryMs);
      await this.#notifyRooms(pending());
    }
    if (rooms > 0) await this.#wipeIfNeeded();
    return { atMs, rooms, pending: pending().length };
  }

  /** Notifies rooms again. The platform repeats a failing alarm at most six times, so the next alarm is set first. */
  override async alarm(): Promise<void> {
    const hasPending = this.#listPending("LIMIT 1").length > 0;
    if (!hasPending) return this.#wipeIfNeeded();
    await this.ctx.storage.setAlarm(this.platform.clock.nowMs() + KEYRING_LIMITS.erasureRetryMs);
    await this.#notifyRooms(this.#listPending("ORDER BY random() LIMIT ?", KEYRING_LIMITS.itemsPerCall));
    await this.#wipeIfNeeded();
  }

  /** Sets the alarm, unless it is set for an earlier time: erasures in a row must not put off the calls of the first. */
  async #setAlarmBy(atMs: number): Promise<void> {
    const alarmMs = await this.ctx.storage.getAlarm();
    if (alarmMs === null || alarmMs > atMs) await this.ctx.storage.setAlarm(atMs);
  }

  async #wipeIfNeeded(): Promise<void> {
    if (!this.#needsWipe) return;
    this.#needsWipe = false;
    await wipeWriteAheadLog(this.ctx.storage);
  }

  async #notifyRooms(pending: readonly PendingErasure[]): Promise<void> {
    const remaining = [...pending];
    const notifyNext = async (): Promise<void> => {
      for (let next = remaining.pop(); next !== undefined; next = remaining.pop()) await this.#notifyRoom(next);
    };
    await Promise.all(Array.from({ length: KEYRING_LIMITS.concurrentErasureCalls }, notifyNext));
  }

  async #notifyRoom({ room, tag }: PendingErasure): Promise<void> {
    try {
      const stub = getObjectInJurisdiction(this.env.ROOM, room);
      await withCallTimeout(stub, this.platform.clock, ROOM_LIMITS.callTimeoutMs).eraseSubject(tag);
      this.#sql.exec("DELETE FROM erasing WHERE tag = ?", tag);
    } catch (error) {
      console.warn("a room could not be notified of an erasure", error);
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
