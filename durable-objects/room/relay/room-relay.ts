/**
 * A relay of a large room, between the room and some of its shards: a room to the shards, a shard to the room. It gathers
 * and passes on, and decides nothing; whatever it knows, the room and its shards know too.
 */
import { DurableObject } from "cloudflare:workers";
import { type ConfigVariables, getConfig } from "../../../core/api/config.ts";
import { HyperLogLog } from "../../../core/kit/hyperloglog.ts";
import { relayChildId } from "../../../core/room/child-ids.ts";
import { EMPTY_ROOM_COUNTS, type Participant, type RoomCounts } from "../../../core/room/events.ts";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../../core/room/jurisdiction-namespace.ts";
import { parseRoomChildName } from "../../../core/room/object-names.ts";
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
import { type RoomChildEnv, roomChildStubs } from "../child-stubs.ts";
import { CommandBatcher } from "../command-batcher.ts";
import { RoomFanout } from "../room-fanout.ts";

/** What a relay is bound to. */
export interface RoomRelayEnv extends RoomChildEnv, ConfigVariables {
  readonly ROOM: JurisdictionNamespace<RoomRpc>;
}

/** What a relay knows of its room, and how it tells its shards. */
interface RelayState {
  readonly recentEvents: RecentEvents;
  readonly state: RoomState;
  readonly fanout: RoomFanout;
}

