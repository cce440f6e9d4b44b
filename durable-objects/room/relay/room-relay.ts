/**
 * A relay of a large room, between the room and some of its shards. It batches and forwards and decides nothing; room and
 * shards can rebuild all of its memory.
 */
import { DurableObject } from "cloudflare:workers";
import { type ConfigVariables, getConfig } from "../../../core/api/config.ts";
import { type Platform, withTimeout } from "../../../core/kit/clock.ts";
import { HyperLogLog } from "../../../core/kit/hyperloglog.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { encodeRoomChild, type RoomChildId } from "../../../core/room/child-ids.ts";
import { EMPTY_ROOM_COUNTS, type RoomCounts } from "../../../core/room/events.ts";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../../core/room/jurisdiction-namespace.ts";
import { parseRoomChildName } from "../../../core/room/object-names.ts";
import type { Participant } from "../../../core/room/participants.ts";
import { RecentEvents } from "../../../core/room/recent-events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { CommandOutcome, EventRange } from "../../../core/room/room-protocol.ts";
import { RoomState } from "../../../core/room/room-state.ts";
import { RoomAudience } from "../../../core/room/sequencer/audience.ts";
import type {
  AudienceReport,
  AudienceReportReply,
  CommandBatch,
  CommandBatchReply,
  RoomRpc,
  ShardRpc,
  ShardSnapshot,
  TickBatch,
} from "../../../core/room/shard-rpc.ts";
import { batchIntervalMs, relayCount, reportIntervalMs, type ShardingConfig } from "../../../core/room/sharding.ts";
import { withCallTimeout } from "../../kit/call-timeout.ts";
import { LazyStorage } from "../../kit/lazy-storage.ts";
import { platformOf } from "../../kit/platform-of.ts";
import { type RoomChildEnv, roomChildStubs } from "../child-stubs.ts";
import { CommandBatcher } from "../command-batcher.ts";
import { RoomFanout } from "../room-fanout.ts";
import { CHILDREN_KEY, RELAY_SCHEMA } from "./relay-schema.ts";

/** What a relay is bound to. */
export interface RoomRelayEnv extends RoomChildEnv, ConfigVariables {
  readonly ROOM: JurisdictionNamespace<RoomRpc>;
}

/** A relay's replica of its room, and the fanout to its shards. */
interface RelayState {
  readonly recentEvents: RecentEvents;
  readonly state: RoomState;
  readonly fanout: RoomFanout;
}

/** Limits of a relay, each with its reason. */
const ROOM_RELAY_LIMITS = {
  /** Fanout rounds before the relay answers the room: a shard that is behind needs two. */
  deliveryRounds: 3,
  /** A slower shard does not delay the others. */
  roundMs: 1_000,
  /** A relay that lost its memory waits this long for its shards' reports before its first own report. */
  firstReportTimeoutMs: 15_000,
  /** A failed call to the room is repeated after this time. */
  retryMs: 1_000,
  /** An unchanged count is reported this often, well within `reportTtlMs`. */
  reportEveryMs: 10_000,
} as const;

const EMPTY_AUDIENCE = {
  shards: new Map(),
  totals: { peak: 0, watchedMs: 0, likes: 0, reactions: {} },
  distinct: null,
};
const BUSY_OUTCOME: CommandOutcome = { ok: false, error: "busy" };

/** One relay of a room, named `{room}/{index}`. */
export class RoomRelay extends DurableObject<RoomRelayEnv> implements RoomRpc, ShardRpc {
  platform: Platform = systemPlatform;
  readonly #storage: LazyStorage;
  readonly #roomName: string;
  readonly #childId: RoomChildId;
  readonly #sharding: ShardingConfig;
  readonly #children: Set<RoomChildId>;
  /** Shards without a report since this relay started. */
  readonly #unreportedShards: Set<RoomChildId>;
  readonly #startedMs = this.platform.clock.nowMs();
  readonly #audience = new RoomAudience(EMPTY_AUDIENCE, this.#startedMs);
  readonly #distinct = new HyperLogLog();
  readonly #batcher: CommandBatcher;
  #distinctChanged = false;
  #state: Promise<RelayState> | null = null;
  #counts: RoomCounts = EMPTY_ROOM_COUNTS;
  #shards = 1;
  #tickScheduled = false;
  #reportScheduled = false;
  #lastReport = "";
  #lastReportMs = 0;

