/** A shard's replica of its room, in memory only: recent events and room state. */
import type { Role } from "../../../core/access/roles.ts";
import type { Participant } from "../../../core/room/participants.ts";
import { RecentEvents } from "../../../core/room/recent-events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { type EventRange, isInEpoch, type RoomPosition } from "../../../core/room/room-protocol.ts";
import { RoomState } from "../../../core/room/room-state.ts";
import type { RoomRpc, ShardSnapshot, TickBatch } from "../../../core/room/shard-rpc.ts";

/** Recent events and room state. */
export interface ReplicaContent {
  readonly recentEvents: RecentEvents;
  state: RoomState;
}

/** The new part of a batch. `isRestart`: it is not known which events viewers have. */
export interface AppliedBatch {
  readonly range: EventRange;
  readonly isRestart: boolean;
}

/** The replica of one shard. */
export class RoomReplica {
  readonly #attach: () => Promise<ShardSnapshot>;
  #loading: Promise<ReplicaContent> | null = null;
  #content: ReplicaContent | null = null;

  /** `attach` requests a snapshot from the room. */
  constructor(attach: () => Promise<ShardSnapshot>) {
    this.#attach = attach;
  }

  /** The content; concurrent callers share one request to the room. */
  load(): Promise<ReplicaContent> {
    if (this.#loading !== null) return this.#loading;
    const loading: Promise<ReplicaContent> = this.#attach().then(
      (snapshot) => {
        // The content was dropped meanwhile: what a later caller loads is the content, and there must be no second one.
        if (this.#loading !== loading) return this.load();
        this.#content = contentOf(snapshot);
        return this.#content;
      },
      (error: unknown) => {
        if (this.#loading === loading) this.reset();
        throw error;
      },
    );
    this.#loading = loading;
    return loading;
  }

  /** Drops the content; the next `load` requests it again. */
  reset(): void {
    this.#loading = null;
    this.#content = null;
  }

  /** The room state; null before the content is loaded. */
  get state(): RoomState | null {
    return this.#content?.state ?? null;
  }

  /** The recent events; null before the content is loaded. */
  get recentEvents(): RecentEvents | null {
    return this.#content?.recentEvents ?? null;
  }

  /** Applies a batch; null if events before it are missing, which the room then sends from `head` on. */
  apply(batch: TickBatch): AppliedBatch | null {
    const content = this.#content;
    if (content === null || content.recentEvents.epoch !== batch.epoch) {
      this.reset();
      return { range: batch, isRestart: true };
    }
    const { head } = content.recentEvents;
    const range = content.recentEvents.append(batch);
    if (range === null) {
      // The room no longer has the missing events, so the shard restarts.
      if (!batch.reset) return null;
      this.reset();
      return { range: batch, isRestart: true };
    }
    // A late call, which was repeated meanwhile: the shard has newer entries.
    if (batch.to < head) return { range, isRestart: false };
    if (batch.wholeFacts) content.state = RoomState.fromEntries(batch.facts);
    else for (const entry of batch.facts) content.state.apply(entry);
    return { range, isRestart: false };
  }

  /** A viewer's roles, including those that the room granted if its state is known. */
  effectiveRoles(viewer: Participant): readonly Role[] {
    return this.#content?.state.effectiveRoles(viewer) ?? viewer.roles;
  }
}

function contentOf({ recent, facts }: ShardSnapshot): ReplicaContent {
  const recentEvents = new RecentEvents(recent.epoch, recent.from, ROOM_LIMITS.shardHistoryEvents);
  recentEvents.append(recent);
  return { recentEvents, state: RoomState.fromEntries(facts) };
}

/** The events between a returning viewer's position and the head of `recentEvents`; null if they are not available. */
export async function missedEvents(
  recentEvents: RecentEvents,
  position: RoomPosition,
  eventsSince: RoomRpc["eventsSince"],
): Promise<EventRange | null> {
  const { offset } = position;
  if (!isInEpoch(position, recentEvents.epoch) || offset > recentEvents.head) return null;
  const held = recentEvents.rangeAfter(offset);
  if (held !== null) return held;
  if (recentEvents.head - offset > ROOM_LIMITS.recoverEvents) return null;
  const stored = await eventsSince(recentEvents.epoch, offset);
  if (stored === null || stored.to < recentEvents.head) return null;
  // The room is ahead by the events of its next tick.
  const events = stored.events.filter((event) => event.offset <= recentEvents.head);
  return { ...stored, to: recentEvents.head, events, unseen: 0 };
}
