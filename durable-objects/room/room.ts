/**
 * The room object: the authority for one stream's room. It orders everything, stores it, and only then acknowledges;
 * each tick it tells every shard what happened. Its memory may vanish at any moment: SQLite rebuilds it.
 */
import { DurableObject } from "cloudflare:workers";
import type { Access, AccessTaker } from "../../protocol/access.ts";
import { Audience } from "../../protocol/room/audience.ts";
import type { Bucket } from "../../protocol/room/bucket.ts";
import { type Asked, type Decision, decide, type Surroundings } from "../../protocol/room/decide.ts";
import type { Counts, RoomEvent } from "../../protocol/room/events.ts";
import { Judge } from "../../protocol/room/judge.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { Attachment, Report, RoomCalls, Submission, SubmissionReply } from "../../protocol/room/mesh.ts";
import { programmeTime } from "../../protocol/room/programme.ts";
import { readable } from "../../protocol/room/readable.ts";
import { Ring } from "../../protocol/room/ring.ts";
import { shardsFor, tickMs } from "../../protocol/room/shards.ts";
import { RoomState } from "../../protocol/room/state.ts";
import type { Outcome, Stretch } from "../../protocol/room/wire.ts";
import { Broadcaster, type ShardNamespace } from "./broadcaster.ts";
import { type Revoker, shutOut } from "./shut-out.ts";
import { RoomStore } from "./store.ts";

/** What the room is bound to. */
export interface RoomEnv {
  readonly ROOM_SHARD: ShardNamespace;
  readonly LIVE: { getByName(name: string): Revoker };
}

/** History is looked through this often for what is too old. */
const PRUNE_EVERY_MS = 3_600_000;
/** Sums of who watched are kept this often; likes and reactions with the tick that tells them. */
const KEEP_TOTALS_MS = 2_000;

/** One stream's room, named by the stream. */
export class Room extends DurableObject<RoomEnv> implements RoomCalls, AccessTaker {
  readonly #store: RoomStore;
  readonly #state: RoomState;
  readonly #judge = new Judge();
  readonly #audience: Audience;
  readonly #broadcaster: Broadcaster;
  #head: number;
  #shards: number;
  /** Stored, but not told to the shards yet. */
  #fresh: RoomEvent[] = [];
  #reading: Bucket | undefined;
  #ticking = false;
  #tapped = false;
  #totalsKeptMs = 0;

  constructor(ctx: DurableObjectState, env: RoomEnv) {
    super(ctx, env);
    this.#store = new RoomStore(ctx.storage.sql, crypto.randomUUID());
    this.#head = this.#store.head();
    this.#shards = this.#store.shards();
    this.#state = RoomState.from(this.#store.facts());
    const kept = this.#store.audience();
    this.#audience = new Audience(kept, Date.now());
    this.#broadcaster = new Broadcaster(env.ROOM_SHARD, ctx.id.name ?? "", this.#restoreRing(), this.#state);
    // The shards have all of it, unless the room was lost in the middle of a tick: they are asked.
    for (const shard of kept.shards.keys()) this.#broadcaster.join(shard, false);
    if (kept.shards.size > 0) this.#tickSoon();
  }