/** Bounds of a relay, each with its reason. */
const ROOM_RELAY_LIMITS = {
  /** Rounds in which shards are told before the room hears that they were: a shard that is behind needs two. */
  deliveryRounds: 3,
  /** A shard that takes longer doesn't hold up the others. */
  roundMs: 1_000,
  /** A relay that lost its memory waits so long for its shards' counts before it counts without them. */
  firstReportTimeoutMs: 15_000,
  /** A room that didn't answer is asked again after so long. */
  retryMs: 1_000,
  /** A count that didn't change is told this often, well before the room stops trusting it. */
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
  readonly #roomName: string;
  readonly #child: number;
  readonly #sharding: ShardingConfig;
  readonly #children: Set<number>;
  /** Shards that haven't counted since this relay's memory began. */
  readonly #unreportedShards: Set<number>;
  readonly #startedMs = Date.now();
  readonly #audience = new RoomAudience(EMPTY_AUDIENCE, Date.now());
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
    const { room, index } = parseRoomChildName(ctx.id.name);
    this.#roomName = room;
    this.#child = relayChildId(index);
    this.#sharding = getConfig(env).sharding;
    this.#children = new Set(ctx.storage.kv.get<number[]>("children") ?? []);
    this.#unreportedShards = new Set(this.#children);
    this.#batcher = new CommandBatcher((submission) => this.#roomStub().submit(submission));
    // What the room told may not have reached all shards before the memory was lost.
    if (this.#children.size > 0) this.#scheduleTick();
  }

  // ── for shards ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a shard in, and gives all that it needs. */
  async attach(shard: number): Promise<ShardSnapshot> {
    const { recentEvents, state, fanout } = await this.#loadState();
    this.#addChild(shard);
    fanout.addShard(shard, true);
    const recent = recentEvents.latestRange(ROOM_LIMITS.shardHistoryEvents);
    return { recent, facts: state.sharedEntries(), counts: this.#counts, shards: this.#shards };
  }

  /** Passes on what a shard's viewers did, with what those of others did. */
  async submit({ acts, likes, reactions }: CommandBatch): Promise<CommandBatchReply> {
    const afterMs = batchIntervalMs(this.#siblingCount);
    if (likes > 0) this.#batcher.addReactions(null, likes, afterMs);
    for (const [emoji, count] of Object.entries(reactions)) this.#batcher.addReactions(emoji, count, afterMs);
    const outcomes = acts.map(
      (asked) =>
        new Promise<CommandOutcome>((answer) => {
          if (!this.#batcher.enqueue(asked, answer, afterMs)) answer(BUSY_OUTCOME);
        }),
    );
    return { outcomes: await Promise.all(outcomes) };
  }

  /** Takes in what a shard counted. */
  async report(shard: number, report: AudienceReport): Promise<AudienceReportReply> {
    const nowMs = Date.now();
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
      if (this.#children.delete(shard)) this.ctx.storage.kv.put("children", [...this.#children]);
    }
    this.#scheduleReport();
    return { shards: this.#shards };
  }

  /** The room is told who has come. */
  recordStaff(viewer: Participant): Promise<void> {
    return this.#roomStub().recordStaff(viewer);
  }

  /** As the room answers. */
  eventsSince(epoch: string, offset: number): Promise<EventRange | null> {
    return this.#roomStub().eventsSince(epoch, offset);
  }

  // ── for the room ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Tells the shards what happened, and then the room that they were told; so nothing is lost with this relay. */
  async deliver(batch: TickBatch): Promise<number> {
    const known = this.#state !== null;
    let tree = await this.#loadState();
    const { epoch, head } = tree.recentEvents;
    if (known && (batch.wholeFacts || batch.epoch !== epoch || (batch.reset && batch.from > head))) {
      this.#state = null;
      tree = await this.#loadState();
    }
    // What this relay was told meanwhile is newer than the batch; access has a revision of its own and comes beside events.
    const fresh = batch.to > tree.recentEvents.head;
    const facts = batch.facts.filter(({ of }) => fresh || of === "access");
    if (tree.recentEvents.append(batch) === null) return tree.recentEvents.head;
    for (const fact of facts) tree.state.apply(fact);
    this.#counts = batch.counts;
    this.#shards = batch.shards;
    tree.fanout.recordChanges(batch.to, facts, batch.notes);
    for (let round = 0; round < ROOM_RELAY_LIMITS.deliveryRounds && !this.#sendTick(tree); round += 1) {
      // A wait that is left behind would keep this relay awake.
      const told = new AbortController();
      await Promise.race([
        tree.fanout.waitUntilIdle(),
        scheduler.wait(ROOM_RELAY_LIMITS.roundMs, { signal: told.signal }),
      ]);
      told.abort();
    }
    this.#scheduleTick();
    return tree.recentEvents.head;
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** How many call the room beside this relay. */
  get #siblingCount(): number {
    return Math.max(1, relayCount(this.#shards, this.#sharding));
  }

  #addChild(shard: number): void {
    if (this.#children.has(shard)) return;
    this.#children.add(shard);
    this.ctx.storage.kv.put("children", [...this.#children]);
  }

  /** What this relay knows of its room, asked for once by whoever needs it first. */
  #loadState(): Promise<RelayState> {
    this.#state ??= this.#attach().catch((error: unknown) => {
      this.#state = null;
      throw error;
    });
    return this.#state;
  }

  async #attach(): Promise<RelayState> {
    const { recent, facts, counts, shards } = await this.#roomStub().attach(this.#child);
    const ring = new RecentEvents(recent.epoch, recent.from, ROOM_LIMITS.shardHistoryEvents);
    ring.append(recent);
    const state = RoomState.fromEntries(facts);
    const broadcaster = new RoomFanout(roomChildStubs(this.env, this.#roomName), ring, state);
    for (const shard of this.#children) broadcaster.addShard(shard, false);
    this.#counts = counts;
    this.#shards = shards;
    return { recentEvents: ring, state, fanout: broadcaster };
  }

  #sendTick({ fanout }: RelayState): boolean {
    return fanout.sendTick(this.#counts, this.#shards, 1, Date.now());
  }

  /** Tells those shards that lack something, again and again until none does. */
  #scheduleTick(afterMs: number = ROOM_LIMITS.minTickMs): void {
    if (this.#tickScheduled) return;
    this.#tickScheduled = true;
    setTimeout(() => void this.#tick(), afterMs);
  }

  async #tick(): Promise<void> {
    try {
      const all = this.#sendTick(await this.#loadState());
      this.#tickScheduled = false;
      if (!all) this.#scheduleTick();
    } catch (error) {
      console.warn("a relay could not reach its room", error);
      this.#tickScheduled = false;
      this.#scheduleTick(ROOM_RELAY_LIMITS.retryMs);
    }
  }

  #scheduleReport(): void {
    if (this.#reportScheduled) return;
    this.#reportScheduled = true;
    setTimeout(() => void this.#sendReport(), reportIntervalMs(this.#siblingCount));
  }

  async #sendReport(): Promise<void> {
    this.#reportScheduled = false;
    const nowMs = Date.now();
    // Sums without a shard that is about to count would let the room's count jump.
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
    const told = JSON.stringify(report);
    if (
      told === this.#lastReport &&
      !this.#distinctChanged &&
      nowMs - this.#lastReportMs < ROOM_RELAY_LIMITS.reportEveryMs
    )
      return;
    const distinct = this.#distinctChanged ? this.#distinct.toBytes() : null;
    this.#distinctChanged = false;
    try {
      await this.#roomStub().report(this.#child, { ...report, distinct });
      this.#lastReport = told;
      this.#lastReportMs = nowMs;
      if (of.length === 0) await this.#releaseStorage();
    } catch (error) {
      this.#distinctChanged ||= distinct !== null;
      console.warn("the room could not be told who watches", error);
      this.#scheduleReport();
    }
  }

  /** A relay without shards keeps nothing, and asks anew when one comes. */
  async #releaseStorage(): Promise<void> {
    if (this.#children.size > 0) return;
    this.#state = null;
    await this.ctx.storage.deleteAll();
  }

  #roomStub(): RoomRpc {
    return getObjectInJurisdiction(this.env.ROOM, this.#roomName);
  }
}
