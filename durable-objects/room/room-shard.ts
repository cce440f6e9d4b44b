/**
 * A shard of a room: it holds viewers' sockets, passes on what they do, and shows them what happened. It decides nothing
 * but rates; whatever it knows, the room knows too, so its memory may vanish at any moment and its sockets may hibernate.
 */
import { DurableObject } from "cloudflare:workers";
import type { Access } from "../../protocol/access.ts";
import { objectName, ofName, streamOf } from "../../protocol/room/address.ts";
import { decodeClient } from "../../protocol/room/decode.ts";
import { isStaff, type Viewer } from "../../protocol/room/events.ts";
import { ownName } from "../../protocol/room/judge.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { Attachment, Batch, BeaconViewer, RoomCalls, ShardCalls } from "../../protocol/room/mesh.ts";
import { countMs, gatherMs, relayOf, type Sizing, siblings, sizingOf } from "../../protocol/room/shards.ts";
import { type Fact, sanctionKeys } from "../../protocol/room/state.ts";
import {
  BEAT,
  BEAT_ANSWER,
  type ClientFrame,
  type ErrorCode,
  type Outcome,
  type Position,
  type Stretch,
  VERSION,
  youAre,
} from "../../protocol/room/wire.ts";
import { type Located, located } from "../../tiers/located.ts";
import type { ViewerKeys } from "../../tiers/viewer-token.ts";
import { Intake } from "./intake.ts";
import { KnownRoom, missedSince, type View } from "./known-room.ts";
import { Mover } from "./mover.ts";
import { Outbox } from "./outbox.ts";
import { Recount } from "./recount.ts";
import { type ReviewerEnv, reviewPolicy } from "./reviewer.ts";
import { Reviews } from "./reviews.ts";
import { type Seat, Seats } from "./seats.ts";
import { type KeptBeacon, ShardTally } from "./tally.ts";
import { Teller } from "./teller.ts";
import { Tokens } from "./tokens.ts";

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
/** Seconds within which those come back for whom there is no seat. */
const FULL_SPREAD_S = "30";

