/**
 * A shard of a room: it holds viewers' sockets, passes on what they do, and shows them what happened. It decides nothing
 * but rates and who is heard; whatever it knows, the room knows too, so its memory may vanish at any moment and its sockets may hibernate.
 */
import { DurableObject } from "cloudflare:workers";
import { objectName, ofName, streamOf } from "../../protocol/room/address.ts";
import { Budgets } from "../../protocol/room/budget.ts";
import type { Viewer } from "../../protocol/room/events.ts";
import type { Attachment, Batch, BeaconViewer, RoomCalls, ShardCalls } from "../../protocol/room/mesh.ts";
import { countMs, gatherMs, relayOf, type Sizing, siblings, sizingOf } from "../../protocol/room/shards.ts";
import { barredFrom } from "../../protocol/room/standing.ts";
import { type Fact, RoomState } from "../../protocol/room/state.ts";
import { BEAT, BEAT_ANSWER } from "../../protocol/room/wire.ts";
import { type Located, located } from "../../tiers/located.ts";
import type { ViewerKeys } from "../../tiers/viewer-token.ts";
import { type Close, type Hall, refusalOfSocket } from "./arrivals.ts";
import { Commands, isOnDuty } from "./commands.ts";
import { Ends } from "./ends.ts";
import { Intake } from "./intake.ts";
import { KnownRoom } from "./known-room.ts";
import { Mover } from "./mover.ts";
import { Outbox } from "./outbox.ts";
import { Recount } from "./recount.ts";
import { type ReviewerEnv, reviewPolicy } from "./reviewer.ts";
import { Reviews } from "./reviews.ts";
import { Seats } from "./seats.ts";
import { type KeptBeacon, ShardTally } from "./tally.ts";
import { Teller } from "./teller.ts";
import { renew } from "./tokens.ts";

/** What a shard is bound to. */
export interface RoomShardEnv extends ReviewerEnv, ViewerKeys {
  readonly ROOM: Located<RoomCalls>;
  readonly ROOM_RELAY: Located<RoomCalls>;
  readonly CORRAL_ROOM_SHARD_FILL?: string;
  readonly CORRAL_ROOM_FAN_OUT?: string;
  readonly CORRAL_ROOM_SOCKETS_PER_ADDRESS?: string;
}

/** The headers in which the gateway says who comes (a `Viewer` in JSON, percent-encoded), and how many shards it knows of. */
const VIEWER_HEADER = "corral-viewer";
const SHARDS_HEADER = "corral-shards";
/** A shard that lost its memory while people watch is woken within this time to count them. */
const WAKE_MS = 10_000;
/** The header in which the gateway is told how to close the socket of somebody who isn't let in: a `Close` in JSON. */
const CLOSE_HEADER = "corral-close";

/** One shard of a room, named `{room}/{index}`. */
export class RoomShard extends DurableObject<RoomShardEnv> implements ShardCalls {
  readonly #roomName: string;
  readonly #index: number;
  readonly #sizing: Sizing;
  readonly #mover: Mover;
  readonly #seats: Seats;
  readonly #tally: ShardTally;
  readonly #ends: Ends;
  readonly #hall: Hall;
  readonly #commands: Commands;
  readonly #known: KnownRoom;
  readonly #recount: Recount;
  readonly #teller: Teller;
  #shards: number;
  /** The number of shards is the room's own, or was. */
  #sized: boolean;
  #wakeMs = 0;

