/**
 * A shard of a room: it holds viewers' sockets, passes on what they do, and shows them what happened. It decides nothing
 * but rates; whatever it knows, the room knows too, so its memory may vanish at any moment and its sockets may hibernate.
 */
import { DurableObject } from "cloudflare:workers";
import { streamOf } from "../../protocol/room/address.ts";
import { actRate, type Bucket, isFull, type Rate, TAP_RATE, take } from "../../protocol/room/bucket.ts";
import type { Asked } from "../../protocol/room/decide.ts";
import { decodeClient } from "../../protocol/room/decode.ts";
import { type Counts, isStaff, NO_COUNTS, type Viewer, viewerKey } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { Batch, RoomCalls, ShardCalls } from "../../protocol/room/mesh.ts";
import { Ring } from "../../protocol/room/ring.ts";
import { countMs, gatherMs } from "../../protocol/room/shards.ts";
import { type Fact, RoomState, sanctionKeys } from "../../protocol/room/state.ts";
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
import { Outbox } from "./outbox.ts";
import { type ReviewerEnv, reviewPolicy } from "./reviewer.ts";
import { Reviews } from "./reviews.ts";
import { type Seat, Seats } from "./seats.ts";
import { ShardTally } from "./tally.ts";

/** What a shard is bound to. */
export interface RoomShardEnv extends ReviewerEnv {
  readonly ROOM: Located<RoomCalls>;
}

/** What a shard knows of its room. */
interface View {
  readonly ring: Ring;
  state: RoomState;
}

/** The header in which the gateway says who comes: a `Viewer` in JSON, percent-encoded. */
const VIEWER_HEADER = "corral-viewer";
/** A shard that lost its memory while people watch is woken within this time to count them. */
const WAKE_MS = 10_000;
/** Seconds within which those come back for whom there is no seat. */
const FULL_SPREAD_S = "30";
/** Rate buckets are looked through when there are so many. */
const MANY_BUCKETS = 1_000;

/** One shard of a room, named `{room}/{index}`. */
export class RoomShard extends DurableObject<RoomShardEnv> implements ShardCalls {
  readonly #roomName: string;
  readonly #index: number;
  readonly #seats: Seats;
  readonly #tally: ShardTally;
  readonly #outbox: Outbox;
  readonly #reviews: Reviews;
  readonly #buckets = new Map<string, { bucket: Bucket; rate: Rate }>();
  #view: Promise<View> | null = null;
  #known: View | null = null;
  #counts: Counts = NO_COUNTS;
  #shards = 1;
  #counting = false;
  #wakeMs = 0;

