/**
 * The room object: the authority for one stream's room. It orders everything, stores it, and only then acknowledges;
 * each tick it tells every shard what happened. Its memory may vanish at any moment: SQLite rebuilds it.
 */
import { DurableObject } from "cloudflare:workers";
import type { Access, AccessTaker } from "../../protocol/access.ts";
import { Audience } from "../../protocol/room/audience.ts";
import type { Bucket } from "../../protocol/room/bucket.ts";
import { type Asked, type Decision, decide, type Surroundings } from "../../protocol/room/decide.ts";
import type { RoomEvent } from "../../protocol/room/events.ts";
import { Judge } from "../../protocol/room/judge.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type {
  Attachment,
  Report,
  ReportReply,
  RoomCalls,
  Submission,
  SubmissionReply,
} from "../../protocol/room/mesh.ts";
import type { Place } from "../../protocol/room/place.ts";
import { programmeTime } from "../../protocol/room/programme.ts";
import { readable } from "../../protocol/room/readable.ts";
import { Ring } from "../../protocol/room/ring.ts";
import { RoomSize, sizingOf, tickMs } from "../../protocol/room/shards.ts";
import { RoomState } from "../../protocol/room/state.ts";
import type { Outcome, Stretch } from "../../protocol/room/wire.ts";
import { Broadcaster } from "./broadcaster.ts";
import { type ChildEnv, childStubs } from "./children.ts";
import { type Revoker, shutOut } from "./shut-out.ts";
import { RoomStore } from "./store.ts";

/** What the room is bound to. */
export interface RoomEnv extends ChildEnv {
  readonly LIVE: { getByName(name: string): Revoker };
  readonly CORRAL_ROOM_SHARD_FILL?: string;
  readonly CORRAL_ROOM_FAN_OUT?: string;
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
  readonly #size: RoomSize;
  /** Stored, but not told to the shards yet. */
  #fresh: RoomEvent[] = [];
  #reading: Bucket | undefined;
  #armed = false;
  #ticking = false;
  #tapped = false;
  #totalsKeptMs = 0;

  constructor(ctx: DurableObjectState, env: RoomEnv) {
    super(ctx, env);
    this.#store = new RoomStore(ctx.storage, crypto.randomUUID());
    this.#head = this.#store.head();
    this.#size = new RoomSize(this.#store.shards(), sizingOf(env));
    this.#state = RoomState.from(this.#store.facts());
    const kept = this.#store.audience();
    this.#audience = new Audience(kept, Date.now());
    this.#broadcaster = new Broadcaster(childStubs(env, ctx.id.name ?? ""), this.#restoreRing(), this.#state);
    // The shards have all of it, unless the room was lost in the middle of a tick: they are asked.
    // Of the first shard nothing is kept before there is something to keep.
    for (const shard of new Set([0, ...kept.shards.keys()])) this.#broadcaster.join(shard, false);
    if (kept.shards.size > 0) this.#tickSoon();
  }

  // ── for shards ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a shard in, and gives all that it needs. */
  attach(shard: number): Promise<Attachment> {
    this.#tell();
    const { ring } = this.#broadcaster;
    this.#broadcaster.join(shard, true);
    // Whoever only looks leaves nothing behind.
    if (this.#store.there || shard > 0) this.#store.addShard(shard);
    void this.#arm();
    return Promise.resolve({
      recent: ring.recent(ROOM_LIMITS.ringEvents),
      facts: this.#state.publicFacts(),
      counts: this.#audience.counts(Date.now()),
      shards: this.#size.shards,
    });
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
      void this.#arm();
      this.#tickSoon();
      return Promise.resolve({ outcomes });
    } catch (error) {
      // Memory must not be ahead of storage: it is rebuilt, and the shard sends again.
      console.error("a submission failed", error);
      this.ctx.abort("a submission failed");
      throw error;
    }
  }

  /** Takes in what a shard counted, or a relay summed up. */
  report(shard: number, report: Report): Promise<ReportReply> {
    const nowMs = Date.now();
    for (const below of report.of ?? []) if (this.#broadcaster.leave(below)) this.#forget(below);
    if (this.#audience.report(shard, report, nowMs)) this.#store.setDistinct(this.#audience.distinctBytes());
    if (report.sockets === 0 && report.watching === 0) {
      this.#forget(shard);
      this.#broadcaster.leave(shard);
    } else {
      if (this.#store.there || report.watching > 0) this.#store.setShard(shard, report);
      this.#broadcaster.heard(shard);
    }
    if (this.#size.see(this.#audience.sockets, nowMs)) this.#store.setShards(this.#size.shards);
    if (this.#store.there && nowMs - this.#totalsKeptMs >= KEEP_TOTALS_MS) this.#keepTotals(nowMs);
    void this.#arm();
    this.#tickSoon();
    return Promise.resolve({ shards: this.#size.shards });
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

  /** How the room is spread, who watches, and who may read. */
  place(): Place {
    const { totals } = this.#audience;
    const counts = this.#audience.counts(Date.now());
    return { shards: this.#size.shards, counts, watchedMs: totals.watchedMs, access: this.#state.access };
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
    const nowMs = Date.now();
    try {
      this.#dropExpired(nowMs);
      const left = this.#store.prune(nowMs, ROOM_LIMITS.keepMs);
      // A room of which nothing is left but counts of people who are gone is as if it had never been.
      if (!left && !this.#broadcaster.occupied && this.#audience.sockets === 0) {
        this.#armed = false;
        return await this.#store.clear();
      }
    } catch (error) {
      console.error("the room's history could not be pruned", error);
    }
    await this.ctx.storage.setAlarm(nowMs + PRUNE_EVERY_MS);
  }

  /** What is stored is looked through for what is too old. */
  async #arm(): Promise<void> {
    if (this.#armed || !this.#store.there) return;
    this.#armed = true;
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + PRUNE_EVERY_MS);
  }

  /** A child's count is in no sum any more. */
  #forget(child: number): void {
    this.#audience.drop(child);
    this.#store.setShard(child, null);
  }

  #take(asked: Asked): Outcome {
    const { subject } = asked.by;
    const known = subject === null ? null : this.#store.stored(subject, asked.id);
    if (known !== null) return { ok: true, event: known };
    if (asked.onlyIfKnown === true && !this.#state.held.has(`${subject}/${asked.id}`)) {
      return { ok: false, error: "rate-limited" };
    }
    const nowMs = Date.now();
    const decision = decide(this.#state, asked, this.#surroundings(nowMs));
    return decision.ok ? this.#carryOut(asked, decision, nowMs) : decision;
  }

  #carryOut(asked: Asked, decision: Decision, nowMs: number): Outcome {
    const { facts, credit, audit, notes, held, list } = decision;
    const by = credit?.by ?? asked.by;
    const event =
      decision.event === undefined
        ? null
        : this.#stamp(decision.event, asked, decision.programmeMs ?? credit?.programmeMs, nowMs);
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
    given: number | undefined,
    nowMs: number,
  ): RoomEvent {
    this.#head += 1;
    const programme = given ?? programmeTime(programmeMs, nowMs);
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
      if (this.#broadcaster.send(this.#audience.counts(Date.now()), this.#size.shards, Date.now())) return;
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