  constructor(ctx: DurableObjectState, env: RoomShardEnv) {
    super(ctx, env);
    const { room, index } = ofName(ctx.id.name);
    this.#roomName = room;
    const stream = streamOf(room);
    this.#index = index;
    this.#sizing = sizingOf(env);
    this.#seats = new Seats(ctx, () => {
      this.#ends.watch();
      this.#recount.soon();
    });
    this.#mover = new Mover(this.#seats, index, this.#sizing);
    // Of a large room it is kept, so that no shard calls it past its relay.
    const kept = ctx.storage.kv.get<number>("shards");
    this.#shards = kept ?? 1;
    this.#sized = kept !== undefined;
    this.#ends = new Ends(this.#seats, () => void this.#end());
    this.#tally = new ShardTally(ctx.storage.kv.get<KeptBeacon[]>("beacons") ?? []);
    const outbox = new Outbox((submission) => this.#above().submit(submission));
    this.#known = new KnownRoom(() => this.#attach());
    const intake = new Intake(outbox, new Reviews(stream, reviewPolicy(env)), () => this.#known.view());
    this.#teller = new Teller(this.#seats, () => this.#known.ring);
    this.#hall = {
      seats: this.#seats,
      budgets: new Budgets(),
      known: this.#known,
      teller: this.#teller,
      socketsPerAddress: this.#sizing.socketsPerAddress,
      above: () => this.#above(),
    };
    this.#commands = new Commands(this.#hall, {
      intake,
      renew: (seat, token) => renew(env, stream, seat, token, () => this.#known.view().then(({ state }) => state)),
      gatherMs: () => gatherMs(siblings(this.#shards, this.#sizing)),
      counted: () => this.#recount.soon(),
    });
    this.#recount = new Recount(
      () => this.#count(),
      () => countMs(siblings(this.#shards, this.#sizing)),
      () => this.#rest(),
    );
    // Beats are answered without waking the object; when the last one came is all that it needs to know.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(BEAT, BEAT_ANSWER));
    if ([...this.#seats].some(({ playMs }) => playMs !== null)) this.#recount.soon();
  }

  // ── sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `GET` with an upgrade: a viewer comes in. */
  override async fetch(request: Request): Promise<Response> {
    const viewer = JSON.parse(decodeURIComponent(request.headers.get(VIEWER_HEADER) ?? "null")) as Viewer;
    if (!this.#sized) this.#resized(Math.max(1, Number(request.headers.get(SHARDS_HEADER) ?? 1)));
    const refusal = await refusalOfSocket(this.#hall, viewer);
    if (refusal !== null) return refused(refusal);
    const { 0: client, 1: server } = new WebSocketPair();
    const seat = this.#seats.add(server, viewer, Date.now());
    if (this.#ends.came(seat)) this.#arm();
    this.#mover.look();
    this.#recount.soon();
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const seat = this.#seats.get(socket);
    // The platform goes on delivering what comes on a socket that was closed: nobody hears it.
    if (seat !== undefined) await this.#commands.hear(seat, message);
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string): void {
    this.#gone(socket);
    try {
      // The reserved codes say that no code came; they may not be sent.
      socket.close(code === 1005 || code === 1006 || code === 1015 ? 1000 : code, reason);
    } catch {
      // It is closed already.
    }
  }

  override webSocketError(socket: WebSocket): void {
    this.#gone(socket);
  }

  // ── for the room and the gateway ────────────────────────────────────────────────────────────────────────────────

  /** Shows the viewers what happened; gives the last event that the shard knows. */
  deliver(batch: Batch): Promise<number> {
    this.#sized = true;
    this.#resized(batch.shards);
    // Whoever tells all of it has lost its memory, and what was counted with it.
    if (batch.wholeFacts) {
      this.#tally.forget();
      this.#recount.soon();
    }
    const taken = this.#known.take(batch);
    // The room sends again from where this shard stands.
    if (taken === null) return Promise.resolve(this.#known.ring?.head ?? batch.from);
    const counted = this.#teller.count(batch.counts);
    this.#sever(batch.facts);
    const { from, to } = taken.stretch;
    if (taken.anew) {
      this.#teller.all(taken.stretch);
      // What comes next can be told in parts only by those who know what was before.
      if (batch.parts > 1) this.#known.view().catch(() => {});
    } else this.#teller.some(to > from ? from : null, counted, batch.parts);
    // Whoever has nobody to tell any more, having lost its sockets and its memory, says so.
    if (this.#seats.size === 0) this.#recount.soon();
    if (batch.notes.length > 0) {
      this.#seats.broadcast({ type: "staff", notes: batch.notes }, (viewer) => isOnDuty(this.#known.state, viewer));
    }
    return Promise.resolve(to);
  }

  /** A viewer without a socket watches; the gateway knows of so many shards. */
  beacon(viewer: BeaconViewer, shards: number): void {
    if (!this.#sized) this.#resized(shards);
    this.#tally.beacon(viewer, this.#shards, Date.now());
    this.#recount.soon();
  }

  /** Wakes a shard that lost its memory, so that it counts again; and ends the sockets whose tokens are over. */
  override alarm(): void {
    this.#wakeMs = 0;
    this.#ends.expire(Date.now());
    this.#arm();
    this.#recount.soon();
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async #attach(): Promise<Attachment> {
    const attachment = await this.#above().attach(this.#index);
    this.#teller.count(attachment.counts);
    this.#sized = true;
    this.#resized(attachment.shards);
    // Those who were here before the memory was lost see by an empty tick whether they lack something.
    this.#teller.compare(attachment.recent.epoch, attachment.recent.to);
    // Who was shut out while nothing was known here.
    this.#severFrom(RoomState.from(attachment.facts));
    return attachment;
  }

  /** Closes the sockets of those who may not read any more, where one of these facts may be why. */
  #sever(facts: readonly Fact[]): void {
    if (!facts.some(({ of, value }) => of === "access" || (of === "sanction" && value?.ban === true))) return;
    const { state } = this.#known;
    if (state !== null) this.#severFrom(state);
    // Whoever asks the room severs.
    else if (this.#seats.size > 0) this.#known.view().catch(() => {});
  }

  /** Tokens that are over have their own end, before which they may be renewed. */
  #severFrom(state: RoomState): void {
    const nowMs = Date.now();
    for (const seat of this.#seats) {
      const barred = barredFrom(state, seat.viewer, nowMs);
      if (barred === null || barred.close === null || barred.error === "token-expired") continue;
      seat.close(barred.close.name, barred.close.reason);
    }
  }

  #gone(socket: WebSocket): void {
    this.#seats.remove(socket);
  }

  /** Counts who watches, and tells the room; whether somebody does, or it couldn't be told. */
  async #count(): Promise<boolean> {
    const nowMs = Date.now();
    const { report, watching } = this.#tally.count(this.#seats, nowMs, { index: this.#index, shards: this.#shards });
    let failed = false;
    if (report !== null) {
      try {
        if (report.sockets > 0) await this.#known.view();
        else this.#known.forget();
        const above = this.#relay;
        const { shards } = await this.#above().report(this.#index, report);
        if (above === this.#relay) this.#tally.told(report, nowMs);
        this.#resized(shards);
      } catch (error) {
        failed = true;
        console.warn("the room could not be told who watches", error);
      }
    }
    if (watching === 0 && !failed) return false;
    this.#keepAwake(nowMs);
    return true;
  }

  /** Nobody watches. A shard without sockets keeps nothing. */
  async #rest(): Promise<void> {
    if (this.#seats.size > 0) return;
    this.#wakeMs = 0;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** Ends this object, and with it sockets that are closed and don't go. Those who are heard come back, and miss nothing. */
  async #end(): Promise<void> {
    if (this.#seats.size === 0) await this.ctx.storage.deleteAll();
    console.warn("a shard ends, for sockets that it closed don't go");
    this.ctx.abort("sockets that were closed don't go");
  }

  #keepAwake(nowMs: number): void {
    if (this.#wakeMs - nowMs > WAKE_MS / 2) return;
    this.#wakeMs = nowMs + WAKE_MS;
    const { beacons } = this.#tally;
    if (beacons.length > 0) this.ctx.storage.kv.put("beacons", beacons);
    this.#arm();
  }

  /** The one alarm rings for what is due first. */
  #arm(): void {
    const atMs = Math.min(this.#wakeMs === 0 ? Number.POSITIVE_INFINITY : this.#wakeMs, this.#ends.tokensMs);
    if (atMs < Number.POSITIVE_INFINITY) void this.ctx.storage.setAlarm(atMs);
  }

  /** The room has so many shards: from now on it is called by way of the relay that such a room has, if it has one. */
  #resized(shards: number): void {
    const before = this.#relay;
    if (shards !== this.#shards) {
      this.#shards = shards;
      if (this.#relay !== null) this.ctx.storage.kv.put("shards", shards);
      else if (before !== null) this.ctx.storage.kv.delete("shards");
      if (this.#relay !== before) {
        this.#tally.forget();
        this.#recount.soon();
      }
    }
    this.#mover.resized(shards, Date.now());
  }

  get #relay(): number | null {
    return relayOf(this.#index, this.#shards, this.#sizing);
  }

  /** The room, or the relay that stands before it. */
  #above(): RoomCalls {
    const relay = this.#relay;
    return relay === null
      ? located(this.env.ROOM, this.#roomName)
      : located(this.env.ROOM_RELAY, objectName(this.#roomName, relay));
  }
}

function refused(close: Close): Response {
  return new Response(null, { status: 403, headers: { [CLOSE_HEADER]: JSON.stringify(close) } });
}