  constructor(ctx: DurableObjectState, env: RoomShardEnv) {
    super(ctx, env);
    const [room = "", index = "0"] = (ctx.id.name ?? "").split("/");
    this.#roomName = room;
    this.#index = Number(index);
    this.#seats = new Seats(ctx);
    this.#tally = new ShardTally(ctx.storage.kv.get<[string, number][]>("beacons") ?? []);
    this.#outbox = new Outbox((submission) => this.#room().submit(submission));
    this.#reviews = new Reviews(streamOf(room), reviewPolicy(env));
    // Beats are answered without waking the object; when the last one came is all that it needs to know.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(BEAT, BEAT_ANSWER));
    if ([...this.#seats].some(({ playMs }) => playMs !== null)) this.#countSoon();
  }

  // ── sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `GET` with an upgrade: a viewer comes in. */
  override async fetch(request: Request): Promise<Response> {
    const viewer = JSON.parse(decodeURIComponent(request.headers.get(VIEWER_HEADER) ?? "null")) as Viewer;
    const { 0: client, 1: server } = new WebSocketPair();
    const full = this.#seats.size >= ROOM_LIMITS.shardSockets;
    const seat = this.#seats.add(server, viewer);
    if (full) seat.close("comeBack", FULL_SPREAD_S);
    this.#countSoon();
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
    this.#shards = batch.shards;
    const counts = sameCounts(batch.counts, this.#counts) ? {} : { counts: batch.counts };
    this.#counts = batch.counts;
    const view = this.#known;
    const fresh = view === null || view.ring.epoch !== batch.epoch ? batch : view.ring.add(batch);
    // The room sends again from where this shard stands; where it no longer can, the shard begins anew.
    if (fresh === null && !batch.reset) return Promise.resolve(view?.ring.head ?? batch.from);
    const anew = fresh === null || fresh === batch;
    if (anew || view === null) this.#forget();
    else this.#learn(view, batch);
    this.#sever(batch.facts);
    const { epoch, from, to, events, unseen } = fresh ?? batch;
    // Where the shard can't tell what its viewers have, an empty tick lets them see whether they lack something.
    if (anew || to > from || counts.counts !== undefined) {
      this.#seats.broadcast({ type: "tick", epoch, from, to, events, unseen, nowMs: batch.nowMs, ...counts });
    }
    if (batch.notes.length > 0) {
      const staff = (viewer: Viewer): boolean => isStaff(this.#known?.state.rolesOf(viewer) ?? viewer.roles);
      this.#seats.broadcast({ type: "staff", notes: batch.notes }, staff);
    }
    return Promise.resolve(to);
  }

  /** A viewer without a socket watches. */
  beacon(key: string): void {
    this.#tally.beacon(key, Date.now());
    this.#countSoon();
  }

  /** Wakes a shard that lost its memory, so that it counts again. */
  override alarm(): void {
    this.#wakeMs = 0;
    this.#countSoon();
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async #handle(seat: Seat, frame: ClientFrame): Promise<void> {
    switch (frame.type) {
      case "hello":
        return this.#welcome(seat, frame.from);
      case "act":
        return this.#act(seat, frame);
      case "like":
        return this.#tap(seat, null, frame.count);
      case "react":
        return this.#tap(seat, frame.emoji, frame.count);
      case "play":
        seat.keep({ playMs: frame.on ? Date.now() : null });
        return this.#countSoon();
      case "seen":
        return seat.seen();
    }
  }

  async #welcome(seat: Seat, from: Position | null): Promise<void> {
    if (seat.ready) seat.keep({ ready: false });
    let view: View;
    let missed: Stretch | null = null;
    try {
      view = await this.#attached();
      if (from !== null) missed = await this.#missed(view, from);
    } catch (error) {
      console.warn("a viewer could not be welcomed", error);
      return seat.close("comeBack", "5");
    }
    // From here to the end nothing waits: what comes next is sent as a tick.
    const sanction = view.state.sanctionOn(seat.viewer, Date.now());
    if (sanction?.ban === true) return seat.close("banned");
    const stretch = missed ?? view.ring.recent(ROOM_LIMITS.joinEvents);
    seat.keep({ ready: true });
    seat.send({
      type: "welcome",
      version: VERSION,
      recovered: missed !== null,
      nowMs: Date.now(),
      you: youAre(seat.viewer, view.state.rolesOf(seat.viewer)),
      modes: view.state.modes,
      pinned: view.state.pin,
      counts: this.#counts,
      ...stretch,
    });
  }

  /** All that a returning viewer missed, up to where the shard stands; null if that can't be told. */
  async #missed(view: View, { epoch, offset }: Position): Promise<Stretch | null> {
    const { ring } = view;
    if (epoch !== ring.epoch || offset > ring.head) return null;
    const held = ring.since(offset);
    if (held !== null) return held;
    const stored = await this.#room().since(epoch, offset);
    if (stored === null || stored.to < ring.head) return null;
    // The room is ahead by what this shard is about to be told.
    const events = stored.events.filter((event) => event.offset <= ring.head);
    return { ...stored, to: ring.head, events, unseen: 0 };
  }

  #act(seat: Seat, { id, act, programmeMs }: Extract<ClientFrame, { type: "act" }>): void {
    const { viewer } = seat;
    const roles = this.#known?.state.rolesOf(viewer) ?? viewer.roles;
    const asked = { by: viewer, id, act, programmeMs };
    const answer = (outcome: Outcome): void => seat.send({ type: "ack", id, outcome });
    const pass = (reviewed: Asked): void => {
      if (!this.#outbox.add(reviewed, answer, gatherMs(this.#shards))) refuse(seat, id, "busy");
    };
    if (viewer.subject === null) refuse(seat, id, "sign-in");
    else if (!this.#within(`act ${viewerKey(viewer)}`, actRate(roles), 1)) refuse(seat, id, "rate-limited");
    else this.#reviews.take(asked, () => this.#attached(), pass);
  }

  /** Taps beyond the rate aren't counted, which nobody needs to be told. */
  #tap(seat: Seat, emoji: string | null, count: number): void {
    if (!this.#within(`tap ${viewerKey(seat.viewer)}`, TAP_RATE, count)) return;
    this.#outbox.tap(emoji, count, gatherMs(this.#shards));
  }

  #within(key: string, rate: Rate, cost: number): boolean {
    const nowMs = Date.now();
    if (this.#buckets.size > MANY_BUCKETS) {
      for (const [each, known] of this.#buckets) {
        if (isFull(known.bucket, known.rate, nowMs)) this.#buckets.delete(each);
      }
    }
    const { bucket, ok } = take(this.#buckets.get(key)?.bucket, rate, nowMs, cost);
    this.#buckets.set(key, { bucket, rate });
    return ok;
  }

  /** What the shard knows of its room, asked for once by whoever needs it first. */
  #attached(): Promise<View> {
    this.#view ??= this.#attach().catch((error: unknown) => {
      this.#forget();
      throw error;
    });
    return this.#view;
  }

