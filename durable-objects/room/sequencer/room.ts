/**
 * The room object: the authority for one stream's room. It orders all commands, stores what follows from them, and only then
 * acknowledges them; each tick it sends all shards what is new. Its memory may vanish at any moment and is rebuilt from
 * SQLite. The object connects its parts to the platform and decides nothing itself.
 */
import { DurableObject } from "cloudflare:workers";
import type { AccessPolicy, AccessPolicyReceiver } from "../../../core/access/access-policy.ts";
import { type ConfigVariables, getConfig } from "../../../core/api/config.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import type { RoomChildId } from "../../../core/room/child-ids.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../../core/room/jurisdiction-namespace.ts";
import type { KeyringRpc } from "../../../core/room/keyring.ts";
import { streamOfRoom } from "../../../core/room/object-names.ts";
import type { Participant } from "../../../core/room/participants.ts";
import { RecentEvents } from "../../../core/room/recent-events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { EventRange } from "../../../core/room/room-protocol.ts";
import { RoomState } from "../../../core/room/room-state.ts";
import type { RoomSummary } from "../../../core/room/room-summary.ts";
import type {
  AudienceReport,
  AudienceReportReply,
  CommandBatch,
  CommandBatchReply,
  RoomRpc,
  ShardSnapshot,
} from "../../../core/room/shard-rpc.ts";
import { AlarmSchedule } from "../../kit/alarm-schedule.ts";
import { platformOf } from "../../kit/platform-of.ts";
import { type RoomChildEnv, roomChildStubs } from "../child-stubs.ts";
import { RoomFanout } from "../room-fanout.ts";
import { AudienceTracker } from "./audience-tracker.ts";
import { CommandSequencer } from "./command-sequencer.ts";
import { EncryptedHistory } from "./encrypted-history.ts";
import { HistoryPruner } from "./history-pruner.ts";
import { encryptPlainHistory } from "./plain-history.ts";
import { RoomDomainEvents, type RoomEventReceiver } from "./room-domain-events.ts";
import { RoomLog } from "./room-log.ts";
import { RoomStore } from "./room-store.ts";
import { eraseSubject } from "./subject-erasure.ts";
import { type SubjectExportPage, subjectExport } from "./subject-export.ts";
import { SubjectKeys } from "./subject-keys.ts";
import { SubjectStore } from "./subject-store.ts";
import { TickLoop } from "./tick-loop.ts";

/** The bindings of a room. */
export interface RoomEnv extends RoomChildEnv, ConfigVariables {
  readonly ROOM: JurisdictionNamespace<
    AccessPolicyReceiver & { setExpectedAudience(viewers: number): Promise<number> }
  >;
  readonly LIVE: { getByName(name: string): RoomEventReceiver };
  readonly KEYRING: JurisdictionNamespace<KeyringRpc>;
}

/** One stream's room, named as `core/room/object-names.ts` says. */
export class Room extends DurableObject<RoomEnv> implements RoomRpc, AccessPolicyReceiver {
  platform: Platform = systemPlatform;
  readonly #name: string;
  readonly #store: RoomStore;
  readonly #subjects: SubjectStore;
  readonly #subjectKeys: SubjectKeys;
  readonly #history: EncryptedHistory;
  readonly #state = new RoomState();
  readonly #fanout: RoomFanout;
  readonly #alarms: AlarmSchedule<"prune" | "outbox">;
  readonly #domainEvents: RoomDomainEvents;
  readonly #log: RoomLog;
  readonly #sequencer: CommandSequencer;
  readonly #audience: AudienceTracker;
  readonly #pruner: HistoryPruner;
  readonly #ticks: TickLoop;
  /** The name of the room that the stream has instead of this one, or null. */
  #replacementRoom: string | null;

