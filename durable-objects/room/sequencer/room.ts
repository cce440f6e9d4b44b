/**
 * The room object: the authority for one stream's room. It orders everything, stores it, and only then acknowledges;
 * each tick it tells every shard what happened. Its memory may vanish at any moment: SQLite rebuilds it.
 */
import { DurableObject } from "cloudflare:workers";
import type { AccessPolicy, AccessPolicyReceiver } from "../../../core/access/access-policy.ts";
import { type ConfigVariables, getConfig } from "../../../core/api/config.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import { Mutex } from "../../../core/kit/mutex.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { FIRST_SHARD_ID, type RoomChildId } from "../../../core/room/child-ids.ts";
import type { CommandEnvelope } from "../../../core/room/commands/index.ts";
import type { Effect } from "../../../core/room/effects/index.ts";
import type { StateEntry } from "../../../core/room/entries/index.ts";
import type { RoomCounts, RoomEvent } from "../../../core/room/events.ts";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../../core/room/jurisdiction-namespace.ts";
import { KEYRING_LIMITS, type KeyringRpc } from "../../../core/room/keyring.ts";
import { streamOfRoom } from "../../../core/room/object-names.ts";
import type { Participant } from "../../../core/room/participants.ts";
import { RecentEvents } from "../../../core/room/recent-events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { CommandOutcome, EventRange } from "../../../core/room/room-protocol.ts";
import { heldMessageKey, RoomState } from "../../../core/room/room-state.ts";
import type { RoomSummary } from "../../../core/room/room-summary.ts";
import { RoomAudience } from "../../../core/room/sequencer/audience.ts";
import { commandDigest, matchesCommandDigest } from "../../../core/room/sequencer/command-digest.ts";
import { decideCommand } from "../../../core/room/sequencer/decide.ts";
import type { CommandAcceptance } from "../../../core/room/sequencer/decision.ts";
import { clampProgramTime } from "../../../core/room/sequencer/program-time.ts";
import { RecentMessages } from "../../../core/room/sequencer/recent-messages.ts";
import { type HistoryRetention, pruneIntervalMs } from "../../../core/room/sequencer/retention.ts";
import { staffChange } from "../../../core/room/sequencer/staff-grants.ts";
import { erasureEntries, subjectOfCommand, subjectsOfCommands } from "../../../core/room/sequencer/subject-data.ts";
import { TextModerator } from "../../../core/room/sequencer/text-moderator.ts";
import type {
  AudienceReport,
  AudienceReportReply,
  CommandBatch,
  CommandBatchReply,
  RoomRpc,
  ShardSnapshot,
} from "../../../core/room/shard-rpc.ts";
import { ShardScaler, tickIntervalMs, tickParts } from "../../../core/room/sharding.ts";
import { AlarmSchedule } from "../../kit/alarm-schedule.ts";
import { type RoomChildEnv, roomChildStubs } from "../child-stubs.ts";
import { RoomFanout } from "../room-fanout.ts";
import { loadDecisionContext } from "./decision-context.ts";
import { EncryptedHistory, ROOM_ACTOR } from "./encrypted-history.ts";
import { encryptPlainHistory } from "./plain-history.ts";
import { RoomDomainEvents, type RoomEventReceiver } from "./room-domain-events.ts";
import { RoomStore } from "./room-store.ts";
import { type SubjectExportPage, subjectExport } from "./subject-export.ts";
import { SubjectKeys } from "./subject-keys.ts";
import { SubjectStore } from "./subject-store.ts";
import { UnsentEvents } from "./unsent-events.ts";

/** What the room is bound to. */
export interface RoomEnv extends RoomChildEnv, ConfigVariables {
  readonly ROOM: JurisdictionNamespace<
    AccessPolicyReceiver & { setExpectedAudience(viewers: number): Promise<number> }
  >;
  readonly LIVE: { getByName(name: string): RoomEventReceiver };
  readonly KEYRING: JurisdictionNamespace<KeyringRpc>;
}

/** Sums of who watched are kept this often; likes and reactions with the tick that tells them. */
const SAVE_TOTALS_EVERY_MS = 2_000;

