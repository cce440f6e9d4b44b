/** A broadcast with its stored state, as an object has it that opens it or starts again. */
import type { AccessPolicy } from "../../core/access/access-policy.ts";
import type { StreamStatus } from "../../core/broadcast/stream-status.ts";
import { TailBuffer } from "../../core/broadcast/tail-buffer.ts";
import { FeedFanout } from "../../core/delivery/feed-fanout.ts";
import { LIVE_LIMITS } from "../../core/delivery/node-limits.ts";
import type { Platform } from "../../core/kit/clock.ts";
import type { AlarmSchedule } from "../kit/alarm-schedule.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import { ActiveBroadcast } from "./active-broadcast.ts";
import type { BroadcastRow, BroadcastStore } from "./broadcast-store.ts";
import { CatchUp } from "./catch-up.ts";
import { type LiveAlarm, PublisherWatch } from "./publisher-watch.ts";

/** What a broadcast is restored from, and what its feeds carry. */
export interface BroadcastParts {
  readonly store: BroadcastStore;
  readonly storage: LazyStorage;
  readonly alarms: AlarmSchedule<LiveAlarm>;
  readonly platform: Platform;
  access(): AccessPolicy;
  status(): StreamStatus | null;
}

/** Restores a broadcast in an epoch of its own; `isNew`: this object has lost nothing of it. */
export function restoreBroadcast(parts: BroadcastParts, row: BroadcastRow, isNew: boolean): ActiveBroadcast {
  const { store, storage, alarms, access, status } = parts;
  const { clock, newId } = parts.platform;
  const replica = store.restoreReplica(row, newId(), new TailBuffer(LIVE_LIMITS.tailBytes));
  const fanout = new FeedFanout({ replica, clock, status, access, authoritySilenceMs: () => 0 });
  const publisherWatch = new PublisherWatch(storage, alarms, clock, row.config.broadcast);
  const seat = { publisher: row.publisher, credential: row.credential };
  const catchUp = CatchUp.begin(clock, row, isNew || publisherWatch.isSilent);
  return new ActiveBroadcast({ replica, fanout, publisherWatch, catchUp, seat, nowMs: clock.nowMs() });
}
