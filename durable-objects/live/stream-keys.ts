/** The keys of one stream as the operator manages them: issue, rotation, revocation. */
import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import { type StreamKeyInfo, streamKeyState } from "../../core/access/stream-key.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import type { NewStreamKey, StreamKeyStore } from "./stream-key-store.ts";

/** The new key and the one that it replaces; `unknown`: no such key begins sessions; `full`: too many do. */
export type KeyRotation = { readonly issued: StreamKeyInfo; readonly replaced: StreamKeyInfo } | "unknown" | "full";

/** What the keys run on. */
export interface StreamKeysOptions {
  readonly storage: LazyStorage;
  readonly store: StreamKeyStore;
  readonly clock: Clock;
  /** The id of the running session's credential, whose key is never deleted; empty without. */
  runningCredential(): string;
}

/** A stream's keys. */
export class StreamKeys {
  readonly #options: StreamKeysOptions;

  constructor(options: StreamKeysOptions) {
    this.#options = options;
  }

  /** Stores a key; null if the stream has the maximum number of usable ones. */
  issue(key: NewStreamKey): StreamKeyInfo | null {
    return this.#options.storage.transaction(() => this.#add(key));
  }

  /** Issues a key with the label, role, limits and remaining uses of another, which expires after `overlapMs`. */
  rotate(id: string, overlapMs: number, next: Pick<NewStreamKey, "id" | "hash">): KeyRotation {
    const { storage, store, clock } = this.#options;
    const nowMs = clock.nowMs();
    const known = store.findById(id);
    if (known === null || streamKeyState(known, nowMs) !== "usable") return "unknown";
    const { label, role, expiresMs, usesLeft } = known;
    const overlapEndMs = Math.min(expiresMs ?? Number.POSITIVE_INFINITY, nowMs + overlapMs);
    return storage.transaction(() => {
      const issued = this.#add({ ...next, label, role, expiresMs, usesLeft });
      if (issued === null) return "full";
      store.setExpiry(id, overlapEndMs);
      return { issued, replaced: { ...known, expiresMs: overlapEndMs } };
    });
  }

  /** Revokes a key; false if there is none. */
  revoke(id: string): boolean {
    const { store, clock } = this.#options;
    if (store.findById(id) === null) return false;
    store.revokeKey(id, clock.nowMs());
    this.#prune();
    return true;
  }

  /** Revokes every key. */
  revokeAll(): void {
    const { store, clock } = this.#options;
    store.revokeAll(clock.nowMs());
    this.#prune();
  }

  /** All keys, the one issued last first. */
  list(): StreamKeyInfo[] {
    return this.#options.store.listKeys();
  }

  /** Hashes of the keys that are not revoked. */
  hashes(): string[] {
    return this.#options.store.listHashes();
  }

  #add(key: NewStreamKey): StreamKeyInfo | null {
    const { store, clock } = this.#options;
    const nowMs = clock.nowMs();
    if (store.countUsable(nowMs) >= REGISTRY_LIMITS.keysPerStream) return null;
    store.addKey(key, nowMs);
    this.#prune();
    return store.findById(key.id);
  }

  #prune(): void {
    const { store, clock, runningCredential } = this.#options;
    store.pruneKeys(clock.nowMs(), runningCredential());
  }
}
