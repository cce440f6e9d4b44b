/**
 * A shard of a room: it holds viewers' sockets, passes on what they do, and shows them what happened. It decides nothing
 * but rates and who is heard; whatever it knows, the room knows too, so its memory may vanish at any moment and its sockets may hibernate.
 */
import { DurableObject } from "cloudflare:workers";
import { type ConfigVariables, getConfig } from "../../../core/api/config.ts";
import type { Participant } from "../../../core/room/events.ts";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../../core/room/jurisdiction-namespace.ts";
import { parseRoomChildName, roomChildName, streamOfRoom } from "../../../core/room/object-names.ts";
import { restrictionOn } from "../../../core/room/restrictions.ts";
import { HEARTBEAT, HEARTBEAT_REPLY } from "../../../core/room/room-protocol.ts";
import { RoomState, type StateEntry } from "../../../core/room/room-state.ts";
import { ShardBudgets } from "../../../core/room/shard/shard-budgets.ts";
import type { BeaconViewer, RoomRpc, ShardRpc, ShardSnapshot, TickBatch } from "../../../core/room/shard-rpc.ts";
import {
  batchIntervalMs,
  relayIndexFor,
  reportIntervalMs,
  type ShardingConfig,
  siblingCount,
} from "../../../core/room/sharding.ts";
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
import { SocketExpiry } from "./socket-expiry.ts";

/** What a shard is bound to. */
export interface RoomShardEnv extends ReviewerEnv, ConfigVariables {
  readonly ROOM: JurisdictionNamespace<RoomRpc>;
  readonly ROOM_RELAY: JurisdictionNamespace<RoomRpc>;
}

/** The headers in which the gateway says who comes (a `Viewer` in JSON, percent-encoded), and how many shards it knows of. */
const VIEWER_HEADER = "corral-viewer";
const SHARDS_HEADER = "corral-shards";
/** A shard that lost its memory while people watch is woken within this time to count them. */
const WAKE_MS = 10_000;
/** The header in which the gateway is told how to close the socket of somebody who isn't let in: a `SocketClose` in JSON. */
const CLOSE_HEADER = "corral-close";

/** One shard of a room, named `{room}/{index}`. */
export class RoomShard extends DurableObject<RoomShardEnv> implements ShardRpc {
  readonly #roomName: string;
  readonly #index: number;
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
  /** The number of shards is the room's own, or was. */
  #shardCountKnown: boolean;
  #wakeMs = 0;

