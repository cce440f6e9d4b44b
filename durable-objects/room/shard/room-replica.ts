/** What a shard knows of its room, in memory only: what was last said, and what holds. */

import type { Role } from "../../../core/access/roles.ts";
import type { Participant } from "../../../core/room/events.ts";
import { RecentEvents } from "../../../core/room/recent-events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { type EventRange, isInEpoch, type RoomPosition } from "../../../core/room/room-protocol.ts";
import { RoomState } from "../../../core/room/room-state.ts";
import type { RoomRpc, ShardSnapshot, TickBatch } from "../../../core/room/shard-rpc.ts";

/** The last events, and all that holds. */
export interface ReplicaContent {
  readonly recentEvents: RecentEvents;
  state: RoomState;
}

/** What of a batch is new. `anew`: it isn't known what viewers were told before. */
export interface AppliedBatch {
  readonly range: EventRange;
  readonly isRestart: boolean;
}

/** One shard's knowledge. */
export class RoomReplica {
  readonly #attach: () => Promise<ShardSnapshot>;
  #loading: Promise<ReplicaContent> | null = null;
  #content: ReplicaContent | null = null;

  /** `attach` asks the room. */
  constructor(attach: () => Promise<ShardSnapshot>) {
    this.#attach = attach;
  }

  /** What is known; the room is asked once, for whoever needs it first. */
  load(): Promise<ReplicaContent> {
    this.#loading ??= this.#fetchContent().catch((error: unknown) => {
      this.reset();
      throw error;
    });
    return this.#loading;
  }

  /** The room is asked anew when somebody needs it. */
  reset(): void {
    this.#loading = null;
    this.#content = null;
  }

  /** What holds, or null while nothing is known. */
  get state(): RoomState | null {
    return this.#content?.state ?? null;
  }

  /** What was last said, or null while nothing is known. */
  get recentEvents(): RecentEvents | null {
    return this.#content?.recentEvents ?? null;
  }

  /** Takes in what the room tells; null if something is missing before it, which the room will tell from `head` on. */
  apply(batch: TickBatch): AppliedBatch | null {
    const view = this.#content;
    if (view === null || view.recentEvents.epoch !== batch.epoch) {
      this.reset();
      return { range: batch, isRestart: true };
    }
    const fresh = view.recentEvents.append(batch);
    if (fresh === null) {
      // The room can't tell what is missing, so the shard begins anew.
      if (!batch.reset) return null;
      this.reset();
      return { range: batch, isRestart: true };
    }
    if (batch.wholeFacts) view.state = RoomState.fromEntries(batch.facts);
    else for (const fact of batch.facts) view.state.apply(fact);
    return { range: fresh, isRestart: false };
  }

  /** A viewer's roles, with what the room gave if that is known. */
  effectiveRoles(viewer: Participant): readonly Role[] {
    return this.#content?.state.effectiveRoles(viewer) ?? viewer.roles;
  }

  async #fetchContent(): Promise<ReplicaContent> {
    const { recent, facts } = await this.#attach();
    const ring = new RecentEvents(recent.epoch, recent.from, ROOM_LIMITS.shardHistoryEvents);
    ring.append(recent);
    this.#content = { recentEvents: ring, state: RoomState.fromEntries(facts) };
    return this.#content;
  }
}

/** All that came after a returning viewer's position, up to where the ring stands; null if that can't be told. */
export async function missedEvents(
  ring: RecentEvents,
  position: RoomPosition,
  since: RoomRpc["eventsSince"],
): Promise<EventRange | null> {
  const { offset } = position;
  if (!isInEpoch(position, ring.epoch) || offset > ring.head) return null;
  const held = ring.rangeAfter(offset);
  if (held !== null) return held;
  if (ring.head - offset > ROOM_LIMITS.recoverEvents) return null;
  const stored = await since(ring.epoch, offset);
  if (stored === null || stored.to < ring.head) return null;
  // The room is ahead by what this shard is about to be told.
  const events = stored.events.filter((event) => event.offset <= ring.head);
  return { ...stored, to: ring.head, events, unseen: 0 };
}