/** One shard of a room, named `{room}/{index}`. */
export class RoomShard extends DurableObject<RoomShardEnv> implements ShardCalls {
  readonly #roomName: string;
  readonly #index: number;
  readonly #sizing: Sizing;
  readonly #mover: Mover;
  readonly #seats: Seats;
  readonly #tally: ShardTally;
  readonly #tokens: Tokens;
  readonly #intake: Intake;
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
    this.#seats = new Seats(ctx);
    this.#mover = new Mover(this.#seats, index, this.#sizing);
    // Of a large room it is kept, so that no shard calls it past its relay.
    const kept = ctx.storage.kv.get<number>("shards");
    this.#shards = kept ?? 1;
    this.#sized = kept !== undefined;
    this.#tokens = new Tokens(this.#seats, env, stream);
    this.#tally = new ShardTally(ctx.storage.kv.get<KeptBeacon[]>("beacons") ?? []);
    const outbox = new Outbox((submission) => this.#above().submit(submission));
    this.#known = new KnownRoom(() => this.#attach());
    this.#intake = new Intake(outbox, new Reviews(stream, reviewPolicy(env)), () => this.#known.view());
    this.#teller = new Teller(this.#seats, () => this.#known.ring);
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
    const { 0: client, 1: server } = new WebSocketPair();
    const full = this.#seats.size >= ROOM_LIMITS.shardSockets;
    const seat = this.#seats.add(server, viewer);
    if (full) seat.close("comeBack", FULL_SPREAD_S);
    else if (this.#seats.tooMany(viewer, this.#sizing.socketsPerAddress)) seat.close("rateLimited", "sockets");
    if (this.#tokens.came(seat)) this.#arm();
    this.#mover.look();
    this.#recount.soon();
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const seat = this.#seats.get(socket);
    if (seat === undefined) return;
    if (typeof message !== "string") return seat.close("binary");
    if (!seat.takeFrame(Date.now())) return seat.close("rateLimited");
    const decoded = decodeClient(message);
    if ("close" in decoded) return seat.close(decoded.close);
    if ("refused" in decoded) return refuse(seat, decoded.refused, "malformed");
    await this.#handle(seat, decoded.frame);
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
      this.#seats.broadcast({ type: "staff", notes: batch.notes }, (viewer) => isStaff(this.#known.rolesOf(viewer)));
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
    this.#tokens.expire(Date.now());
    this.#arm();
    this.#recount.soon();
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async #handle(seat: Seat, frame: ClientFrame): Promise<void> {
    switch (frame.type) {
      case "hello":
        return this.#welcome(seat, frame.from);
      case "act":
        return this.#act(seat, frame);
      case "like":
        return this.#intake.tap(seat.viewer, null, frame.count, this.#gatherMs);
      case "react":
        return this.#intake.tap(seat.viewer, frame.emoji, frame.count, this.#gatherMs);
      case "play":
        seat.keep({ playMs: frame.on ? Date.now() : null });
        return this.#recount.soon();
      case "seen":
        return seat.seen();
      case "renew": {
        const access = async (): Promise<Access> => (await this.#known.view()).state.access;
        const outcome = await this.#tokens.renew(seat, frame.token, access);
        return seat.send({ type: "renewed", outcome });
      }
    }
  }

  async #welcome(seat: Seat, from: Position | null): Promise<void> {
    if (seat.ready) seat.keep({ ready: false });
    let view: View;
    let missed: Stretch | null = null;
    try {
      view = await this.#known.view();
      if (from !== null) missed = await missedSince(view.ring, from, (...asked) => this.#above().since(...asked));
    } catch (error) {
      console.warn("a viewer could not be welcomed", error);
      return seat.close("comeBack", "5");
    }
    // From here to the end nothing waits: what comes next is sent as a tick.
    const sanction = view.state.sanctionOn(seat.viewer, Date.now());
    if (sanction?.ban === true) return seat.close("banned");
    const roles = view.state.rolesOf(seat.viewer);
    if (this.#tokens.shut(view.state.access, seat, roles)) return;
    const stretch = missed ?? view.ring.recent(ROOM_LIMITS.joinEvents);
    seat.keep({ ready: true });
    seat.portion = this.#teller.seat();
    seat.send({
      type: "welcome",
      version: VERSION,
      recovered: missed !== null,
      nowMs: Date.now(),
      you: youAre(seat.viewer, roles, ownName),
      expiresMs: seat.viewer.expiresMs,
      modes: view.state.modes,
      pinned: view.state.pin,
      counts: this.#teller.counts,
      ...stretch,
    });
  }

  #act(seat: Seat, { id, act, programmeMs }: Extract<ClientFrame, { type: "act" }>): void {
    const { viewer } = seat;
    if (viewer.subject === null) {
      refuse(seat, id, "sign-in");
      return;
    }
    const roles = this.#known.rolesOf(viewer);
    const answer = (outcome: Outcome): void => seat.send({ type: "ack", id, outcome });
    this.#intake.act({ by: viewer, id, act, programmeMs }, roles, answer, this.#gatherMs);
  }

  async #attach(): Promise<Attachment> {
    const attachment = await this.#above().attach(this.#index);
    this.#teller.count(attachment.counts);
    this.#sized = true;
    this.#resized(attachment.shards);
    // Those who were here before the memory was lost see by an empty tick whether they lack something.
    this.#teller.compare(attachment.recent.epoch, attachment.recent.to);
    return attachment;
  }

  /** Closes the sockets of those who are banned, or may not read any more. */
  #sever(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.of === "access") this.#tokens.shutAll(fact.value, (viewer) => this.#known.rolesOf(viewer));
    }
    const banned = new Set(
      facts.flatMap(({ of, key, value }) => (of === "sanction" && value?.ban === true ? key : [])),
    );
    if (banned.size === 0) return;
    for (const seat of this.#seats) if (sanctionKeys(seat.viewer).some((key) => banned.has(key))) seat.close("banned");
  }

  #gone(socket: WebSocket): void {
    this.#seats.remove(socket);
    this.#recount.soon();
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

  #keepAwake(nowMs: number): void {
    if (this.#wakeMs - nowMs > WAKE_MS / 2) return;
    this.#wakeMs = nowMs + WAKE_MS;
    const { beacons } = this.#tally;
    if (beacons.length > 0) this.ctx.storage.kv.put("beacons", beacons);
    this.#arm();
  }

  /** The one alarm rings for what is due first. */
  #arm(): void {
    const atMs = Math.min(this.#wakeMs === 0 ? Number.POSITIVE_INFINITY : this.#wakeMs, this.#tokens.dueMs);
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

  get #gatherMs(): number {
    return gatherMs(siblings(this.#shards, this.#sizing));
  }

  /** The room, or the relay that stands before it. */
  #above(): RoomCalls {
    const relay = this.#relay;
    return relay === null
      ? located(this.env.ROOM, this.#roomName)
      : located(this.env.ROOM_RELAY, objectName(this.#roomName, relay));
  }
}

function refuse(seat: Seat, id: string, error: ErrorCode): void {
  seat.send({ type: "ack", id, outcome: { ok: false, error } });
}
