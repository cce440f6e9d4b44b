/** A stream's access as its Live object keeps it. */
import {
  type Access,
  OPEN_ACCESS,
  type Playback,
  type Revoking,
  withPlayback,
  withRevocation,
} from "../../protocol/access.ts";

/** Where it is kept: one row of the object's own storage. */
export interface AccessStorage {
  get<T>(key: string): T | undefined;
  put(key: string, value: unknown): void;
}

const KEY = "access";

/** Who may watch one stream. */
export class StreamAccess {
  readonly #storage: AccessStorage;
  readonly #changed: (access: Access) => void;
  #now: Access;

  /** `changed` is told of each change after it was stored. */
  constructor(storage: AccessStorage, changed: (access: Access) => void) {
    this.#storage = storage;
    this.#changed = changed;
    this.#now = storage.get<Access>(KEY) ?? OPEN_ACCESS;
  }

  get now(): Access {
    return this.#now;
  }

  /** Sets who may watch. */
  setPlayback(playback: Playback): void {
    if (playback !== this.#now.playback) this.#keep(withPlayback(this.#now, playback));
  }

  /** Revokes tokens, or takes that back; false where there is no room for another revocation. */
  revoke(revoking: Revoking, nowMs: number): boolean {
    const next = withRevocation(this.#now, revoking, nowMs);
    if (next !== null) this.#keep(next);
    return next !== null;
  }

  #keep(access: Access): void {
    this.#storage.put(KEY, access);
    this.#now = access;
    this.#changed(access);
  }
}
