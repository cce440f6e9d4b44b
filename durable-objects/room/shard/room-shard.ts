/**
 * A shard of a room: it holds viewers' sockets, forwards their commands and sends them the room's events. It decides only
 * rate limits and admission. The room can rebuild all of its memory, so it may crash at any moment, and its sockets may
 * hibernate.
 */
import { DurableObject } from "cloudflare:workers";
import { type ConfigVariables, getConfig } from "../../../core/api/config.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { encodeRoomChild, type RoomChildId } from "../../../core/room/child-ids.ts";
import type { StateEntry } from "../../../core/room/entries/index.ts";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../../core/room/jurisdiction-namespace.ts";
import { parseRoomChildName, roomChildName, streamOfRoom } from "../../../core/room/object-names.ts";
import type { Participant } from "../../../core/room/participants.ts";
import { restrictionOn } from "../../../core/room/restrictions.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { HEARTBEAT, HEARTBEAT_REPLY } from "../../../core/room/room-protocol.ts";
import { RoomState } from "../../../core/room/room-state.ts";
import { ShardBudgets } from "../../../core/room/shard/shard-budgets.ts";
import type { BeaconViewer, RoomRpc, ShardRpc, ShardSnapshot, TickBatch } from "../../../core/room/shard-rpc.ts";
import {
  batchIntervalMs,
  relayIndexFor,
  reportIntervalMs,
  type ShardingConfig,
  siblingCount,
} from "../../../core/room/sharding.ts";
import { withCallTimeout } from "../../kit/call-timeout.ts";
import { LazyStorage } from "../../kit/lazy-storage.ts";
import { platformOf } from "../../kit/platform-of.ts";
import { CommandBatcher } from "../command-batcher.ts";
import { type ShardContext, type SocketClose, socketRefusal } from "./admission.ts";
import { CommandIntake } from "./command-intake.ts";
import { Connections } from "./connections.ts";
import { FrameHandler, isActiveStaff } from "./frame-handler.ts";
import { createReviewPolicy, type ReviewerEnv } from "./http-reviewer.ts";
import { PresenceRefresh } from "./presence-refresh.ts";
import { Rebalancer } from "./rebalancer.ts";
import { renewToken } from "./renew-token.ts";
import { ReviewQueue } from "./review-queue.ts";
import { RoomReplica } from "./room-replica.ts";
import { ShardFanout } from "./shard-fanout.ts";
import { ShardPresence, type StoredBeacon } from "./shard-presence.ts";
import { BEACONS_KEY, SHARD_SCHEMA, SHARDS_KEY } from "./shard-schema.ts";
import { SocketExpiry } from "./socket-expiry.ts";

/** What a shard is bound to. */
export interface RoomShardEnv extends ReviewerEnv, ConfigVariables {
  readonly ROOM: JurisdictionNamespace<RoomRpc>;
  readonly ROOM_RELAY: JurisdictionNamespace<RoomRpc>;
}

/** The gateway's headers: the `Participant` in JSON, percent-encoded, and the shard count that it knows. */
const VIEWER_HEADER = "corral-viewer";
const SHARDS_HEADER = "corral-shards";
/** A shard that lost its memory while viewers watch wakes within this time to count them. */
const WAKE_MS = 10_000;
/** The header of a refusal: the close that the gateway sends to the viewer, a `SocketClose` in JSON. */
const CLOSE_HEADER = "corral-close";

/** One shard of a room, named `{room}/{index}`. */
export class RoomShard extends DurableObject<RoomShardEnv> implements ShardRpc {
  platform: Platform = systemPlatform;
  readonly #storage: LazyStorage;
  readonly #roomName: string;
  readonly #index: number;
  readonly #childId: RoomChildId;
  readonly #sharding: ShardingConfig;
  readonly #rebalancer: Rebalancer;
  readonly #connections: Connections;
  readonly #presence: ShardPresence;
  readonly #expiry: SocketExpiry;
  readonly #context: ShardContext;
  readonly #frameHandler: FrameHandler;
  readonly #replica: RoomReplica;
  readonly #presenceRefresh: PresenceRefresh;
  readonly #fanout: ShardFanout;
  #shards: number;
  /** The shard count comes from the room, not from a gateway. */
  #shardCountKnown: boolean;
  #wakeMs = 0;

