/** The outbox of a Live object, and who gets its domain events. */
import { type AccessPolicy, type AccessPolicyReceiver, withoutBans } from "../../core/access/access-policy.ts";
import type { LiveEventBody } from "../../core/events/domain-events.ts";
import type { Platform } from "../../core/kit/clock.ts";
import type { AlarmSchedule } from "../kit/alarm-schedule.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import { Outbox, type OutboxSubscriber } from "../kit/outbox.ts";
import { DIRECTORY_SUBSCRIBER } from "./directory-entry.ts";
import type { LiveAlarm } from "./publisher-watch.ts";

/** Domain events after which the room gets the stream's access policy. */
const ACCESS_EVENTS = ["playback-policy-changed", "token-revoked", "stream-stopped", "stream-restored"] as const;

/** The subscriber whose changes of access a request waits for. */
export const ROOM_SUBSCRIBER = "room";

/** What the outbox runs on. */
export interface LiveOutboxOptions {
  readonly storage: LazyStorage;
  readonly platform: Platform;
  readonly alarms: AlarmSchedule<LiveAlarm>;
  /** The access policy now. */
  policy(): AccessPolicy;
  /** The stream's room. */
  room(): AccessPolicyReceiver;
  /** The directory's subscriber. */
  readonly directory: OutboxSubscriber<LiveEventBody>;
}

/** Creates the outbox. */
export function createLiveOutbox({
  storage,
  platform,
  alarms,
  policy,
  room,
  directory,
}: LiveOutboxOptions): Outbox<LiveEventBody> {
  return new Outbox({
    storage,
    platform,
    setAlarm: (atMs) => (atMs === null ? alarms.cancel("outbox") : alarms.schedule("outbox", atMs)),
    subscribers: [
      {
        name: ROOM_SUBSCRIBER,
        kinds: ACCESS_EVENTS,
        // The policy has a revision: the room ignores one that is not newer than its own.
        deliver: () => room().setAccess(withoutBans(policy())),
      },
      directory,
    ],
  });
}

/** Events that only the directory gets: no request waits for their delivery, and the alarm would come half a second later. */
const DIRECTORY_EVENTS: readonly LiveEventBody["kind"][] = ["broadcast-started", "broadcast-ended", "details-changed"];

/** Delivers an event that was just appended, where nothing else does so before the alarm. Never rejects. */
export async function deliverUnawaited(outbox: Outbox<LiveEventBody>, { kind }: LiveEventBody): Promise<void> {
  if (DIRECTORY_EVENTS.includes(kind)) await outbox.deliverSoon(DIRECTORY_SUBSCRIBER);
}