/** One stream's room, named as `core/room/object-names.ts` says. */
export class Room extends DurableObject<RoomEnv> implements RoomRpc, AccessPolicyReceiver {
  /** Time and ids. */
  platform: Platform = systemPlatform;
  readonly #name: string;
  readonly #store: RoomStore;
  readonly #subjects: SubjectStore;
  readonly #retention: HistoryRetention;
  readonly #subjectKeys: SubjectKeys;
  readonly #history: EncryptedHistory;
  readonly #alarms: AlarmSchedule<"prune" | "outbox">;
  readonly #domainEvents: RoomDomainEvents;
  readonly #state = new RoomState();
  readonly #recentMessages = new RecentMessages();
  readonly #textModerator = new TextModerator();
  readonly #audience: RoomAudience;
  readonly #fanout: RoomFanout;
  #head: number;
  readonly #scaler: ShardScaler;
  /** The name of the room that the stream has instead of this one. */
  #replacementRoom: string | null;
  /** What changes the room, one after another. */
  readonly #mutex = new Mutex();
  readonly #unsentEvents = new UnsentEvents();
  #alarmScheduled = false;
  #tickScheduled = false;
  /** Which part of a tick was told last, from 0; counts change with the first. */
  #tickPart = 0;
  #counts: RoomCounts;
  #reactionsChanged = false;
  #totalsSavedMs = 0;

  constructor(ctx: DurableObjectState, env: RoomEnv) {
    super(ctx, env);
    this.#name = ctx.id.name ?? "";
    const { history, sharding } = getConfig(env);
    this.#retention = history;
    this.#store = new RoomStore(ctx.storage, this.platform.newId());
    this.#subjects = new SubjectStore(this.#store.sql);
    this.#replacementRoom = this.#store.replacementRoom();
    this.#subjectKeys = new SubjectKeys(env.KEYRING, this.#name);
    this.#history = new EncryptedHistory(this.#name, this.#store, this.#subjects, this.#subjectKeys);
    this.#alarms = new AlarmSchedule(ctx.storage, "prune");
    this.#domainEvents = this.#createDomainEvents();
    this.#head = this.#store.headOffset();
    this.#scaler = new ShardScaler(this.#store.shardCount(), sharding, this.#store.expectedAudience());
    const kept = this.#store.audienceSnapshot();
    this.#audience = new RoomAudience(kept, this.platform.clock.nowMs());
    this.#counts = this.#audience.counts(this.platform.clock.nowMs());
    const { shardHistoryEvents } = ROOM_LIMITS;
    const recentEvents = new RecentEvents(
      this.#store.epoch,
      this.#store.recentStart(shardHistoryEvents),
      shardHistoryEvents,
    );
    this.#fanout = new RoomFanout(roomChildStubs(env, this.#name), recentEvents, this.#state);
    // Without the keys nothing can be said: if they don't come, the object ends, and begins anew with the next call.
    void ctx.blockConcurrencyWhile(async () => {
      await encryptPlainHistory(ctx.storage, this.#history);
      const latest = this.#store.latestEvents(shardHistoryEvents);
      this.#restore(await this.#history.decryptEvents(latest), await this.#history.loadEntries(), [
        ...kept.shards.keys(),
      ]);
      if (this.#domainEvents.hasPending) ctx.waitUntil(this.#domainEvents.deliver());
    });
  }

  // ── for shards ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a shard in, and gives all that it needs. */
  async attach(shard: RoomChildId): Promise<ShardSnapshot> {
    this.#assertNotReplaced();
    this.#refreshCounts();
    this.#flushUnsentEvents();
    const { recentEvents } = this.#fanout;
    this.#fanout.addShard(shard, true);
    // Whoever only looks leaves nothing behind.
    if (this.#store.exists || shard !== FIRST_SHARD_ID) this.#store.addShard(shard);
    await this.#scheduleAlarm();
    return {
      recent: recentEvents.latestRange(ROOM_LIMITS.shardHistoryEvents),
      facts: this.#state.sharedEntries(),
      counts: this.#counts,
      shards: this.#scaler.shards,
    };
  }

  /** Orders and stores what a shard's viewers did. */
  async submit({ acts, likes, reactions }: CommandBatch): Promise<CommandBatchReply> {
    this.#assertNotReplaced();
    // Keys that aren't here yet are fetched before the turn, so that nobody waits for those of others.
    await this.#history.ensureSubjectKeys(subjectsOfCommands(acts, this.#state));
    try {
      return await this.#mutex.runExclusive(async () => {
        const outcomes: CommandOutcome[] = [];
        for (const asked of acts) outcomes.push(await this.#handleCommand(asked));
        if (likes > 0 || Object.keys(reactions).length > 0) {
          this.#audience.addReactions(likes, reactions);
          this.#reactionsChanged = true;
        }
        return { outcomes };
      });
    } finally {
      void this.#scheduleAlarm();
      this.#scheduleTick();
    }
  }