  // ── for shards ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a shard in, and gives all that it needs. */
  async attach(shard: number): Promise<Attachment> {
    this.#tell();
    const { ring } = this.#broadcaster;
    this.#broadcaster.join(shard, true);
    this.#store.addShard(shard);
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + PRUNE_EVERY_MS);
    return {
      recent: ring.recent(ROOM_LIMITS.ringEvents),
      facts: this.#state.publicFacts(),
      counts: this.#audience.counts(Date.now()),
      shards: this.#shards,
    };
  }

  /** Orders and stores what a shard's viewers did. */
  submit({ acts, likes, reactions }: Submission): Promise<SubmissionReply> {
    try {
      const outcomes = this.ctx.storage.transactionSync(() => {
        const before = this.#head;
        const all = acts.map((asked) => this.#take(asked));
        if (this.#head > before) this.#store.setHead(this.#head);
        return all;
      });
      if (likes > 0 || Object.keys(reactions).length > 0) {
        this.#audience.tap(likes, reactions);
        this.#tapped = true;
      }
      this.#tickSoon();
      return Promise.resolve({ outcomes, head: this.#head });
    } catch (error) {
      // Memory must not be ahead of storage: it is rebuilt, and the shard sends again.
      console.error("a submission failed", error);
      this.ctx.abort("a submission failed");
      throw error;
    }
  }

  /** Takes in what a shard counted. */
  report(shard: number, report: Report): Promise<{ shards: number; head: number }> {
    const nowMs = Date.now();
    if (this.#audience.report(shard, report, nowMs)) this.#store.setDistinct(this.#audience.distinctBytes());
    if (report.sockets === 0 && report.watching === 0) {
      this.#audience.drop(shard);
      this.#store.setShard(shard, null);
      this.#broadcaster.leave(shard);
    } else {
      this.#store.setShard(shard, report);
      this.#broadcaster.heard(shard);
    }
    const shards = shardsFor(this.#audience.sockets, this.#shards);
    if (shards !== this.#shards) {
      this.#shards = shards;
      this.#store.setShards(shards);
    }
    if (nowMs - this.#totalsKeptMs >= KEEP_TOTALS_MS) this.#keepTotals(nowMs);
    this.#tickSoon();
    return Promise.resolve({ shards, head: this.#head });
  }

  /** All events after `offset`, for those who return; null if they are too many or no longer there. */
  since(epoch: string, offset: number): Promise<Stretch | null> {
    const { recoverEvents } = ROOM_LIMITS;
    if (epoch !== this.#store.epoch || offset > this.#head || this.#head - offset > recoverEvents) {
      return Promise.resolve(null);
    }
    const events = this.#store.after(offset, recoverEvents);
    if (events.length !== this.#head - offset) return Promise.resolve(null);
    return Promise.resolve({ epoch, from: offset, to: this.#head, events, unseen: 0 });
  }

  // ── for the gateway ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Number of shards, the counts, and who may read. */
  place(): { shards: number; counts: Counts; access: Access } {
    return { shards: this.#shards, counts: this.#audience.counts(Date.now()), access: this.#state.access };
  }

  /** Takes who may read from the stream's Live object; the shards are told within a tick. */
  setAccess(access: Access): Promise<void> {
    if (access.revision > this.#state.access.revision) {
      const fact = { of: "access", key: "", value: access } as const;
      this.#store.setFact(fact);
      this.#state.apply(fact);
      this.#tickSoon();
    }
    return Promise.resolve();
  }

  /** Events of a window of programme time, ms since the epoch. */
  replay(fromMs: number, toMs: number): RoomEvent[] {
    return this.#store.window(fromMs, toMs, ROOM_LIMITS.replayEvents);
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Retention. At most six tries of a failing alarm are made, so nothing may keep it from arming itself again. */
  override async alarm(): Promise<void> {
    let left = 1;
    try {
      left = this.#store.prune(Date.now(), ROOM_LIMITS.keepMs);
      this.#dropExpired(Date.now());
    } catch (error) {
      console.error("the room's history could not be pruned", error);
    }
    // A room without history and viewers sleeps until a shard calls.
    if (left > 0 || this.#broadcaster.shards > 0) await this.ctx.storage.setAlarm(Date.now() + PRUNE_EVERY_MS);
  }

  #take(asked: Asked): Outcome {
    const { subject } = asked.by;
    const known = subject === null ? null : this.#store.stored(subject, asked.id);
    if (known !== null) return { ok: true, event: known };
    const nowMs = Date.now();
    const decision = decide(this.#state, asked, this.#surroundings(nowMs));
    return decision.ok ? this.#carryOut(asked, decision, nowMs) : decision;
  }

  #carryOut(asked: Asked, decision: Decision, nowMs: number): Outcome {
    const { facts, credit, audit, notes, held, list } = decision;
    const by = credit?.by ?? asked.by;
    const event = decision.event === undefined ? null : this.#stamp(decision.event, asked, credit?.programmeMs, nowMs);
    if (event !== null) {
      this.#store.add(event, { by, id: credit?.id ?? asked.id });
      this.#fresh.push(event);
      if (event.kind === "ban" || event.kind === "unban") this.#shutOut(event.subject, event.kind === "ban");
    }
    for (const fact of facts) {
      this.#state.apply(fact);
      this.#store.setFact(fact);
    }
    this.#broadcaster.changed(this.#head, facts, notes);
    if (audit !== undefined) this.#store.note({ ...audit, atMs: nowMs, by: asked.by.subject ?? "" });
    return {
      ok: true,
      ...(event === null ? {} : { event }),
      ...(held === undefined ? {} : { held }),
      ...(list === undefined ? {} : { list }),
    };
  }

  #shutOut(subject: string, banned: boolean): void {
    const { LIVE } = this.env;
    this.ctx.waitUntil(shutOut(() => LIVE.getByName(this.ctx.id.name ?? ""), subject, banned));
  }

  #stamp(
    happening: NonNullable<Decision["event"]>,
    { programmeMs }: Asked,
    credited: number | undefined,
    nowMs: number,
  ): RoomEvent {
    this.#head += 1;
    const programme = credited ?? programmeTime(programmeMs, nowMs);
    return { ...happening, offset: this.#head, atMs: nowMs, programmeMs: programme };
  }

  #surroundings(nowMs: number): Surroundings {
    const store = this.#store;
    return {
      nowMs,
      judge: this.#judge,
      message: (offset) => store.message(offset),
      traces: (subject) => store.traces(subject),
      wasWritten: (text) => store.wasWritten(text, this.#head),
      audit: () => store.audit(ROOM_LIMITS.listed),
    };
  }

  /** Within a tick's time all shards are told. */
  #tickSoon(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    setTimeout(() => {
      this.#ticking = false;
      this.#tell();
      if (this.#broadcaster.send(this.#audience.counts(Date.now()), this.#shards, Date.now())) return;
      // A shard was busy, or is behind: it is told with the next tick.
      this.#tickSoon();
    }, tickMs(this.#audience.sockets));
  }

  /** Puts what is fresh where the shards are told from. */
  #tell(): void {
    if (this.#tapped) this.#keepTotals(Date.now());
    this.#tapped = false;
    const fresh = this.#fresh;
    if (fresh.length === 0) return;
    this.#fresh = [];
    const { shown, bucket } = readable(fresh, this.#reading, Date.now());
    this.#reading = bucket;
    const { ring } = this.#broadcaster;
    const to = fresh.at(-1)?.offset ?? ring.head;
    ring.add({ epoch: ring.epoch, from: ring.head, to, events: shown, unseen: fresh.length - shown.length });
  }

  #restoreRing(): Ring {
    const latest = this.#store.latest(ROOM_LIMITS.ringEvents);
    const from = (latest[0]?.offset ?? this.#head + 1) - 1;
    const ring = new Ring(this.#store.epoch, from, ROOM_LIMITS.ringEvents);
    ring.add({ epoch: ring.epoch, from, to: this.#head, events: latest, unseen: 0 });
    return ring;
  }

  #dropExpired(nowMs: number): void {
    for (const [key, { untilMs }] of this.#state.sanctions) {
      if (untilMs === null || untilMs > nowMs) continue;
      const fact = { of: "sanction", key, value: null } as const;
      this.#state.apply(fact);
      this.#store.setFact(fact);
    }
  }

  #keepTotals(nowMs: number): void {
    this.#totalsKeptMs = nowMs;
    this.#store.setTotals(this.#audience.totals);
  }
}