  async #attach(): Promise<View> {
    const { recent, facts, counts, shards } = await this.#room().attach(this.#index);
    const ring = new Ring(recent.epoch, recent.from, ROOM_LIMITS.ringEvents);
    ring.add(recent);
    this.#known = { ring, state: RoomState.from(facts) };
    this.#counts = counts;
    this.#shards = shards;
    return this.#known;
  }

  #forget(): void {
    this.#view = null;
    this.#known = null;
  }

  #learn(view: View, { facts, wholeFacts }: Batch): void {
    if (wholeFacts) view.state = RoomState.from(facts);
    else for (const fact of facts) view.state.apply(fact);
  }

  /** Closes the sockets of those who are banned. */
  #sever(facts: readonly Fact[]): void {
    const banned = new Set(
      facts.flatMap(({ of, key, value }) => (of === "sanction" && value?.ban === true ? key : [])),
    );
    if (banned.size === 0) return;
    for (const seat of this.#seats) if (sanctionKeys(seat.viewer).some((key) => banned.has(key))) seat.close("banned");
  }

  #gone(socket: WebSocket): void {
    this.#seats.remove(socket);
    this.#countSoon();
  }

  #countSoon(): void {
    if (this.#counting) return;
    this.#counting = true;
    setTimeout(() => void this.#count(), countMs(this.#shards));
  }

  /** Counts who watches; goes on while somebody does. */
  async #count(): Promise<void> {
    const nowMs = Date.now();
    const { report, watching } = this.#tally.count(this.#seats, nowMs);
    let failed = false;
    if (report !== null) {
      try {
        if (report.sockets > 0) await this.#attached();
        else this.#forget();
        await this.#room().report(this.#index, report);
        this.#tally.told(report, nowMs);
      } catch (error) {
        failed = true;
        console.warn("the room could not be told who watches", error);
      }
    }
    this.#counting = false;
    if (watching === 0 && !failed) {
      this.ctx.storage.kv.delete("beacons");
      return;
    }
    this.#keepAwake(nowMs);
    this.#countSoon();
  }

  #keepAwake(nowMs: number): void {
    if (this.#wakeMs - nowMs > WAKE_MS / 2) return;
    this.#wakeMs = nowMs + WAKE_MS;
    const { beacons } = this.#tally;
    if (beacons.length > 0) this.ctx.storage.kv.put("beacons", beacons);
    void this.ctx.storage.setAlarm(this.#wakeMs);
  }

  #room(): RoomCalls {
    return located(this.env.ROOM, this.#roomName);
  }
}

function refuse(seat: Seat, id: string, error: ErrorCode): void {
  seat.send({ type: "ack", id, outcome: { ok: false, error } });
}

function sameCounts(a: Counts, b: Counts): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
