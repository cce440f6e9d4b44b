/**
 * The room object: the authority for one stream's room. It orders everything, stores it, and only then acknowledges;
 * each tick it tells every shard what happened. Its memory may vanish at any moment: SQLite rebuilds it.
 */
import { DurableObject } from "cloudflare:workers";
import type { Access, AccessTaker } from "../../protocol/access.ts";
import { actDigest, isSameAct } from "../../protocol/room/act-digest.ts";
import { streamOf } from "../../protocol/room/address.ts";
import { Audience } from "../../protocol/room/audience.ts";
import { type Asked, type Decision, decide } from "../../protocol/room/decide.ts";
import type { Counts, Happening, RoomEvent, Viewer } from "../../protocol/room/events.ts";
import { Judge } from "../../protocol/room/judge.ts";
import { KEYRING_LIMITS, type KeyringCalls } from "../../protocol/room/keyring.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import { meeting } from "../../protocol/room/meeting.ts";
import type {
  Attachment,
  Report,
  ReportReply,
  RoomCalls,
  Submission,
  SubmissionReply,
} from "../../protocol/room/mesh.ts";
import { erasedFacts, involved, subjectOfAct } from "../../protocol/room/personal.ts";
import type { Place } from "../../protocol/room/place.ts";
import { programmeTime } from "../../protocol/room/programme.ts";
import { Recent } from "../../protocol/room/recent.ts";
import { parseRetention, pruneEveryMs, type Retention, type RetentionSettings } from "../../protocol/room/retention.ts";
import { Ring } from "../../protocol/room/ring.ts";
import { RoomSize, sizingOf, tickMs, tickParts } from "../../protocol/room/shards.ts";
import { type Fact, heldKey, RoomState } from "../../protocol/room/state.ts";
import type { Outcome, Stretch } from "../../protocol/room/wire.ts";
import { type Located, located } from "../../tiers/located.ts";
import { Broadcaster } from "./broadcaster.ts";
import { type ChildEnv, childStubs } from "./children.ts";
import { Fresh } from "./fresh.ts";
import { History, ITSELF } from "./history.ts";
import { type Holding, holding } from "./holding.ts";
import { RoomKeys } from "./keys.ts";
import { PeopleStore } from "./people-store.ts";
import { type Revoker, shutOut } from "./shut-out.ts";
import { RoomStore } from "./store.ts";
import { surroundings } from "./surroundings.ts";
import { Turns } from "./turns.ts";

/** What the room is bound to. */
export interface RoomEnv extends ChildEnv, RetentionSettings {
  readonly ROOM: Located<AccessTaker & { expect(viewers: number): Promise<number> }>;
  readonly LIVE: { getByName(name: string): Revoker };
  readonly KEYRING: Located<KeyringCalls>;
  readonly CORRAL_ROOM_SHARD_FILL?: string;
  readonly CORRAL_ROOM_FAN_OUT?: string;
}

/** Sums of who watched are kept this often; likes and reactions with the tick that tells them. */
const KEEP_TOTALS_MS = 2_000;

/** One stream's room, named as `protocol/room/address.ts` says. */
export class Room extends DurableObject<RoomEnv> implements RoomCalls, AccessTaker {
  readonly #name: string;
  readonly #store: RoomStore;
  readonly #people: PeopleStore;
  readonly #retention: Retention;
  readonly #keys: RoomKeys;
  readonly #history: History;
  readonly #state = new RoomState();
  readonly #recent = new Recent();
  readonly #judge = new Judge();
  readonly #audience: Audience;
  readonly #broadcaster: Broadcaster;
  #head: number;
  readonly #size: RoomSize;
  /** The name of the room that the stream has instead of this one. */
  #moved: string | null;
  /** What changes the room, one after another. */
  readonly #turns = new Turns();
  readonly #fresh = new Fresh();
  #armed = false;
  #ticking = false;
  /** Which part of a tick was told last, from 0; counts change with the first. */
  #part = 0;
  #counts: Counts;
  #tapped = false;
  #totalsKeptMs = 0;

