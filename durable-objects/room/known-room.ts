/** What a shard knows of its room, in memory only: what was last said, and what holds. */
import type { Role, Viewer } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { Attachment, Batch, RoomCalls } from "../../protocol/room/mesh.ts";
import { Ring } from "../../protocol/room/ring.ts";
import { RoomState } from "../../protocol/room/state.ts";
import { isOf, type Position, type Stretch } from "../../protocol/room/wire.ts";

/** The last events, and all that holds. */
export interface View {
  readonly ring: Ring;
  state: RoomState;
}

/** What of a batch is new. `anew`: it isn't known what viewers were told before. */
export interface Taken {
  readonly stretch: Stretch;
  readonly anew: boolean;
}

/** One shard's knowledge. */
export class KnownRoom {
  readonly #attach: () => Promise<Attachment>;
  #coming: Promise<View> | null = null;
  #view: View | null = null;

  /** `attach` asks the room. */
  constructor(attach: () => Promise<Attachment>) {
    this.#attach = attach;
  }

  /** What is known; the room is asked once, for whoever needs it first. */
  view(): Promise<View> {
    this.#coming ??= this.#ask().catch((error: unknown) => {
      this.forget();
      throw error;
    });
    return this.#coming;
  }

  /** The room is asked anew when somebody needs it. */
  forget(): void {
    this.#coming = null;
    this.#view = null;
  }

  /** What holds, or null while nothing is known. */
  get state(): RoomState | null {
    return this.#view?.state ?? null;
  }

  /** What was last said, or null while nothing is known. */
  get ring(): Ring | null {
    return this.#view?.ring ?? null;
  }

  /** Takes in what the room tells; null if something is missing before it, which the room will tell from `head` on. */
  take(batch: Batch): Taken | null {
    const view = this.#view;
    if (view === null || view.ring.epoch !== batch.epoch) {
      this.forget();
      return { stretch: batch, anew: true };
    }
    const fresh = view.ring.add(batch);
    if (fresh === null) {
      // The room can't tell what is missing, so the shard begins anew.
      if (!batch.reset) return null;
      this.forget();
      return { stretch: batch, anew: true };
    }
    if (batch.wholeFacts) view.state = RoomState.from(batch.facts);
    else for (const fact of batch.facts) view.state.apply(fact);
    return { stretch: fresh, anew: false };
  }

  /** A viewer's roles, with what the room gave if that is known. */
  rolesOf(viewer: Viewer): readonly Role[] {
    return this.#view?.state.rolesOf(viewer) ?? viewer.roles;
  }

  async #ask(): Promise<View> {
    const { recent, facts } = await this.#attach();
    const ring = new Ring(recent.epoch, recent.from, ROOM_LIMITS.ringEvents);
    ring.add(recent);
    this.#view = { ring, state: RoomState.from(facts) };
    return this.#view;
  }
}

/** All that came after a returning viewer's position, up to where the ring stands; null if that can't be told. */
export async function missedSince(ring: Ring, position: Position, since: RoomCalls["since"]): Promise<Stretch | null> {
  const { offset } = position;
  if (!isOf(position, ring.epoch) || offset > ring.head) return null;
  const held = ring.since(offset);
  if (held !== null) return held;
  if (ring.head - offset > ROOM_LIMITS.recoverEvents) return null;
  const stored = await since(ring.epoch, offset);
  if (stored === null || stored.to < ring.head) return null;
  // The room is ahead by what this shard is about to be told.
  const events = stored.events.filter((event) => event.offset <= ring.head);
  return { ...stored, to: ring.head, events, unseen: 0 };
}
