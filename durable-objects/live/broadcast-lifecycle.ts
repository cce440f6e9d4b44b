/**
 * Emits a domain event when a broadcast starts, loses its publisher, resumes or ends: once each, though memory is lost. The
 * loss of a silent publisher is noticed within 2 s while feeds are read, which get the status that often, else with the next
 * alarm of the publisher watch. A timer of its own would keep an object in memory that nothing else needs.
 */
import type { StreamStatus } from "../../core/broadcast/stream-status.ts";
import type { EndReason, LiveEventBody } from "../../core/events/domain-events.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { BroadcastId } from "../../core/kit/ids.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import type { ActiveBroadcast } from "./active-broadcast.ts";
import { broadcastState } from "./broadcast-status.ts";

/** The last announced state, as it is stored. */
interface AnnouncedState {
  readonly broadcast: BroadcastId;
  readonly state: StreamStatus["state"];
}

const ANNOUNCED_KEY = "announced";

/** What the lifecycle runs on. */
export interface BroadcastLifecycleOptions {
  readonly storage: LazyStorage;
  readonly clock: Clock;
  /** Stores a domain event. */
  appendEvent(body: LiveEventBody): void;
}

/** The lifecycle of one stream's broadcasts. */
export class BroadcastLifecycle {
  readonly #options: BroadcastLifecycleOptions;
  #announced: AnnouncedState | null;

  constructor(options: BroadcastLifecycleOptions) {
    this.#options = options;
    this.#announced = options.storage.get<AnnouncedState>(ANNOUNCED_KEY) ?? null;
  }

  /** Announces the state of the broadcast if it has changed. `reason`: of an end. */
  update(current: ActiveBroadcast, reason: EndReason = "publisher"): void {
    const state = broadcastState(current.replica, current.isSilent(this.#options.clock.nowMs()));
    const announced = this.#announced?.broadcast === current.id ? this.#announced.state : null;
    if (state === announced) return;
    // Without a part it was never on air.
    if (announced === null && (state !== "live" || !hasParts(current))) return;
    this.#announce(eventOf(current.id, state, announced, reason), { broadcast: current.id, state });
  }

  /** Announces that another publisher takes a broadcast over. */
  recordHandover(broadcast: BroadcastId): void {
    this.#options.appendEvent({ kind: "ingest-backup", broadcast });
  }

  #announce(event: LiveEventBody, announced: AnnouncedState): void {
    const { storage, appendEvent } = this.#options;
    storage.transaction(() => {
      appendEvent(event);
      storage.put(ANNOUNCED_KEY, announced);
    });
    this.#announced = announced;
  }
}

function hasParts({ replica }: ActiveBroadcast): boolean {
  return [...replica.state.tracks.values()].some(({ segments }) => segments.length > 0);
}

function eventOf(
  broadcast: BroadcastId,
  state: StreamStatus["state"],
  announced: StreamStatus["state"] | null,
  reason: EndReason,
): LiveEventBody {
  switch (state) {
    case "live":
      return { kind: announced === null ? "broadcast-started" : "broadcast-resumed", broadcast };
    case "reconnecting":
      return { kind: "broadcast-reconnecting", broadcast };
    case "ended":
      return { kind: "broadcast-ended", broadcast, reason };
  }
}