  constructor(ctx: DurableObjectState, env: RoomEnv) {
    super(ctx, env);
    this.#name = ctx.id.name ?? "";
    this.#retention = parseRetention(env);
    this.#store = new RoomStore(ctx.storage, crypto.randomUUID());
    this.#people = new PeopleStore(this.#store.sql);
    this.#moved = this.#store.moved();
    this.#keys = new RoomKeys(env.KEYRING, this.#name);
    this.#history = new History(this.#name, this.#store, this.#people, this.#keys);
    this.#head = this.#store.head();
    this.#size = new RoomSize(this.#store.shards(), sizingOf(env), this.#store.expected());
    const kept = this.#store.audience();
    this.#audience = new Audience(kept, Date.now());
    this.#counts = this.#audience.counts(Date.now());
    const latest = this.#store.latest(ROOM_LIMITS.ringEvents);
    const ring = new Ring(this.#store.epoch, (latest[0]?.offset ?? this.#head + 1) - 1, ROOM_LIMITS.ringEvents);
    this.#broadcaster = new Broadcaster(childStubs(env, this.#name), ring, this.#state);
    // Without the keys nothing can be said: if they don't come, the object ends, and begins anew with the next call.
    void ctx.blockConcurrencyWhile(async () => {
      this.#restore(await this.#history.open(latest), await this.#history.facts(), [...kept.shards.keys()]);
    });
  }

  // ── for shards ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a shard in, and gives all that it needs. */
  async attach(shard: number): Promise<Attachment> {
    this.#refuseIfMoved();
    this.#sum();
    this.#tell();
    const { ring } = this.#broadcaster;
    this.#broadcaster.join(shard, true);
    // Whoever only looks leaves nothing behind.
    if (this.#store.there || shard > 0) this.#store.addShard(shard);
    await this.#arm();
    return {
      recent: ring.recent(ROOM_LIMITS.ringEvents),
      facts: this.#state.publicFacts(),
      counts: this.#counts,
      shards: this.#size.shards,
    };
  }

  /** Orders and stores what a shard's viewers did. */
  async submit({ acts, likes, reactions }: Submission): Promise<SubmissionReply> {
    this.#refuseIfMoved();
    // Keys that aren't here yet are fetched before the turn, so that nobody waits for those of others.
    await this.#history.people(involved(acts, this.#state));
    try {
      return await this.#turns.run(async () => {
        const outcomes: Outcome[] = [];
        for (const asked of acts) outcomes.push(await this.#take(asked));
        if (likes > 0 || Object.keys(reactions).length > 0) {
          this.#audience.tap(likes, reactions);
          this.#tapped = true;
        }
        return { outcomes };
      });
    } finally {
      void this.#arm();
      this.#tickSoon();
    }
  }

  /** Somebody whose token makes them staff has come: from now on it is known whom moderators can't reach. */
  async meet(viewer: Viewer): Promise<void> {
    this.#refuseIfMoved();
    if (meeting(this.#state, viewer, Date.now()) !== null) await this.#turns.run(() => this.#meet(viewer, Date.now()));
    this.#tickSoon();
  }

  /** Takes in what a shard counted, or a relay summed up. */
  async report(shard: number, report: Report): Promise<ReportReply> {
    this.#refuseIfMoved();
    const nowMs = Date.now();
    for (const below of report.of ?? []) if (this.#broadcaster.leave(below)) this.#leave(below);
    if (this.#audience.report(shard, report, nowMs)) this.#store.setDistinct(this.#audience.distinctBytes());
    if (report.sockets === 0 && report.watching === 0) {
      this.#leave(shard);
      this.#broadcaster.leave(shard);
    } else {
      if (this.#store.there || report.watching > 0) this.#store.setShard(shard, report);
      this.#broadcaster.heard(shard);
    }
    this.#resize(nowMs);
    if (this.#store.there && nowMs - this.#totalsKeptMs >= KEEP_TOTALS_MS) this.#keepTotals(nowMs);
    await this.#arm();
    this.#tickSoon();
    return { shards: this.#size.shards };
  }

  /** All events after `offset`, for those who return; null if they are too many or no longer there. */
  async since(epoch: string, offset: number): Promise<Stretch | null> {
    const { recoverEvents } = ROOM_LIMITS;
    const to = this.#head;
    if (epoch !== this.#store.epoch || offset > to || to - offset > recoverEvents) return null;
    const rows = this.#store.after(offset, recoverEvents);
    if (rows.length !== to - offset) return null;
    return { epoch, from: offset, to, events: await this.#history.open(rows), unseen: 0 };
  }

  // ── for the gateway ─────────────────────────────────────────────────────────────────────────────────────────────

  /** How the room is spread, who watches, and who may read. */
  place(): Place {
    const counts = this.#audience.counts(Date.now());
    const { watchedMs } = this.#audience.totals;
    const { access } = this.#state;
    const { shards } = this.#size;
    const uncounted = this.#audience.uncounted(Date.now());
    const sinceMs = this.#store.sinceMs();
    return { room: this.#name, moved: this.#moved, shards, counts, watchedMs, uncounted, access, sinceMs };
  }

  /** Takes who may read from the stream's Live object; the shards are told within a tick. */
  setAccess(access: Access): Promise<void> {
    if (this.#moved !== null) return located(this.env.ROOM, this.#moved).setAccess(access);
    return this.#turns.run(async () => {
      if (access.revision <= this.#state.access.revision) return;
      const fact = { of: "access", key: "", value: access } as const;
      this.#keep(await this.#history.seal({ event: null, by: ITSELF, facts: [fact], audit: null, about: null }));
      this.#state.apply(fact);
      this.#tickSoon();
    });
  }

  /** A crowd is on its way: the room has shards for it before it comes, so that none is overrun. Gives their number. */
  async expect(viewers: number): Promise<number> {
    if (this.#moved !== null) return located(this.env.ROOM, this.#moved).expect(viewers);
    const nowMs = Date.now();
    const expected = { viewers, untilMs: nowMs + ROOM_LIMITS.expectedMs };
    this.#store.setExpected(expected);
    this.#size.expect(expected);
    this.#resize(nowMs);
    await this.#arm();
    return this.#size.shards;
  }

  /** Events of a window of programme time, ms since the epoch. */
  replay(fromMs: number, toMs: number): Promise<RoomEvent[]> {
    return this.#history.open(this.#store.window(fromMs, toMs, ROOM_LIMITS.replayEvents));
  }

  /** The stream has another room instead of this one, for good. False: something is or was here already. */
  async move(room: string): Promise<boolean> {
    if (this.#moved === room) return true;
    if (this.#moved !== null || this.#head > 0 || this.#broadcaster.occupied) return false;
    const { access } = this.#state;
    // Before anybody can come in there: who may read was told to this room only.
    if (access.revision > 0) await located(this.env.ROOM, room).setAccess(access);
    this.#store.setMoved(room);
    this.#moved = room;
    return true;
  }

  // ── for those who look after people's data ──────────────────────────────────────────────────────────────────────

  /** Drops all that is left of the person with this tag, whose key was destroyed; viewers are told which events are gone. */
  forget(tag: string): Promise<void> {
    return this.#turns.run(async () => {
      this.#keys.forget(tag);
      const targets = this.#people.offsetsAbout(tag, ROOM_LIMITS.eraseTargets);
      const event = this.#stamp({ kind: "erase", targets }, null, Date.now());
      const keep = await this.#history.seal({ event, by: ITSELF, facts: [], audit: null, about: null });
      const facts = this.#keep(() => {
        const erased = this.#history.erase(tag);
        keep();
        return erasedFacts(this.#state, erased.gone, erased.unsigned);
      });
      for (const fact of facts) this.#state.apply(fact);
      this.#happened(event);
      this.#broadcaster.forget(facts, targets);
      const held = facts.filter(({ of }) => of === "held");
      this.#broadcaster.changed(
        this.#head,
        facts,
        held.map(({ key }) => ({ kind: "settled", id: key })),
      );
      this.#tell();
      this.#tickSoon();
    });
  }

  /** All that the room holds of a person, a page of its events at a time. */
  held(subject: string, tag: string, after: number): Promise<Holding> {
    return holding({ people: this.#people, history: this.#history, state: this.#state }, subject, tag, after);
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Retention. At most six tries of a failing alarm are made, so nothing may keep it from arming itself again. */
  override async alarm(): Promise<void> {
    try {
      if (!(await this.#turns.run(() => this.#prune(Date.now())))) return;
    } catch (error) {
      console.error("the room's history could not be pruned", error);
    }
    await this.ctx.storage.setAlarm(Date.now() + pruneEveryMs(this.#retention));
  }

  /** What is stored is looked through for what is too old. */
  async #arm(): Promise<void> {
    if (this.#armed || !this.#store.there) return;
    this.#armed = true;
    if ((await this.ctx.storage.getAlarm()) !== null) return;
    await this.ctx.storage.setAlarm(Date.now() + pruneEveryMs(this.#retention));
  }

  /** Forgets what retention doesn't allow, and the keys of those of whom nothing is left; whether anything is left. */
  async #prune(nowMs: number): Promise<boolean> {
    // Where the stream's room is has to be kept for good.
    if (this.#moved !== null) return false;
    for (const fact of this.#state.expired(nowMs)) {
      this.#state.apply(fact);
      this.#history.drop(fact);
    }
    const left = this.#store.prune(nowMs, this.#retention);
    await this.#history.release(this.#people.unused(KEYRING_LIMITS.perCall));
    // Whoever was expected and didn't come isn't any more.
    this.#resize(nowMs);
    const inUse = this.#broadcaster.occupied || this.#audience.sockets > 0 || this.#size.expecting(nowMs);
    if (left || this.#people.any || inUse) return true;
    // A room of which nothing is left but counts of people who are gone is as if it had never been.
    this.#armed = false;
    await this.#store.clear();
    return false;
  }

  #resize(nowMs: number): void {
    if (this.#size.see(this.#audience.sockets, nowMs)) this.#store.setShards(this.#size.shards);
  }

  /** A child's count is in no sum any more. */
  #leave(child: number): void {
    this.#audience.drop(child);
    this.#store.setShard(child, null);
  }

  #refuseIfMoved(): void {
    if (this.#moved !== null) throw new Error("the stream's room is elsewhere");
  }

  /** Stores what is taken into memory next, all of it or nothing. */
  #keep<T>(write: () => T): T {
    try {
      return this.ctx.storage.transactionSync(write);
    } catch (error) {
      // Memory must not be ahead of storage: it is rebuilt, and whoever called does so again.
      console.error("the room could not store what happened", error);
      this.ctx.abort("the room could not store what happened");
      throw error;
    }
  }

  async #take(asked: Asked): Promise<Outcome> {
    const { subject } = asked.by;
    const persons = await this.#history.people(involved([asked], this.#state));
    const person = subject === null ? undefined : persons.get(subject);
    const known = person === undefined ? null : await this.#history.stored(person, asked.id);
    if (known !== null) {
      return isSameAct(known.digest, asked.act) ? { ok: true, event: known.event } : { ok: false, error: "id-used" };
    }
    if (asked.onlyIfKnown === true && (subject === null || !this.#state.held.has(heldKey(subject, asked.id)))) {
      return { ok: false, error: "rate-limited" };
    }
    const nowMs = Date.now();
    await this.#meet(asked.by, nowMs);
    const sources = { judge: this.#judge, store: this.#store, history: this.#history, recent: this.#recent };
    const decision = decide(this.#state, asked, await surroundings(sources, asked, persons, nowMs));
    return decision.ok ? this.#carryOut(asked, decision, nowMs) : decision;
  }

  async #meet(viewer: Viewer, nowMs: number): Promise<void> {
    const met = meeting(this.#state, viewer, nowMs);
    if (met === null) return;
    const { facts } = met;
    const event = met.event === undefined ? null : this.#stamp(met.event, null, nowMs);
    this.#keep(await this.#history.seal({ event, by: ITSELF, facts, audit: null, about: null }));
    if (event !== null) this.#happened(event);
    if (event?.kind === "unban") this.#shutOut(event.subject, false, "");
    for (const fact of facts) this.#state.apply(fact);
    this.#broadcaster.changed(this.#head, facts, []);
  }

  async #carryOut(asked: Asked, decision: Decision, nowMs: number): Promise<Outcome> {
    const { facts, credit, audit, notes, held, list } = decision;
    const { by, id, digest } = credit ?? { ...asked, digest: actDigest(asked.act) };
    const programmeMs = decision.programmeMs ?? credit?.programmeMs ?? programmeTime(asked.programmeMs, nowMs);
    const event = decision.event === undefined ? null : this.#stamp(decision.event, programmeMs, nowMs);
    const keep = await this.#history.seal({
      event,
      by: { subject: by.subject, id, digest, roles: by.roles, device: by.device, address: by.address },
      facts,
      audit: audit === undefined ? null : { ...audit, atMs: nowMs, by: asked.by.subject ?? "" },
      about: subjectOfAct(asked.act, this.#state),
    });
    this.#keep(keep);
    if (event !== null) this.#happened(event);
    if (event?.kind === "ban" || event?.kind === "unban") {
      this.#shutOut(event.subject, event.kind === "ban", asked.by.subject ?? "");
    }
    for (const fact of facts) this.#state.apply(fact);
    this.#broadcaster.changed(this.#head, facts, notes);
    return {
      ok: true,
      ...(event === null ? {} : { event }),
      ...(held === undefined ? {} : { held }),
      ...(list === undefined ? {} : { list }),
    };
  }

  #shutOut(subject: string, banned: boolean, actor: string): void {
    const { LIVE } = this.env;
    this.ctx.waitUntil(shutOut(() => LIVE.getByName(streamOf(this.#name)), subject, banned, actor));
  }

  /** The event in the place that comes next, which it has once it is stored. */
  #stamp(happening: Happening, programmeMs: number | null, nowMs: number): RoomEvent {
    return { ...happening, offset: this.#head + 1, atMs: nowMs, programmeMs: programmeMs ?? nowMs };
  }

  /** Takes in an event that is stored. */
  #happened(event: RoomEvent): void {
    this.#head = event.offset;
    this.#recent.take(event);
    this.#fresh.take(event);
    if (event.offset % ROOM_LIMITS.pruneEvents === 0) this.#store.prune(event.atMs, this.#retention);
  }

  /** Within a tick's time all shards are told. */
  #tickSoon(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    const { sockets } = this.#audience;
    const parts = tickParts(sockets, this.#size.shards);
    setTimeout(() => {
      this.#ticking = false;
      this.#part = (this.#part + 1) % parts;
      if (this.#part === 0) this.#sum();
      this.#tell();
      const all = this.#broadcaster.send(this.#counts, this.#size.shards, parts, Date.now());
      // A shard was busy, or is behind: it is told with the next call.
      if (!all || this.#part > 0) this.#tickSoon();
    }, tickMs(sockets) / parts);
  }

  /** Sums up who watches and what was tapped, keeps that, and tells it from now on. */
  #sum(): void {
    if (this.#tapped) this.#keepTotals(Date.now());
    this.#tapped = false;
    this.#counts = this.#audience.counts(Date.now());
  }

  /** Puts what is fresh where the shards are told from. */
  #tell(): void {
    this.#fresh.into(this.#broadcaster.ring, Date.now());
  }

  /** Takes up what was stored before memory was lost. */
  #restore(latest: readonly RoomEvent[], facts: readonly Fact[], shards: readonly number[]): void {
    for (const fact of facts) this.#state.apply(fact);
    for (const event of latest) this.#recent.take(event);
    this.#broadcaster.restored(latest, this.#head);
    // The shards have all of it, unless the room was lost in the middle of a tick: they are asked.
    // Of the first shard nothing is kept before there is something to keep.
    for (const shard of new Set([0, ...shards])) this.#broadcaster.join(shard, false);
    if (shards.length > 0) this.#tickSoon();
  }

  #keepTotals(nowMs: number): void {
    this.#totalsKeptMs = nowMs;
    this.#store.setTotals(this.#audience.totals);
  }
}
