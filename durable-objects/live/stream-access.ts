/** The access of a stream: playback policy, revocations and stops, each of which is sent to the room through the outbox. */
import type { AccessPolicy, PlaybackPolicy } from "../../core/access/access-policy.ts";
import { ALL_TOKEN_VERSIONS } from "../../core/access/access-policy.ts";
import type { RevocationRequest } from "../../core/access/revocation-pools.ts";
import {
  activeStop,
  mayChangeStop,
  type StopActor,
  type StopRecord,
  type StreamStop,
} from "../../core/access/stream-stop.ts";
import type { DomainEvent, LiveEventBody } from "../../core/events/domain-events.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { Inbox } from "../kit/inbox.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import { StreamAccessStore } from "./access-store.ts";
import { StopRecordStore } from "./stop-record-store.ts";

/** Revocations are dropped in steps, so that a thousand of them don't wake the object and its room a thousand times. */
const EXPIRY_STEP_MS = 600_000;

/** What the access of a stream runs on. */
export interface StreamAccessOptions {
  readonly storage: LazyStorage;
  readonly clock: Clock;
  /** Stores a domain event. */
  appendEvent(body: LiveEventBody): void;
  /** Schedules a call of `dropExpired` at `atMs`, ms since the epoch, or before; it survives a loss of memory. */
  setExpiryAlarm(atMs: number): Promise<void>;
  /** Called with each stored change: the policy, with only the new revocations. */
  onChange(change: AccessPolicy): void;
}

/** The access of one stream. */
export class StreamAccess {
  readonly #options: StreamAccessOptions;
  readonly #store: StreamAccessStore;
  readonly #stopRecords: StopRecordStore;
  readonly #inbox: Inbox;

  constructor(options: StreamAccessOptions) {
    this.#options = options;
    this.#store = new StreamAccessStore(options.storage);
    this.#stopRecords = new StopRecordStore(options.storage);
    this.#inbox = new Inbox(options.storage);
  }

  /** The policy with all revocations. */
  get policy(): AccessPolicy {
    return this.#store.current;
  }

  /** The stop in force, or null. */
  get activeStop(): StreamStop | null {
    return activeStop(this.#store.current, this.#nowMs());
  }

  /** The stop in force, and the record of stops, newest first. */
  stops(): { readonly stop: StreamStop | null; readonly records: StopRecord[] } {
    return { stop: this.activeStop, records: this.#stopRecords.listRecords() };
  }

  /** Sets the playback policy. */
  setPlaybackPolicy(playback: PlaybackPolicy): void {
    if (playback === this.policy.playback) return;
    this.#commit(() => {
      this.#options.appendEvent({ kind: "playback-policy-changed", playback });
      return this.#store.setPlaybackPolicy(playback);
    });
  }

  /** Revokes tokens, or undoes a revocation; false if the issuer's pool is full. */
  revoke(request: RevocationRequest): boolean {
    return this.#commit(() => {
      this.#dropExpired();
      const change = this.#store.revoke(request, this.#nowMs());
      // The room knows its own bans.
      if (change !== null && request.by !== "ban") {
        const { subject, version } = request;
        this.#options.appendEvent({ kind: "token-revoked", subject, version });
      }
      void this.#setExpiryAlarm();
      return change;
    });
  }

  /** Stops the stream, or undoes the stop (null); false where `by` may not change the stop in force. */
  setStop(by: StopActor, requested: Pick<StreamStop, "category" | "reason" | "untilMs"> | null): boolean {
    const atMs = this.#nowMs();
    const { authority } = by;
    const standing = activeStop(this.policy, atMs);
    if (!mayChangeStop(standing, authority)) return false;
    const stop = requested === null ? null : { ...requested, atMs, authority };
    if (isSameStop(standing, stop)) return true;
    return this.#commit(() => {
      const { category = null, reason = null, untilMs = null } = stop ?? {};
      this.#stopRecords.addRecord({ act: stop === null ? "undo" : "stop", atMs, ...by, category, reason, untilMs });
      this.#options.appendEvent(
        stop === null
          ? { kind: "stream-restored" }
          : { kind: "stream-stopped", category: stop.category, authority, untilMs },
      );
      return this.#store.setStop(stop);
    });
  }

  /** Applies a domain event of the stream's room; one that was applied before changes nothing. Null: the room sent none. */
  applyRoomEvent(event: DomainEvent | null): void {
    // A repeated delivery would not help.
    if (event === null) {
      console.error("the room sent a value that is no domain event");
      return;
    }
    if (event.kind !== "subject-banned" && event.kind !== "subject-unbanned") return;
    const { id, kind, subject, actor } = event;
    const version = kind === "subject-banned" ? ALL_TOKEN_VERSIONS : 0;
    this.#commit(() => {
      if (!this.#inbox.accept(id)) return null;
      this.#dropExpired();
      const change = this.#store.revoke({ subject, version, by: "ban", actor }, this.#nowMs());
      void this.#setExpiryAlarm();
      return change;
    });
  }

  /** Deletes revocations that concern no token any more, here and in the room: their subjects are not kept longer. */
  async dropExpired(): Promise<void> {
    this.#commit(() => this.#dropExpired());
    await this.#setExpiryAlarm();
  }

  #dropExpired(): AccessPolicy | null {
    const change = this.#store.dropExpired(this.#nowMs());
    // The playback policy stays as it is; the room gets all of the access policy with it.
    if (change !== null) this.#options.appendEvent({ kind: "playback-policy-changed", playback: change.playback });
    return change;
  }

  async #setExpiryAlarm(): Promise<void> {
    const firstMs = this.#store.firstExpiryMs;
    if (firstMs === null) return;
    await this.#options.setExpiryAlarm(Math.ceil(firstMs / EXPIRY_STEP_MS) * EXPIRY_STEP_MS);
  }

  /** Stores a change with its event, atomically. */
  #commit(change: () => AccessPolicy | null): boolean {
    const changed = this.#options.storage.transaction(change);
    if (changed !== null) this.#options.onChange(changed);
    return changed !== null;
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }
}

/** Whether two stops, or their absence, are equal: a repeated request is recorded once. */
function isSameStop(a: StreamStop | null, b: StreamStop | null): boolean {
  if (a === null || b === null) return a === b;
  const { authority, category, reason, untilMs } = b;
  return a.authority === authority && a.category === category && a.reason === reason && a.untilMs === untilMs;
}