  constructor(ctx: DurableObjectState, env: RoomShardEnv) {
    super(ctx, env);
    this.#storage = new LazyStorage(ctx.storage, SHARD_SCHEMA);
    const { room, index } = parseRoomChildName(ctx.id.name);
    this.#roomName = room;
    const stream = streamOfRoom(room);
    this.#index = index;
    this.#childId = encodeRoomChild({ kind: "shard", index });
    const { sharding, review, viewerKeys } = getConfig(env);
    const platform = platformOf(this);
    const { clock } = platform;
    this.#sharding = sharding;
    this.#connections = new Connections(ctx, clock, () => {
      this.#expiry.scheduleNextCheck();
      this.#presenceRefresh.request();
    });
    this.#rebalancer = new Rebalancer(this.#connections, index, this.#sharding, platform);
    // The shard count of a large room is stored, so that a shard does not bypass its relay.
    const storedShards = this.#storage.get<number>(SHARDS_KEY);
    this.#shards = storedShards ?? 1;
    this.#shardCountKnown = storedShards !== undefined;
    this.#expiry = new SocketExpiry(this.#connections, clock, () => void this.#abortObject());
    this.#presence = new ShardPresence(this.#storage.get<StoredBeacon[]>(BEACONS_KEY) ?? []);
    const siblings = (): number => siblingCount(this.#shards, this.#sharding);
    this.#replica = new RoomReplica(() => this.#attach());
    const loadState = (): Promise<RoomState> => this.#replica.load().then(({ state }) => state);
    const batcher = new CommandBatcher({
      submit: (batch) => this.#parent().submit(batch),
      batchIntervalMs: () => batchIntervalMs(siblings()),
      clock,
    });
    const policy = createReviewPolicy(env.REVIEWER, review, clock);
    const reviewQueue = new ReviewQueue({ stream, policy, loadState, platform });
    this.#fanout = new ShardFanout(this.#connections, () => this.#replica.recentEvents, clock);
    this.#context = {
      clock,
      connections: this.#connections,
      budgets: new ShardBudgets(),
      replica: this.#replica,
      fanout: this.#fanout,
      socketsPerAddress: this.#sharding.socketsPerAddress,
      parent: () => this.#parent(),
    };
    const recordStaff = (viewer: Participant): Promise<void> => this.#parent().recordStaff(viewer);
    const renewal = { keys: viewerKeys, stream, clock, loadState, recordStaff };
    this.#frameHandler = new FrameHandler(this.#context, {
      intake: new CommandIntake(batcher, reviewQueue, clock),
      renewToken: (connection, token) => renewToken(renewal, connection, token),
      requestPresenceRefresh: () => this.#presenceRefresh.request(),
    });
    this.#presenceRefresh = new PresenceRefresh({
      count: () => this.#reportPresence(),
      intervalMs: () => reportIntervalMs(siblings()),
      onIdle: () => this.#releaseStorage(),
      clock,
    });
    // The platform answers heartbeats without waking the object, and keeps the time of the last one.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(HEARTBEAT, HEARTBEAT_REPLY));
    if ([...this.#connections].some(({ playMs }) => playMs !== null)) this.#presenceRefresh.request();
  }

  // ── sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `GET` with an upgrade: opens a viewer's socket. */
  override async fetch(request: Request): Promise<Response> {
    const viewer = JSON.parse(decodeURIComponent(request.headers.get(VIEWER_HEADER) ?? "null")) as Participant;
    if (!this.#shardCountKnown) this.#setShardCount(Math.max(1, Number(request.headers.get(SHARDS_HEADER) ?? 1)));
    const refusal = await socketRefusal(this.#context, viewer);
    if (refusal !== null) return closeInstruction(refusal);
    const { 0: client, 1: server } = new WebSocketPair();
    const connection = this.#connections.add(server, viewer, this.platform.clock.nowMs());
    if (this.#expiry.trackToken(connection)) this.#scheduleAlarm();
    this.#rebalancer.schedule();
    this.#presenceRefresh.request();
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const connection = this.#connections.get(socket);
    // The platform still delivers messages of a closed socket: they are dropped.
    if (connection !== undefined) await this.#frameHandler.handleMessage(connection, message);
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string): void {
    this.#connections.remove(socket);
    try {
      // The reserved codes mean that the close had no code; they must not be sent.
      socket.close(code === 1005 || code === 1006 || code === 1015 ? 1000 : code, reason);
    } catch {
      // It is closed already.
    }
  }

  override webSocketError(socket: WebSocket): void {
    this.#connections.remove(socket);
  }

  // ── calls of the room and the gateway ────────────────────────────────────────────────────────────────────────────────

  /** Sends a batch to the viewers; returns the offset of the last event that the shard has. */
  deliver(batch: TickBatch): Promise<number> {
    this.#shardCountKnown = true;
    this.#setShardCount(batch.shards);
    // The object above sends its whole state after it lost its memory, and the counts with it.
    if (batch.wholeFacts) {
      this.#presence.resetReported();
      this.#presenceRefresh.request();
    }
    const applied = this.#replica.apply(batch);
    // The room sends again from this shard's head.
    if (applied === null) return Promise.resolve(this.#replica.recentEvents?.head ?? batch.from);
    const countsChanged = this.#fanout.setCounts(batch.counts);
    this.#closeRestrictedAfter(batch.facts);
    const { from, to } = applied.range;
    if (applied.isRestart) {
      this.#fanout.sendToAll(applied.range);
      // Fanout by cohorts needs the recent events.
      if (batch.parts > 1) this.#replica.load().catch(() => {});
    } else this.#fanout.sendToNextCohorts(to > from ? from : null, countsChanged, batch.parts);
    // A shard that lost its sockets and its memory reports that it is empty.
    if (this.#connections.size === 0) this.#presenceRefresh.request();
    if (batch.notes.length > 0) {
      const nowMs = this.platform.clock.nowMs();
      this.#connections.broadcast({ type: "staff", notes: batch.notes }, (viewer) =>
        isActiveStaff(this.#replica.state, viewer, nowMs),
      );
    }
    return Promise.resolve(to);
  }

  /** Records a beacon of a viewer without a socket; `shards`: the shard count that the gateway knows. */
  beacon(viewer: BeaconViewer, shards: number): void {
    if (!this.#shardCountKnown) this.#setShardCount(shards);
    this.#presence.recordBeacon(viewer, this.#shards, this.platform.clock.nowMs());
    this.#presenceRefresh.request();
  }

  /** Closes connections with expired tokens, and counts again after a loss of memory. */
  override alarm(): void {
    this.#wakeMs = 0;
    this.#expiry.closeExpiredTokens(this.platform.clock.nowMs());
    this.#scheduleAlarm();
    this.#presenceRefresh.request();
  }

  // ── internals ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #attach(): Promise<ShardSnapshot> {
    const snapshot = await this.#parent().attach(this.#childId);
    this.#fanout.setCounts(snapshot.counts);
    this.#shardCountKnown = true;
    this.#setShardCount(snapshot.shards);
    // After a loss of memory, an empty tick shows viewers whether they miss events.
    this.#fanout.sendHeadPosition(snapshot.recent.epoch, snapshot.recent.to);
    // Viewers may have been banned before this shard had the state.
    this.#closeRestricted(RoomState.fromEntries(snapshot.facts));
    return snapshot;
  }

  /** Closes connections that changed entries forbid to read. */
  #closeRestrictedAfter(entries: readonly StateEntry[]): void {
    if (!entries.some(({ of, value }) => of === "access" || (of === "sanction" && value?.ban === true))) return;
    const { state } = this.#replica;
    if (state !== null) this.#closeRestricted(state);
    // Loading the replica closes restricted connections.
    else if (this.#connections.size > 0) this.#replica.load().catch(() => {});
  }

  /** Closes connections whose viewers must not read. Expired tokens close later, after their grace period. */
  #closeRestricted(state: RoomState): void {
    const nowMs = this.platform.clock.nowMs();
    for (const connection of this.#connections) {
      const restriction = restrictionOn(state, connection.viewer, nowMs);
      if (restriction === null || restriction.close === null || restriction.error === "token-expired") continue;
      connection.close(restriction.close.name, restriction.close.reason);
    }
  }

  /** Counts who watches and reports it; whether anyone watches, or the report failed. */
  async #reportPresence(): Promise<boolean> {
    const nowMs = this.platform.clock.nowMs();
    const { report, watching } = this.#presence.buildReport(this.#connections, nowMs, {
      index: this.#index,
      shards: this.#shards,
    });
    let failed = false;
    if (report !== null) {
      try {
        if (report.sockets > 0) await this.#replica.load();
        else this.#replica.reset();
        const relay = this.#relayIndex;
        const { shards } = await this.#parent().report(this.#childId, report);
        // The object above has dropped this shard: what was loaded meanwhile gets no batches.
        if (report.sockets === 0) this.#replica.reset();
        if (relay === this.#relayIndex) this.#presence.markReported(report, nowMs);
        this.#setShardCount(shards);
      } catch (error) {
        failed = true;
        console.warn("a shard could not report its count", error);
      }
    }
    if (watching === 0 && !failed) return false;
    this.#scheduleWake(nowMs);
    return true;
  }

  /** A shard without sockets stores nothing. */
  async #releaseStorage(): Promise<void> {
    if (this.#connections.size > 0) return;
    this.#wakeMs = 0;
    await this.#storage.clear();
  }

  /** Aborts this object, and with it closed sockets whose peers do not answer. Open connections reconnect and resume. */
  async #abortObject(): Promise<void> {
    if (this.#connections.size === 0) await this.ctx.storage.deleteAll();
    console.warn("a shard aborts: peers of closed sockets do not answer");
    this.ctx.abort("peers of closed sockets do not answer");
  }

  #scheduleWake(nowMs: number): void {
    if (this.#wakeMs - nowMs > WAKE_MS / 2) return;
    this.#wakeMs = nowMs + WAKE_MS;
    const { beacons } = this.#presence;
    if (beacons.length > 0) this.#storage.put(BEACONS_KEY, beacons);
    this.#scheduleAlarm();
  }

  /** Sets the object's one alarm for the earliest wake or token expiry. */
  #scheduleAlarm(): void {
    const atMs = Math.min(this.#wakeMs === 0 ? Number.POSITIVE_INFINITY : this.#wakeMs, this.#expiry.nextTokenExpiryMs);
    if (atMs < Number.POSITIVE_INFINITY) void this.ctx.storage.setAlarm(atMs);
  }

  /** Sets the room's shard count, which decides whether a relay stands between this shard and the room. */
  #setShardCount(shards: number): void {
    const before = this.#relayIndex;
    if (shards !== this.#shards) {
      this.#shards = shards;
      if (this.#relayIndex !== null) this.#storage.put(SHARDS_KEY, shards);
      else if (before !== null) this.#storage.delete(SHARDS_KEY);
      if (this.#relayIndex !== before) {
        this.#presence.resetReported();
        this.#presenceRefresh.request();
      }
    }
    this.#rebalancer.setShardCount(shards);
  }

  get #relayIndex(): number | null {
    return relayIndexFor(this.#index, this.#shards, this.#sharding);
  }

  /** The room, or the relay in front of it. */
  #parent(): RoomRpc {
    const relay = this.#relayIndex;
    const stub =
      relay === null
        ? getObjectInJurisdiction(this.env.ROOM, this.#roomName)
        : getObjectInJurisdiction(this.env.ROOM_RELAY, roomChildName(this.#roomName, relay));
    return withCallTimeout(stub, this.platform.clock, ROOM_LIMITS.callTimeoutMs);
  }
}

function closeInstruction(close: SocketClose): Response {
  return new Response(null, { status: 403, headers: { [CLOSE_HEADER]: JSON.stringify(close) } });
}