  constructor(ctx: DurableObjectState, env: RoomRelayEnv) {
    super(ctx, env);
    this.#storage = new LazyStorage(ctx.storage, RELAY_SCHEMA);
    const { room, index } = parseRoomChildName(ctx.id.name);
    this.#roomName = room;
    this.#childId = encodeRoomChild({ kind: "relay", index });
    this.#sharding = getConfig(env).sharding;
    this.#children = new Set(this.#storage.get<RoomChildId[]>(CHILDREN_KEY) ?? []);
    this.#unreportedShards = new Set(this.#children);
    this.#batcher = new CommandBatcher({
      submit: (batch) => this.#roomStub().submit(batch),
      batchIntervalMs: () => batchIntervalMs(this.#siblingCount),
      clock: platformOf(this).clock,
    });
    // The room's last batches may not have reached all shards before the memory was lost.
    if (this.#children.size > 0) this.#scheduleTick();
  }

  // ── calls of shards ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Adds a shard and returns its snapshot. */
  async attach(shard: RoomChildId): Promise<ShardSnapshot> {
    const { recentEvents, state, fanout } = await this.#loadState();
    this.#addChild(shard);
    fanout.addShard(shard, true);
    const recent = recentEvents.latestRange(ROOM_LIMITS.shardHistoryEvents);
    return { recent, facts: state.sharedEntries(), counts: this.#counts, shards: this.#shards };
  }

  /** Forwards a shard's commands and reactions, together with those of other shards. */
  async submit({ acts, likes, reactions }: CommandBatch): Promise<CommandBatchReply> {
    if (likes > 0) this.#batcher.addReactions(null, likes);
    for (const [emoji, count] of Object.entries(reactions)) this.#batcher.addReactions(emoji, count);
    const outcomes = acts.map(
      (envelope) =>
        new Promise<CommandOutcome>((resolve) => {
          if (!this.#batcher.enqueue(envelope, resolve)) resolve(BUSY_OUTCOME);
        }),
    );
    return { outcomes: await Promise.all(outcomes) };
  }

  /** Applies a shard's count. */
  async report(shard: RoomChildId, report: AudienceReport): Promise<AudienceReportReply> {
    const nowMs = this.platform.clock.nowMs();
    this.#unreportedShards.delete(shard);
    this.#audience.applyReport(shard, { ...report, distinct: null }, nowMs);
    if (report.distinct !== null && this.#distinct.merge(HyperLogLog.fromBytes(report.distinct)))
      this.#distinctChanged = true;
    const { fanout } = await this.#loadState();
    if (report.sockets > 0 || report.watching > 0) {
      this.#addChild(shard);
      fanout.markResponsive(shard);
      this.#scheduleTick();
    } else {
      this.#audience.removeShard(shard);
      fanout.removeShard(shard);
      if (this.#children.delete(shard)) this.#storage.put(CHILDREN_KEY, [...this.#children]);
    }
    this.#scheduleReport();
    return { shards: this.#shards };
  }

  /** Forwards to the room. */
  recordStaff(viewer: Participant): Promise<void> {
    return this.#roomStub().recordStaff(viewer);
  }

  /** Forwards to the room. */
  eventsSince(epoch: string, offset: number): Promise<EventRange | null> {
    return this.#roomStub().eventsSince(epoch, offset);
  }

  // ── calls of the room ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Delivers a batch to the shards, and answers the room afterwards, so that a crash of the relay loses no batch. */
  async deliver(batch: TickBatch): Promise<number> {
    const wasLoaded = this.#state !== null;
    let relay = await this.#loadState();
    const { epoch, head } = relay.recentEvents;
    if (wasLoaded && (batch.wholeFacts || batch.epoch !== epoch || (batch.reset && batch.from > head))) {
      this.#state = null;
      relay = await this.#loadState();
    }
    // A snapshot may be newer than the batch. The access policy changes without an event and has its own revision.
    const hasNewEvents = batch.to > relay.recentEvents.head;
    const entries = batch.facts.filter(({ of }) => hasNewEvents || of === "access");
    if (relay.recentEvents.append(batch) === null) return relay.recentEvents.head;
    for (const entry of entries) relay.state.apply(entry);
    this.#counts = batch.counts;
    this.#shards = batch.shards;
    relay.fanout.recordChanges(batch.to, entries, batch.notes);
    for (let round = 0; round < ROOM_RELAY_LIMITS.deliveryRounds && !this.#sendTick(relay); round += 1) {
      await withTimeout(this.platform.clock, ROOM_RELAY_LIMITS.roundMs, relay.fanout.waitUntilIdle(), () => {});
    }
    this.#scheduleTick();
    return relay.recentEvents.head;
  }

  // ── internals ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The number of relays that call the room. */
  get #siblingCount(): number {
    return Math.max(1, relayCount(this.#shards, this.#sharding));
  }

  #addChild(shard: RoomChildId): void {
    if (this.#children.has(shard)) return;
    this.#children.add(shard);
    this.#storage.put(CHILDREN_KEY, [...this.#children]);
  }

  /** The replica of the room; concurrent callers share one request. */
  #loadState(): Promise<RelayState> {
    this.#state ??= this.#attach().catch((error: unknown) => {
      this.#state = null;
      throw error;
    });
    return this.#state;
  }

  async #attach(): Promise<RelayState> {
    const { recent, facts, counts, shards } = await this.#roomStub().attach(this.#childId);
    const recentEvents = new RecentEvents(recent.epoch, recent.from, ROOM_LIMITS.shardHistoryEvents);
    recentEvents.append(recent);
    const state = RoomState.fromEntries(facts);
    const fanout = new RoomFanout(roomChildStubs(this.env, this.#roomName, this.platform.clock), recentEvents, state);
    for (const shard of this.#children) fanout.addShard(shard, false);
    this.#counts = counts;
    this.#shards = shards;
    return { recentEvents, state, fanout };
  }

  #sendTick({ fanout }: RelayState): boolean {
    return fanout.sendTick(this.#counts, this.#shards, 1, this.platform.clock.nowMs());
  }

  /** Repeats the fanout until no shard lacks anything. */
  #scheduleTick(delayMs: number = ROOM_LIMITS.minTickMs): void {
    if (this.#tickScheduled) return;
    this.#tickScheduled = true;
    this.platform.clock.startTimer(delayMs, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    try {
      const allCurrent = this.#sendTick(await this.#loadState());
      this.#tickScheduled = false;
      if (!allCurrent) this.#scheduleTick();
    } catch (error) {
      console.warn("a relay could not load its room", error);
      this.#tickScheduled = false;
      this.#scheduleTick(ROOM_RELAY_LIMITS.retryMs);
    }
  }

  #scheduleReport(): void {
    if (this.#reportScheduled) return;
    this.#reportScheduled = true;
    this.platform.clock.startTimer(reportIntervalMs(this.#siblingCount), () => void this.#sendReport());
  }

  async #sendReport(): Promise<void> {
    this.#reportScheduled = false;
    const nowMs = this.platform.clock.nowMs();
    // A sum without a shard that has yet to report would make the room's count jump.
    if (this.#unreportedShards.size > 0 && nowMs - this.#startedMs < ROOM_RELAY_LIMITS.firstReportTimeoutMs)
      return this.#scheduleReport();
    const { socketCount } = this.#audience;
    const of = [...this.#children];
    const report = {
      sockets: socketCount,
      watching: this.#audience.watchingCount(nowMs),
      uncounted: this.#audience.uncountedCount(nowMs),
      of,
    };
    const summary = JSON.stringify(report);
    if (
      summary === this.#lastReport &&
      !this.#distinctChanged &&
      nowMs - this.#lastReportMs < ROOM_RELAY_LIMITS.reportEveryMs
    )
      return;
    const distinct = this.#distinctChanged ? this.#distinct.toBytes() : null;
    this.#distinctChanged = false;
    try {
      await this.#roomStub().report(this.#childId, { ...report, distinct });
      this.#lastReport = summary;
      this.#lastReportMs = nowMs;
      // The room drops a child that reports nobody; shards may have attached to this one meanwhile, without viewers.
      if (report.sockets === 0 && report.watching === 0) await this.#rejoin();
    } catch (error) {
      this.#distinctChanged ||= distinct !== null;
      console.warn("a relay could not report its count", error);
      this.#scheduleReport();
    }
  }

  /** Attaches again after the room has dropped this relay, or it would hear nothing. A relay without shards stores nothing. */
  async #rejoin(): Promise<void> {
    this.#state = null;
    if (this.#children.size === 0) await this.#storage.clear();
    else this.#scheduleTick();
  }

  #roomStub(): RoomRpc {
    const stub = getObjectInJurisdiction(this.env.ROOM, this.#roomName);
    return withCallTimeout(stub, this.platform.clock, ROOM_LIMITS.callTimeoutMs);
  }
}