  constructor(ctx: DurableObjectState, env: RoomShardEnv) {
    super(ctx, env);
    const { room, index } = parseRoomChildName(ctx.id.name);
    this.#roomName = room;
    const stream = streamOfRoom(room);
    this.#index = index;
    const { sharding, review, viewerKeys } = getConfig(env);
    this.#sharding = sharding;
    this.#connections = new Connections(ctx, () => {
      this.#expiry.scheduleNextCheck();
      this.#presenceRefresh.request();
    });
    this.#rebalancer = new Rebalancer(this.#connections, index, this.#sharding);
    // Of a large room it is kept, so that no shard calls it past its relay.
    const kept = ctx.storage.kv.get<number>("shards");
    this.#shards = kept ?? 1;
    this.#shardCountKnown = kept !== undefined;
    this.#expiry = new SocketExpiry(this.#connections, () => void this.#abortObject());
    this.#presence = new ShardPresence(ctx.storage.kv.get<StoredBeacon[]>("beacons") ?? []);
    const outbox = new CommandBatcher((submission) => this.#parent().submit(submission));
    this.#replica = new RoomReplica(() => this.#attach());
    const intake = new CommandIntake(outbox, new ReviewQueue(stream, createReviewPolicy(env.REVIEWER, review)), () =>
      this.#replica.load(),
    );
    this.#fanout = new ShardFanout(this.#connections, () => this.#replica.recentEvents);
    this.#context = {
      connections: this.#connections,
      budgets: new ShardBudgets(),
      replica: this.#replica,
      fanout: this.#fanout,
      socketsPerAddress: this.#sharding.socketsPerAddress,
      parent: () => this.#parent(),
    };
    this.#frameHandler = new FrameHandler(this.#context, {
      intake,
      renewToken: (seat, token) =>
        renewToken(viewerKeys, stream, seat, token, () => this.#replica.load().then(({ state }) => state)),
      batchIntervalMs: () => batchIntervalMs(siblingCount(this.#shards, this.#sharding)),
      requestPresenceRefresh: () => this.#presenceRefresh.request(),
    });
    this.#presenceRefresh = new PresenceRefresh(
      () => this.#reportPresence(),
      () => reportIntervalMs(siblingCount(this.#shards, this.#sharding)),
      () => this.#releaseStorage(),
    );
    // Beats are answered without waking the object; when the last one came is all that it needs to know.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(HEARTBEAT, HEARTBEAT_REPLY));
    if ([...this.#connections].some(({ playMs }) => playMs !== null)) this.#presenceRefresh.request();
  }

  // ── sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `GET` with an upgrade: a viewer comes in. */
  override async fetch(request: Request): Promise<Response> {
    const viewer = JSON.parse(decodeURIComponent(request.headers.get(VIEWER_HEADER) ?? "null")) as Participant;
    if (!this.#shardCountKnown) this.#setShardCount(Math.max(1, Number(request.headers.get(SHARDS_HEADER) ?? 1)));
    const refusal = await socketRefusal(this.#context, viewer);
    if (refusal !== null) return closeInstruction(refusal);
    const { 0: client, 1: server } = new WebSocketPair();
    const seat = this.#connections.add(server, viewer, Date.now());
    if (this.#expiry.trackToken(seat)) this.#scheduleAlarm();
    this.#rebalancer.schedule();
    this.#presenceRefresh.request();
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const seat = this.#connections.get(socket);
    // The platform goes on delivering what comes on a socket that was closed: nobody hears it.
    if (seat !== undefined) await this.#frameHandler.handleMessage(seat, message);
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string): void {
    this.#removeConnection(socket);
    try {
      // The reserved codes say that no code came; they may not be sent.
      socket.close(code === 1005 || code === 1006 || code === 1015 ? 1000 : code, reason);
    } catch {
      // It is closed already.
    }
  }

  override webSocketError(socket: WebSocket): void {
    this.#removeConnection(socket);
  }

  // ── for the room and the gateway ────────────────────────────────────────────────────────────────────────────────

  /** Shows the viewers what happened; gives the last event that the shard knows. */
  deliver(batch: TickBatch): Promise<number> {
    this.#shardCountKnown = true;
    this.#setShardCount(batch.shards);
    // Whoever tells all of it has lost its memory, and what was counted with it.
    if (batch.wholeFacts) {
      this.#presence.resetReported();
      this.#presenceRefresh.request();
    }
    const taken = this.#replica.apply(batch);
    // The room sends again from where this shard stands.
    if (taken === null) return Promise.resolve(this.#replica.recentEvents?.head ?? batch.from);
    const counted = this.#fanout.setCounts(batch.counts);
    this.#closeRestrictedAfter(batch.facts);
    const { from, to } = taken.range;
    if (taken.isRestart) {
      this.#fanout.sendToAll(taken.range);
      // What comes next can be told in parts only by those who know what was before.
      if (batch.parts > 1) this.#replica.load().catch(() => {});
    } else this.#fanout.sendToNextCohorts(to > from ? from : null, counted, batch.parts);
    // Whoever has nobody to tell any more, having lost its sockets and its memory, says so.
    if (this.#connections.size === 0) this.#presenceRefresh.request();
    if (batch.notes.length > 0) {
      this.#connections.broadcast({ type: "staff", notes: batch.notes }, (viewer) =>
        isActiveStaff(this.#replica.state, viewer),
      );
    }
    return Promise.resolve(to);
  }

  /** A viewer without a socket watches; the gateway knows of so many shards. */
  beacon(viewer: BeaconViewer, shards: number): void {
    if (!this.#shardCountKnown) this.#setShardCount(shards);
    this.#presence.recordBeacon(viewer, this.#shards, Date.now());
    this.#presenceRefresh.request();
  }

  /** Wakes a shard that lost its memory, so that it counts again; and ends the sockets whose tokens are over. */
  override alarm(): void {
    this.#wakeMs = 0;
    this.#expiry.closeExpiredTokens(Date.now());
    this.#scheduleAlarm();
    this.#presenceRefresh.request();
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async #attach(): Promise<ShardSnapshot> {
    const attachment = await this.#parent().attach(this.#index);
    this.#fanout.setCounts(attachment.counts);
    this.#shardCountKnown = true;
    this.#setShardCount(attachment.shards);
    // Those who were here before the memory was lost see by an empty tick whether they lack something.
    this.#fanout.sendHeadPosition(attachment.recent.epoch, attachment.recent.to);
    // Who was shut out while nothing was known here.
    this.#closeRestricted(RoomState.fromEntries(attachment.facts));
    return attachment;
  }

  /** Closes the sockets of those who may not read any more, where one of these facts may be why. */
  #closeRestrictedAfter(facts: readonly StateEntry[]): void {
    if (!facts.some(({ of, value }) => of === "access" || (of === "sanction" && value?.ban === true))) return;
    const { state } = this.#replica;
    if (state !== null) this.#closeRestricted(state);
    // Whoever asks the room severs.
    else if (this.#connections.size > 0) this.#replica.load().catch(() => {});
  }

  /** Tokens that are over have their own end, before which they may be renewed. */
  #closeRestricted(state: RoomState): void {
    const nowMs = Date.now();
    for (const seat of this.#connections) {
      const barred = restrictionOn(state, seat.viewer, nowMs);
      if (barred === null || barred.close === null || barred.error === "token-expired") continue;
      seat.close(barred.close.name, barred.close.reason);
    }
  }

  #removeConnection(socket: WebSocket): void {
    this.#connections.remove(socket);
  }

  /** Counts who watches, and tells the room; whether somebody does, or it couldn't be told. */
  async #reportPresence(): Promise<boolean> {
    const nowMs = Date.now();
    const { report, watching } = this.#presence.buildReport(this.#connections, nowMs, {
      index: this.#index,
      shards: this.#shards,
    });
    let failed = false;
    if (report !== null) {
      try {
        if (report.sockets > 0) await this.#replica.load();
        else this.#replica.reset();
        const above = this.#relayIndex;
        const { shards } = await this.#parent().report(this.#index, report);
        if (above === this.#relayIndex) this.#presence.markReported(report, nowMs);
        this.#setShardCount(shards);
      } catch (error) {
        failed = true;
        console.warn("the room could not be told who watches", error);
      }
    }
    if (watching === 0 && !failed) return false;
    this.#scheduleWake(nowMs);
    return true;
  }

  /** Nobody watches. A shard without sockets keeps nothing. */
  async #releaseStorage(): Promise<void> {
    if (this.#connections.size > 0) return;
    this.#wakeMs = 0;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** Ends this object, and with it sockets that are closed and don't go. Those who are heard come back, and miss nothing. */
  async #abortObject(): Promise<void> {
    if (this.#connections.size === 0) await this.ctx.storage.deleteAll();
    console.warn("a shard ends, for sockets that it closed don't go");
    this.ctx.abort("sockets that were closed don't go");
  }

  #scheduleWake(nowMs: number): void {
    if (this.#wakeMs - nowMs > WAKE_MS / 2) return;
    this.#wakeMs = nowMs + WAKE_MS;
    const { beacons } = this.#presence;
    if (beacons.length > 0) this.ctx.storage.kv.put("beacons", beacons);
    this.#scheduleAlarm();
  }

  /** The one alarm rings for what is due first. */
  #scheduleAlarm(): void {
    const atMs = Math.min(this.#wakeMs === 0 ? Number.POSITIVE_INFINITY : this.#wakeMs, this.#expiry.nextTokenExpiryMs);
    if (atMs < Number.POSITIVE_INFINITY) void this.ctx.storage.setAlarm(atMs);
  }

  /** The room has so many shards: from now on it is called by way of the relay that such a room has, if it has one. */
  #setShardCount(shards: number): void {
    const before = this.#relayIndex;
    if (shards !== this.#shards) {
      this.#shards = shards;
      if (this.#relayIndex !== null) this.ctx.storage.kv.put("shards", shards);
      else if (before !== null) this.ctx.storage.kv.delete("shards");
      if (this.#relayIndex !== before) {
        this.#presence.resetReported();
        this.#presenceRefresh.request();
      }
    }
    this.#rebalancer.setShardCount(shards, Date.now());
  }

  get #relayIndex(): number | null {
    return relayIndexFor(this.#index, this.#shards, this.#sharding);
  }

  /** The room, or the relay that stands before it. */
  #parent(): RoomRpc {
    const relay = this.#relayIndex;
    return relay === null
      ? getObjectInJurisdiction(this.env.ROOM, this.#roomName)
      : getObjectInJurisdiction(this.env.ROOM_RELAY, roomChildName(this.#roomName, relay));
  }
}

function closeInstruction(close: SocketClose): Response {
  return new Response(null, { status: 403, headers: { [CLOSE_HEADER]: JSON.stringify(close) } });
}