  constructor(ctx: DurableObjectState, env: RoomEnv) {
    super(ctx, env);
    this.#name = ctx.id.name ?? "";
    const { history: retention, sharding } = getConfig(env);
    const platform = platformOf(this);
    const { clock } = platform;
    const store = new RoomStore(ctx.storage, platform.newId());
    this.#store = store;
    this.#replacementRoom = store.replacementRoom();
    const subjects = new SubjectStore(store.sql);
    this.#subjects = subjects;
    this.#subjectKeys = new SubjectKeys(env.KEYRING, this.#name, clock);
    const history = new EncryptedHistory(this.#name, store, subjects, this.#subjectKeys);
    this.#history = history;
    const recentEvents = new RecentEvents(
      store.epoch,
      store.recentStart(ROOM_LIMITS.shardHistoryEvents),
      ROOM_LIMITS.shardHistoryEvents,
    );
    const fanout = new RoomFanout(roomChildStubs(env, this.#name, clock), recentEvents, this.#state);
    this.#fanout = fanout;
    const alarms = new AlarmSchedule<"prune" | "outbox">(ctx.storage, "prune");
    this.#alarms = alarms;
    const stream = streamOfRoom(this.#name);
    const domainEvents = new RoomDomainEvents({
      stream,
      storage: store.sql,
      history,
      platform,
      live: () => this.env.LIVE.getByName(stream),
      setAlarm: (atMs) => (atMs === null ? alarms.cancel("outbox") : alarms.schedule("outbox", atMs)),
    });
    this.#domainEvents = domainEvents;
    const log = new RoomLog({
      store,
      history,
      domainEvents,
      fanout,
      state: this.#state,
      retention,
      lifetime: ctx,
      platform,
    });
    this.#log = log;
    this.#sequencer = new CommandSequencer({ log, store, history, clock });
    const audience = new AudienceTracker({ store, fanout, domainEvents, sharding, clock });
    this.#audience = audience;
    const parts = { log, store, subjects, history, audience, domainEvents };
    this.#pruner = new HistoryPruner({ ...parts, alarms, retention, clock });
    this.#ticks = new TickLoop({ log, audience, fanout, clock });
    // If the keys cannot be fetched, the object ends, and the next call starts a new one.
    void ctx.blockConcurrencyWhile(() => this.#restore());
  }

  // ── calls of shards and relays ──────────────────────────────────────────────────────────────────────────────────────

  /** Adds a child and returns its snapshot. */
  async attach(child: RoomChildId): Promise<ShardSnapshot> {
    this.#assertNotReplaced();
    this.#audience.refreshCounts();
    this.#log.flushUnsentEvents();
    this.#audience.attach(child);
    await this.#pruner.schedule();
    return {
      recent: this.#fanout.recentEvents.latestRange(ROOM_LIMITS.shardHistoryEvents),
      facts: this.#state.sharedEntries(),
      counts: this.#audience.counts,
      shards: this.#audience.shards,
    };
  }

  /** Orders and stores the commands of a child's viewers. */
  async submit({ acts, likes, reactions }: CommandBatch): Promise<CommandBatchReply> {
    this.#assertNotReplaced();
    try {
      const outcomes = await this.#sequencer.submit(acts);
      this.#audience.addReactions({ likes, reactions });
      return { outcomes };
    } finally {
      void this.#pruner.schedule();
      this.#ticks.schedule();
    }
  }

  /** Records a participant whose token makes them staff. */
  async recordStaff(participant: Participant): Promise<void> {
    this.#assertNotReplaced();
    await this.#sequencer.recordStaff(participant);
    this.#ticks.schedule();
  }

  /** Applies what a shard counted or a relay summed up. */
  async report(child: RoomChildId, report: AudienceReport): Promise<AudienceReportReply> {
    this.#assertNotReplaced();
    this.#audience.applyReport(child, report);
    await this.#pruner.schedule();
    this.#ticks.schedule();
    return { shards: this.#audience.shards };
  }

  /** All events after `offset`; null where they are too many or no longer stored. */
  eventsSince(epoch: string, offset: number): Promise<EventRange | null> {
    return this.#log.eventsSince(epoch, offset);
  }

  // ── calls of the gateway and the Live object ────────────────────────────────────────────────────────────────────────

  /** The room's size, audience and access policy. */
  summary(): RoomSummary {
    return {
      ...this.#audience.summary(),
      room: this.#name,
      moved: this.#replacementRoom,
      access: this.#state.access,
      sinceMs: this.#store.firstProgramTimeMs(),
    };
  }

  /** Stores the access policy of the stream's Live object; shards have it within a tick. */
  async setAccess(access: AccessPolicy): Promise<void> {
    if (this.#replacementRoom !== null)
      return getObjectInJurisdiction(this.env.ROOM, this.#replacementRoom).setAccess(access);
    if (await this.#sequencer.setAccess(access)) this.#ticks.schedule();
  }

  /** Sizes the room for viewers that are expected; returns the number of shards. */
  async setExpectedAudience(viewers: number): Promise<number> {
    if (this.#replacementRoom !== null)
      return getObjectInJurisdiction(this.env.ROOM, this.#replacementRoom).setExpectedAudience(viewers);
    const shards = this.#audience.setExpectedAudience(viewers);
    await this.#pruner.schedule();
    return shards;
  }

  /** Events of a window of program time, ms since the epoch. */
  replay(fromMs: number, toMs: number): Promise<RoomEvent[]> {
    return this.#history.decryptEvents(this.#store.eventsInWindow(fromMs, toMs, ROOM_LIMITS.replayWindowEvents));
  }

  /** Replaces this room by another one for good. False: this room has events, or had viewers, or has another replacement. */
  async setReplacementRoom(room: string): Promise<boolean> {
    if (this.#replacementRoom === room) return true;
    if (this.#replacementRoom !== null || this.#log.head > 0 || this.#fanout.hasConfirmedShards) return false;
    const { access } = this.#state;
    // Only this room has the policy, and the other room needs it before its first viewer.
    if (access.revision > 0) await getObjectInJurisdiction(this.env.ROOM, room).setAccess(access);
    this.#store.setReplacementRoom(room);
    this.#replacementRoom = room;
    return true;
  }

  // ── subject data ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Deletes all data under this tag, whose key was destroyed. */
  async eraseSubject(tag: string): Promise<void> {
    const { clock } = this.platform;
    const parts = { log: this.#log, history: this.#history, subjects: this.#subjects, subjectKeys: this.#subjectKeys };
    await eraseSubject({ ...parts, fanout: this.#fanout, clock }, tag);
    this.#ticks.schedule();
  }

  /** The data that the room holds of a person: the events after the offset `after`, a page of them. */
  exportSubject(subject: string, tag: string, after: number): Promise<SubjectExportPage> {
    return subjectExport({ subjects: this.#subjects, history: this.#history, state: this.#state }, subject, tag, after);
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Prunes history, repeats deliveries of domain events, and deletes old ones. */
  override async alarm(): Promise<void> {
    await this.#alarms.handleAlarm(this.platform.clock.nowMs(), async (purpose) => {
      // The alarm cannot fire again before it is handled: pruning must not wait for a Live object that does not answer.
      if (purpose === "outbox") this.ctx.waitUntil(this.#domainEvents.catchUp());
      else await this.#pruner.handleAlarm();
    });
  }

  async #restore(): Promise<void> {
    if (this.#store.exists) await this.#alarms.restore(this.platform.clock.nowMs());
    await encryptPlainHistory(this.ctx.storage, this.#history);
    await this.#log.restore();
    if (this.#audience.restoreChildren()) this.#ticks.schedule();
    if (this.#store.exists) this.ctx.waitUntil(this.#domainEvents.catchUp());
  }

  #assertNotReplaced(): void {
    if (this.#replacementRoom !== null) throw new Error("the stream's room is elsewhere");
  }
}
