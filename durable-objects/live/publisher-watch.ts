/**
 * Whether a broadcast's publisher has left: counted in the alarms that ring without a word from it. A clock that is set
 * forward makes every publisher look silent and an alarm ring early, so no times are compared; and the count is stored, since an
 * object that loses its memory before each alarm would never come to an end.
 */
import type { BroadcastId } from "../../protocol/ids.ts";
import { LIVE_LIMITS } from "../../protocol/tree/limits.ts";

/** The part of an object's storage that is used. */
type WatchStorage = Pick<DurableObjectStorage, "getAlarm" | "setAlarm"> & {
  readonly kv: Pick<SyncKvStorage, "get" | "put" | "delete">;
};

/** Alarms without a word, as they are stored. */
interface Quiet {
  readonly broadcast: BroadcastId;
  readonly alarms: number;
}

const KEY = "quiet";

/** The watch over one broadcast's publisher. */
export class PublisherWatch {
  readonly #storage: WatchStorage;
  readonly #broadcast: BroadcastId;
  #alarms: number;

  constructor(storage: WatchStorage, broadcast: BroadcastId) {
    this.#storage = storage;
    this.#broadcast = broadcast;
    const quiet = storage.kv.get<Quiet>(KEY);
    this.#alarms = quiet?.broadcast === broadcast ? quiet.alarms : 0;
  }

  /** A word came from the publisher. */
  heard(): void {
    if (this.#alarms === 0) return;
    this.#alarms = 0;
    this.#storage.kv.delete(KEY);
  }

  /** An alarm rang: whether the publisher has left. If not, the next alarm is set. */
  async rang(): Promise<boolean> {
    this.#alarms += 1;
    if (this.#alarms > LIVE_LIMITS.quietAlarms) return true;
    this.#storage.kv.put(KEY, { broadcast: this.#broadcast, alarms: this.#alarms } satisfies Quiet);
    await this.setAlarm();
    return false;
  }

  setAlarm(): Promise<void> {
    return this.#storage.setAlarm(Date.now() + LIVE_LIMITS.abandonedMs / LIVE_LIMITS.quietAlarms);
  }

  /**
   * An alarm that became due while nothing ran may never come: workerd on a machine of one's own forgets it. One that lies far
   * ahead was set by a clock that was.
   */
  async setMissingAlarm(): Promise<void> {
    const atMs = await this.#storage.getAlarm();
    const nowMs = Date.now();
    if (atMs === null || atMs < nowMs || atMs > nowMs + LIVE_LIMITS.abandonedMs) await this.setAlarm();
  }
}