  /** Somebody whose token makes them staff has come: from now on it is known whom moderators can't reach. */
  async recordStaff(viewer: Participant): Promise<void> {
    this.#assertNotReplaced();
    if (staffChange(this.#state, viewer, this.platform.clock.nowMs()) !== null)
      await this.#mutex.runExclusive(() => this.#recordStaff(viewer, this.platform.clock.nowMs()));
    this.#scheduleTick();
  }

  /** Takes in what a shard counted, or a relay summed up. */
  async report(shard: RoomChildId, report: AudienceReport): Promise<AudienceReportReply> {
    this.#assertNotReplaced();
    const nowMs = this.platform.clock.nowMs();
    for (const below of report.of ?? []) if (this.#fanout.removeShard(below)) this.#removeChild(below);
    if (this.#audience.applyReport(shard, report, nowMs)) this.#store.setDistinct(this.#audience.distinctBytes());
    if (report.sockets === 0 && report.watching === 0) {
      this.#removeChild(shard);
      this.#fanout.removeShard(shard);
    } else {
      if (this.#store.exists || report.watching > 0) this.#store.setShard(shard, report);
      this.#fanout.markResponsive(shard);
    }
    this.#resize(nowMs);
    if (this.#store.exists && nowMs - this.#totalsSavedMs >= SAVE_TOTALS_EVERY_MS) this.#saveTotals(nowMs);
    await this.#scheduleAlarm();
    this.#scheduleTick();
    return { shards: this.#scaler.shards };
  }

  /** All events after `offset`, for those who return; null if they are too many or no longer there. */
  async eventsSince(epoch: string, offset: number): Promise<EventRange | null> {
    const { recoverEvents } = ROOM_LIMITS;
    const to = this.#head;
    if (epoch !== this.#store.epoch || offset > to || to - offset > recoverEvents) return null;
    const rows = this.#store.eventsAfter(offset, recoverEvents);
    if (rows.length !== to - offset) return null;
    return { epoch, from: offset, to, events: await this.#history.decryptEvents(rows), unseen: 0 };
  }

  // ── for the gateway ─────────────────────────────────────────────────────────────────────────────────────────────

  /** How the room is spread, who watches, and who may read. */
  summary(): RoomSummary {
    const counts = this.#audience.counts(this.platform.clock.nowMs());
    const { watchedMs } = this.#audience.totals;
    const { access } = this.#state;
    const { shards } = this.#scaler;
    const uncounted = this.#audience.uncountedCount(this.platform.clock.nowMs());
    const sinceMs = this.#store.firstProgramTimeMs();
    return { room: this.#name, moved: this.#replacementRoom, shards, counts, watchedMs, uncounted, access, sinceMs };
  }

  /** Takes who may read from the stream's Live object; the shards are told within a tick. */
  setAccess(access: AccessPolicy): Promise<void> {
    if (this.#replacementRoom !== null)
      return getObjectInJurisdiction(this.env.ROOM, this.#replacementRoom).setAccess(access);
    return this.#mutex.runExclusive(async () => {
      if (access.revision <= this.#state.access.revision) return;
      const fact = { of: "access", key: "", value: access } as const;
      this.#commit(
        await this.#history.encryptChange({ event: null, by: ROOM_ACTOR, entries: [fact], audit: null, about: null }),
      );
      this.#state.apply(fact);
      this.#scheduleTick();
    });
  }

  /** A crowd is on its way: the room has shards for it before it comes, so that none is overrun. Gives their number. */
  async setExpectedAudience(viewers: number): Promise<number> {
    if (this.#replacementRoom !== null)
      return getObjectInJurisdiction(this.env.ROOM, this.#replacementRoom).setExpectedAudience(viewers);
    const nowMs = this.platform.clock.nowMs();
    const expected = { viewers, untilMs: nowMs + ROOM_LIMITS.expectedAudienceMs };
    this.#store.setExpectedAudience(expected);
    this.#scaler.setExpectedAudience(expected);
    this.#resize(nowMs);
    await this.#scheduleAlarm();
    return this.#scaler.shards;
  }

  /** Events of a window of programme time, ms since the epoch. */
  replay(fromMs: number, toMs: number): Promise<RoomEvent[]> {
    return this.#history.decryptEvents(this.#store.eventsInWindow(fromMs, toMs, ROOM_LIMITS.replayWindowEvents));
  }

  /** The stream has another room instead of this one, for good. False: something is or was here already. */
  async setReplacementRoom(room: string): Promise<boolean> {
    if (this.#replacementRoom === room) return true;
    if (this.#replacementRoom !== null || this.#head > 0 || this.#fanout.hasConfirmedShards) return false;
    const { access } = this.#state;
    // Before anybody can come in there: who may read was told to this room only.
    if (access.revision > 0) await getObjectInJurisdiction(this.env.ROOM, room).setAccess(access);
    this.#store.setReplacementRoom(room);
    this.#replacementRoom = room;
    return true;
  }

  // ── for those who look after people's data ──────────────────────────────────────────────────────────────────────

  /** Drops all that is left of the person with this tag, whose key was destroyed; viewers are told which events are gone. */
  eraseSubject(tag: string): Promise<void> {
    return this.#mutex.runExclusive(async () => {
      this.#subjectKeys.discard(tag);
      const targets = this.#subjects.subjectEventOffsets(tag, ROOM_LIMITS.eraseTargets);
      const event = this.#stamp({ kind: "erase", targets }, null, this.platform.clock.nowMs());
      const keep = await this.#history.encryptChange({ event, by: ROOM_ACTOR, entries: [], audit: null, about: null });
      const facts = this.#commit(() => {
        const erased = this.#history.eraseSubject(tag);
        keep();
        return erasureEntries(this.#state, erased.gone, erased.unsigned);
      });
      for (const fact of facts) this.#state.apply(fact);
      this.#recordEvent(event);
      this.#fanout.removeUnsent(facts, targets);
      const held = facts.filter(({ of }) => of === "held");
      this.#fanout.recordChanges(
        this.#head,
        facts,
        held.map(({ key }) => ({ kind: "settled", id: key })),
      );
      this.#flushUnsentEvents();
      this.#scheduleTick();
    });
  }

  /** All that the room holds of a person, a page of its events at a time. */
  exportSubject(subject: string, tag: string, after: number): Promise<SubjectExportPage> {
    return subjectExport({ subjects: this.#subjects, history: this.#history, state: this.#state }, subject, tag, after);
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Prunes history, and repeats deliveries of domain events. */
  override async alarm(): Promise<void> {
    for (const purpose of this.#alarms.due(this.platform.clock.nowMs())) {
      if (purpose === "outbox") await this.#domainEvents.deliver();
      else await this.#handlePruneAlarm();
    }
  }

  /** A failing alarm is repeated at most six times, so a failure of the pruning does not keep it from its next time. */
  async #handlePruneAlarm(): Promise<void> {
    try {
      if (!(await this.#mutex.runExclusive(() => this.#prune(this.platform.clock.nowMs()))))
        return await this.#alarms.cancel("prune");
    } catch (error) {
      console.error("the room's history could not be pruned", error);
    }
    await this.#alarms.schedule("prune", this.platform.clock.nowMs() + pruneIntervalMs(this.#retention));
  }

  /** What is stored is looked through for what is too old. */
  async #scheduleAlarm(): Promise<void> {
    if (this.#alarmScheduled || !this.#store.exists) return;
    this.#alarmScheduled = true;
    if ((await this.#alarms.dueMs("prune")) !== null) return;
    await this.#alarms.schedule("prune", this.platform.clock.nowMs() + pruneIntervalMs(this.#retention));
  }

  /** Forgets what retention doesn't allow, and the keys of those of whom nothing is left; whether anything is left. */
  async #prune(nowMs: number): Promise<boolean> {
    // Where the stream's room is has to be kept for good.
    if (this.#replacementRoom !== null) return false;
    for (const fact of this.#state.expiryEntries(nowMs)) {
      this.#state.apply(fact);
      this.#history.dropEntry(fact);
    }
    const left = this.#store.prune(nowMs, this.#retention);
    await this.#history.releaseKeys(this.#subjects.unusedTags(KEYRING_LIMITS.itemsPerCall));
    // Whoever was expected and didn't come isn't any more.
    this.#resize(nowMs);
    const inUse =
      this.#fanout.hasConfirmedShards || this.#audience.socketCount > 0 || this.#scaler.expectsAudience(nowMs);
    if (left || this.#subjects.hasSubjects || inUse || this.#domainEvents.hasPending) return true;
    // A room of which nothing is left but counts of people who are gone is as if it had never been.
    this.#alarmScheduled = false;
    await this.#store.clear();
    return false;
  }

  #resize(nowMs: number): void {
    if (this.#scaler.updateSockets(this.#audience.socketCount, nowMs)) this.#store.setShardCount(this.#scaler.shards);
  }

  /** A child's count is in no sum any more. */
  #removeChild(child: RoomChildId): void {
    this.#audience.removeShard(child);
    this.#store.setShard(child, null);
  }

  #assertNotReplaced(): void {
    if (this.#replacementRoom !== null) throw new Error("the stream's room is elsewhere");
  }

  /** Stores what is taken into memory next, all of it or nothing. */
  #commit<T>(write: () => T): T {
    try {
      return this.ctx.storage.transactionSync(write);
    } catch (error) {
      // Memory must not be ahead of storage: it is rebuilt, and whoever called does so again.
      console.error("the room could not store what happened", error);
      this.ctx.abort("the room could not store what happened");
      throw error;
    }
  }

  async #handleCommand(asked: CommandEnvelope): Promise<CommandOutcome> {
    const { subject } = asked.by;
    const persons = await this.#history.ensureSubjectKeys(subjectsOfCommands([asked], this.#state));
    const person = subject === null ? undefined : persons.get(subject);
    const known = person === undefined ? null : await this.#history.findByCommandId(person, asked.id);
    if (known !== null) {
      return matchesCommandDigest(known.digest, asked.act)
        ? { ok: true, event: known.event }
        : { ok: false, error: "id-used" };
    }
    if (
      asked.onlyIfKnown === true &&
      (subject === null || !this.#state.heldMessages.has(heldMessageKey(subject, asked.id)))
    ) {
      return { ok: false, error: "rate-limited" };
    }
    const nowMs = this.platform.clock.nowMs();
    await this.#recordStaff(asked.by, nowMs);
    const sources = {
      textModerator: this.#textModerator,
      store: this.#store,
      history: this.#history,
      recentMessages: this.#recentMessages,
    };
    const decision = decideCommand(this.#state, asked, await loadDecisionContext(sources, asked, persons, nowMs));
    return decision.ok ? this.#applyAcceptance(asked, decision, nowMs) : decision;
  }

  async #recordStaff(viewer: Participant, nowMs: number): Promise<void> {
    const met = staffChange(this.#state, viewer, nowMs);
    if (met === null) return;
    const { entries } = met;
    const event = met.effect === undefined ? null : this.#stamp(met.effect, null, nowMs);
    const keep = await this.#history.encryptChange({ event, by: ROOM_ACTOR, entries, audit: null, about: null });
    this.#commitWithDomainEvent(keep, await this.#domainEvents.prepareBan(event, ""));
    if (event !== null) this.#recordEvent(event);
    for (const fact of entries) this.#state.apply(fact);
    this.#fanout.recordChanges(this.#head, entries, []);
  }

  async #applyAcceptance(asked: CommandEnvelope, decision: CommandAcceptance, nowMs: number): Promise<CommandOutcome> {
    const { entries, attribution, audit, staffNotes, heldId, list } = decision;
    const { by, id, digest } = attribution ?? { ...asked, digest: commandDigest(asked.act) };
    const programmeMs =
      decision.programTimeMs ?? attribution?.programTimeMs ?? clampProgramTime(asked.programmeMs, nowMs);
    const event = decision.effect === undefined ? null : this.#stamp(decision.effect, programmeMs, nowMs);
    const keep = await this.#history.encryptChange({
      event,
      by: { subject: by.subject, id, digest, roles: by.roles, device: by.device, address: by.address },
      entries,
      audit: audit === undefined ? null : { ...audit, atMs: nowMs, by: asked.by.subject ?? "" },
      about: subjectOfCommand(asked.act, this.#state),
    });
    this.#commitWithDomainEvent(keep, await this.#domainEvents.prepareBan(event, asked.by.subject ?? ""));
    if (event !== null) this.#recordEvent(event);
    for (const fact of entries) this.#state.apply(fact);
    this.#fanout.recordChanges(this.#head, entries, staffNotes);
    return {
      ok: true,
      ...(event === null ? {} : { event }),
      ...(heldId === undefined ? {} : { held: heldId }),
      ...(list === undefined ? {} : { list }),
    };
  }

  /** Stores a change and its domain event together, and delivers the event at once. */
  #commitWithDomainEvent(keep: () => void, appendEvent: (() => void) | null): void {
    this.#commit(() => {
      keep();
      appendEvent?.();
    });
    if (appendEvent !== null) this.ctx.waitUntil(this.#domainEvents.deliver());
  }

  #createDomainEvents(): RoomDomainEvents {
    const stream = streamOfRoom(this.#name);
    return new RoomDomainEvents({
      stream,
      storage: this.#store.sql,
      history: this.#history,
      platform: this.platform,
      live: () => this.env.LIVE.getByName(stream),
      setRetryAlarm: (atMs) => (atMs === null ? this.#alarms.cancel("outbox") : this.#alarms.schedule("outbox", atMs)),
    });
  }

  /** The event in the place that comes next, which it has once it is stored. */
  #stamp(happening: Effect, programmeMs: number | null, nowMs: number): RoomEvent {
    return { ...happening, offset: this.#head + 1, atMs: nowMs, programmeMs: programmeMs ?? nowMs };
  }

  /** Takes in an event that is stored. */
  #recordEvent(event: RoomEvent): void {
    this.#head = event.offset;
    this.#recentMessages.applyEvent(event);
    this.#unsentEvents.append(event);
    if (event.offset % ROOM_LIMITS.pruneEveryEvents === 0) this.#store.prune(event.atMs, this.#retention);
  }

  /** Within a tick's time all shards are told. */
  #scheduleTick(): void {
    if (this.#tickScheduled) return;
    this.#tickScheduled = true;
    const { socketCount } = this.#audience;
    const parts = tickParts(socketCount, this.#scaler.shards);
    this.platform.clock.startTimer(tickIntervalMs(socketCount) / parts, () => {
      this.#tickScheduled = false;
      this.#tickPart = (this.#tickPart + 1) % parts;
      if (this.#tickPart === 0) this.#refreshCounts();
      this.#flushUnsentEvents();
      const all = this.#fanout.sendTick(this.#counts, this.#scaler.shards, parts, this.platform.clock.nowMs());
      // A shard was busy, or is behind: it is told with the next call.
      if (!all || this.#tickPart > 0) this.#scheduleTick();
    });
  }

  /** Sums up who watches and what was tapped, keeps that, and tells it from now on. */
  #refreshCounts(): void {
    if (this.#reactionsChanged) this.#saveTotals(this.platform.clock.nowMs());
    this.#reactionsChanged = false;
    this.#counts = this.#audience.counts(this.platform.clock.nowMs());
    this.#domainEvents.recordPeak(this.#counts.peak);
  }

  /** Puts what is fresh where the shards are told from. */
  #flushUnsentEvents(): void {
    this.#unsentEvents.flushTo(this.#fanout.recentEvents, this.platform.clock.nowMs());
  }

  /** Takes up what was stored before memory was lost. */
  #restore(latest: readonly RoomEvent[], facts: readonly StateEntry[], shards: readonly RoomChildId[]): void {
    for (const fact of facts) this.#state.apply(fact);
    for (const event of latest) this.#recentMessages.applyEvent(event);
    this.#fanout.restore(latest, this.#head);
    // The shards have all of it, unless the room was lost in the middle of a tick: they are asked.
    // Of the first shard nothing is kept before there is something to keep.
    for (const shard of new Set([FIRST_SHARD_ID, ...shards])) this.#fanout.addShard(shard, false);
    if (shards.length > 0) this.#scheduleTick();
  }

  #saveTotals(nowMs: number): void {
    this.#totalsSavedMs = nowMs;
    this.#store.setTotals(this.#audience.totals);
  }
}
