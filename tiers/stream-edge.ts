/**
 * One stream as a node below the Live object sees it: a replica kept by feeds from above. In an isolate the viewers'
 * requests read the feed in turn: one leads inside its `waitUntil` and hands over before that ends, all others only wait
 * to be woken. In a shield the object itself leads.
 */
import type { Access } from "../protocol/access.ts";
import type { FeedMessage } from "../protocol/broadcast/feed.ts";
import { Follower, type FollowerEvents } from "../protocol/broadcast/follower.ts";
import type { Replica } from "../protocol/broadcast/replica.ts";
import { type Place, reached } from "../protocol/broadcast/waiters.ts";
import type { StreamName, TrackName } from "../protocol/ids.ts";
import { Shares } from "../protocol/shares.ts";
import type { StreamStatus, TierName } from "../protocol/status.ts";
import { type Stop, standingStop } from "../protocol/stop.ts";
import { type Address, sameAddress } from "../protocol/tree/address.ts";
import { EDGE_LIMITS } from "../protocol/tree/limits.ts";
import { Tally } from "../protocol/tree/tally.ts";
import { memorable, type Walker, Way } from "../protocol/tree/way.ts";
import { Calls } from "./calls.ts";
import { type FeedEnd, readFeed } from "./feed-client.ts";
import type { FeedNode } from "./node.ts";
import { StreamStopped } from "./stopped.ts";

/** The part of a request's context that outlives its answer. */
export interface Lifetime {
  waitUntil(work: Promise<unknown>): void;
}

/** What others of the same place know of the way to a stream. */
export interface WayMemory {
  recall(stream: StreamName): Promise<Address | null>;
  remember(life: Lifetime, stream: StreamName, address: Address): void;
}

/** What a stream's edge needs to know. */
export interface StreamEdgeOptions {
  readonly stream: StreamName;
  readonly tier: TierName;
  readonly walker: Walker;
  readonly leadMs: number;
  readonly tailBytes: number;
  /** A node's stub, made anew for each request that uses it. */
  readonly nodes: (address: Address) => FeedNode;
  readonly memory?: WayMemory;
  /** What the replica goes through, for those who feed others. */
  readonly events?: Omit<FollowerEvents, "came">;
}

interface Lead {
  readonly startedMs: number;
  readonly want: ReadonlySet<TrackName>;
  /** All that this isolate lacked when the feed began has come. */
  caughtUp: boolean;
  /** To be relieved by the next request. */
  due: boolean;
  /** The node has begun to feed it. */
  heard: boolean;
  lastHeardMs: number;
}

/** A stream as this node sees it. */
export class StreamEdge {
  readonly stream: StreamName;
  readonly tally: Tally;
  /** Calls to the node above, beside its feed, and to R2. */
  readonly calls: { readonly above: Calls; readonly r2: Calls } = {
    above: new Calls("the tier above"),
    r2: new Calls("R2"),
  };
  readonly #options: StreamEdgeOptions;
  readonly #follower: Follower;
  readonly #way: Way;
  #lead: Lead | null = null;
  /** Leaders whose feeds have caught up. */
  readonly #live = new Set<Lead>();
  #absentUntilMs = 0;
  /** When the Live object was last heard of, by way of whatever nodes. */
  #heardMs = 0;
  #closed = false;
  #failures = 0;
  #retryAtMs = 0;
  /** The time of the latest request: reading the clock costs more than the rest of a hit's look-ups. */
  #nowMs = 0;
  #rememberedMs = Number.NEGATIVE_INFINITY;
  /** The node that feeds this one, and since when. */
  #fed: { readonly by: Address; readonly sinceMs: number } | null = null;
  readonly #wanted = new Map<TrackName, number>();
  readonly #parkedBy = new Shares(EDGE_LIMITS.parked, EDGE_LIMITS.parkedEach);
  readonly #heirs = new Set<() => void>();
  readonly #callers = new Set<() => void>();

  constructor(options: StreamEdgeOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.tally = new Tally(options.tier, options.walker.node);
    this.#way = new Way(options.walker);
    const { events } = options;
    this.#follower = new Follower(options.tailBytes, {
      came: (object) => this.tally.came(object),
      entry: (entry, bytes) => events?.entry(entry, bytes),
      bytes: (track, msn, part, bytes) => events?.bytes(track, msn, part, bytes),
      access: (access, change) => {
        if (this.stop !== null) this.#wakeParked();
        events?.access(access, change);
      },
      swapped: (replica, before) => events?.swapped(replica, before),
    });
  }

  /** Requests parked here. */
  get parked(): number {
    return this.known?.waiters.count ?? 0;
  }

  /** Requests that wait for word from a feed. */
  get awaiting(): number {
    return this.#callers.size;
  }

  /** The replica as far as this node has it, without asking. */
  get known(): Replica | null {
    return this.#follower.replica;
  }

  /** When the replica last changed, milliseconds since the epoch. */
  get changedMs(): number {
    return this.#follower.changedMs;
  }

  /** The time of the latest request that came, milliseconds since the epoch. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The stream's status as the Live object last told it, or null. */
  get status(): StreamStatus | null {
    return this.#follower.status?.status ?? null;
  }

  /** Who may watch; known where there is a replica. */
  get access(): Access {
    return this.#follower.access;
  }

  /** The stop that holds as far as this node knows, or null. */
  get stop(): Stop | null {
    const { access } = this;
    return access.stop === undefined || access.stop === null ? null : standingStop(access, Date.now());
  }

  /** For how long the Live object hasn't been heard of, ms: what it decided since isn't known here. */
  unheardMs(nowMs: number = this.#nowMs): number {
    return Math.max(0, nowMs - this.#heardMs);
  }

  /** Throws `StreamStopped` where the stream is stopped. */
  refuseStopped(): void {
    const { stop } = this;
    if (stop !== null) throw new StreamStopped(stop);
  }

  /** Whether the replica is known to be behind: nothing has come from above for a while. */
  get stale(): boolean {
    return !this.#fresh();
  }

  /** The node above, for what its feed doesn't hold. */
  get above(): { readonly address: Address; readonly node: FeedNode } {
    const { address } = this.#way;
    return { address, node: this.#options.nodes(address) };
  }

  /** Ends the feed; nothing leads any more. Requests that still have this edge are answered with what it knows. */
  close(): void {
    this.#closed = true;
    this.#call();
  }

  /**
   * The replica, kept up to date by a feed; null where the stream has never been live or nothing is known of it. At once
   * where the feed runs, else after the feed's first word.
   */
  replica(life: Lifetime): Replica | null | Promise<Replica | null> {
    this.#nowMs = Date.now();
    this.tend(life, this.#nowMs);
    return this.#fresh(this.#nowMs) ? this.known : this.#awaited(life);
  }

  async #awaited(life: Lifetime): Promise<Replica | null> {
    const deadlineMs = Date.now() + EDGE_LIMITS.helloMs;
    while (!this.#fresh() && !this.#open && !this.#closed && Date.now() < deadlineMs) {
      await this.#called(Math.min(EDGE_LIMITS.watchMs, deadlineMs - Date.now()));
      this.tend(life);
    }
    this.#nowMs = Date.now();
    return this.known;
  }

  /** Says that somebody takes this track's bytes; the feed is renewed to carry them where it doesn't. */
  want(life: Lifetime, track: TrackName, nowMs: number = this.#nowMs): void {
    this.#wanted.set(track, nowMs);
    if (this.#lead !== null && !this.#lead.want.has(track)) {
      this.#lead.due = true;
      this.tend(life);
    }
  }

  /** Waits, bounded, until the feed that carries `track` has brought what was missing. Throws `StreamStopped`. */
  async carried(life: Lifetime, track: TrackName, untilMs: number): Promise<void> {
    this.want(life, track, Date.now());
    while (this.#lead !== null && !(this.#lead.caughtUp && this.#lead.want.has(track)) && Date.now() < untilMs) {
      await this.#called(untilMs - Date.now());
      this.refuseStopped();
      this.tend(life);
    }
  }

  /**
   * Parks the request until `track` comes to `place` (true), the replica gives way or ends (true), or time is up (false).
   * `network`: whose it is, null where that isn't known; false as well where that one has parked its share. Throws
   * `StreamStopped` as soon as the stream is stopped.
   */
  async wait(
    life: Lifetime,
    replica: Replica,
    track: TrackName,
    place: Place,
    untilMs: number,
    network: string | null,
  ): Promise<boolean> {
    if (network === null) return this.#wait(life, replica, track, place, untilMs);
    if (!this.#parkedBy.take(network)) return false;
    try {
      return await this.#wait(life, replica, track, place, untilMs);
    } finally {
      this.#parkedBy.give(network);
    }
  }

  async #wait(life: Lifetime, replica: Replica, track: TrackName, place: Place, untilMs: number): Promise<boolean> {
    for (;;) {
      this.refuseStopped();
      const state = replica.track(track);
      if (this.known !== replica || replica.state.ended || state === undefined || reached(state, place)) return true;
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0 || this.#closed || replica.waiters.count >= EDGE_LIMITS.parked) return false;
      this.tend(life);
      const lookMs = EDGE_LIMITS.watchMs * Math.max(1, replica.waiters.count / EDGE_LIMITS.watchers);
      await this.#park(replica, track, place, Math.min(leftMs, lookMs * (0.75 + Math.random() / 2)));
    }
  }

  async #park(replica: Replica, track: TrackName, place: Place, waitMs: number): Promise<void> {
    let wake: () => void = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const unpark = replica.waiters.park(track, place, wake);
    this.#heirs.add(wake);
    try {
      await Promise.race([woken, scheduler.wait(waitMs)]);
    } finally {
      unpark();
      this.#heirs.delete(wake);
    }
  }

  /** Waits for word from a feed. */
  async #called(waitMs: number): Promise<void> {
    let call: () => void = () => {};
    const called = new Promise<void>((resolve) => {
      call = resolve;
    });
    this.#callers.add(call);
    try {
      await Promise.race([called, scheduler.wait(Math.max(waitMs, 0))]);
    } finally {
      this.#callers.delete(call);
    }
  }

  #fresh(now: number = Date.now()): boolean {
    for (const lead of this.#live) if (!isSuspect(lead, now)) return true;
    return this.known === null && now < this.#absentUntilMs;
  }

  /** The circuit to the nodes above is open: there is something to answer with, and waiting has not helped. */
  get #open(): boolean {
    return this.known !== null && this.#failures >= EDGE_LIMITS.openCircuit;
  }

  /** Makes this request lead where nobody does, or relieve a leader who is due. */
  tend(life: Lifetime, now: number = Date.now()): void {
    if (this.#closed) return;
    const lead = this.#lead;
    if (lead !== null && !this.#due(lead, now)) return;
    if (lead === null && (now < this.#retryAtMs || this.#fresh(now))) return;
    for (const other of this.#live) if (isSuspect(other, now)) this.#live.delete(other);
    const want = this.#wants(now);
    const next: Lead = { startedMs: now, want, caughtUp: false, due: false, heard: false, lastHeardMs: now };
    this.#lead = next;
    life.waitUntil(this.#run(life, next, lead));
  }

  #due(lead: Lead, now: number): boolean {
    if (isSuspect(lead, now)) return true;
    return lead.caughtUp && (lead.due || now - lead.startedMs > this.#options.leadMs);
  }

  #wants(now: number): Set<TrackName> {
    for (const [track, wantedMs] of this.#wanted) {
      if (now - wantedMs < EDGE_LIMITS.unwantedMs) continue;
      this.#wanted.delete(track);
      this.known?.tail.forget(track);
    }
    return new Set(this.#wanted.keys());
  }

  async #run(life: Lifetime, lead: Lead, before: Lead | null): Promise<void> {
    let end: FeedEnd = "broken";
    try {
      end = await this.#walk(life, lead, before);
    } finally {
      this.#ended(lead, end);
    }
  }

  /** Goes from node to node until one feeds, and reads that feed to its end. */
  async #walk(life: Lifetime, lead: Lead, before: Lead | null): Promise<FeedEnd> {
    const { memory, nodes } = this.#options;
    const remembered = this.#way.lost ? ((await memory?.recall(this.stream)) ?? null) : null;
    for (;;) {
      const { address, pressed } = this.#way.at(remembered, Date.now());
      const { kind, sited } = this.#way;
      this.tally.own.upstream += 1;
      const end = await readFeed(
        nodes(address),
        {
          node: this.tally.node,
          asker: { kind, pressed, sited },
          from: this.#follower.from,
          want: lead.want,
          have: before?.caughtUp === true ? before.want : new Set(),
          moving: before !== null && this.#live.has(before),
          report: this.tally.report(Date.now()),
        },
        {
          heard: () => {
            lead.lastHeardMs = Date.now();
          },
          message: (message) => this.#take(life, lead, address, message),
          carry: (report) => this.tally.take(report, Date.now()),
          refused: (report) => this.tally.giveBack(report),
          stop: () => this.#relieved(lead),
        },
      );
      if (end === "up" || end === "down") {
        if (!this.#way.sent(end, Date.now())) return "broken";
        lead.lastHeardMs = Date.now();
        continue;
      }
      if (end === "broken" && !lead.heard) this.#way.failed(Date.now());
      return end;
    }
  }

  #relieved(lead: Lead): boolean {
    if (this.#closed || (this.#lead !== lead && this.#lead?.caughtUp === true)) return true;
    return Date.now() - lead.startedMs > this.#options.leadMs + EDGE_LIMITS.graceMs;
  }

  #take(life: Lifetime, lead: Lead, address: Address, message: FeedMessage): "on" | "again" | Promise<"on" | "again"> {
    const now = Date.now();
    const { header } = message;
    if (header.kind === "hello") {
      this.#failures = 0;
      lead.heard = true;
      this.#way.served();
      if (this.#fed === null || !sameAddress(this.#fed.by, address)) this.#fed = { by: address, sinceMs: now };
      const at = this.#follower.from?.offset ?? 0;
      if (header.snapshot === undefined && header.offset > at) return this.#forerunner(header.offset);
    }
    if (header.kind === "beat") {
      this.#heardMs = Math.max(this.#heardMs, now - (header.unheardMs ?? 0));
      this.#remember(life, now);
    }
    const taken = this.#follower.take(message, now);
    if (header.kind === "beat" && !lead.caughtUp) {
      lead.caughtUp = true;
      this.#live.add(lead);
      this.#call();
    }
    return taken;
  }

  /** Waits until the feed of the leader before has brought everything up to `offset`: it was moved, and ends there. */
  async #forerunner(offset: number): Promise<"on" | "again"> {
    const untilMs = Date.now() + EDGE_LIMITS.moveMs;
    while ((this.#follower.from?.offset ?? 0) < offset && Date.now() < untilMs) {
      await this.#called(Math.min(50, untilMs - Date.now()));
    }
    return (this.#follower.from?.offset ?? 0) >= offset ? "on" : "again";
  }

  #remember(life: Lifetime, now: number): void {
    const worth = this.#fed === null ? null : memorable(this.#fed.by, now - this.#fed.sinceMs);
    if (worth === null || now - this.#rememberedMs < EDGE_LIMITS.leadMs / 2) return;
    this.#rememberedMs = now;
    this.#options.memory?.remember(life, this.stream, worth);
  }

  #ended(lead: Lead, end: FeedEnd): void {
    const now = Date.now();
    this.#live.delete(lead);
    if (this.#lead === lead) {
      this.#lead = null;
      if (end === "absent") this.#absentUntilMs = now + EDGE_LIMITS.absentMs;
      if (end === "broken") {
        this.#failures += 1;
        const most = Math.min(EDGE_LIMITS.retryMostMs, EDGE_LIMITS.retryMs * 2 ** Math.min(this.#failures - 1, 6));
        // The first retry is at once: one node's feed broke. Where every feed breaks, the second is spread.
        this.#retryAtMs = this.#failures === 1 ? 0 : now + most * Math.random();
      }
      const [heir] = this.#heirs;
      heir?.();
    }
    this.#call();
  }

  /** Everybody who waits here looks again. */
  #wakeParked(): void {
    this.known?.waiters.wakeAll();
    this.#call();
  }

  #call(): void {
    for (const call of [...this.#callers]) call();
  }
}

function isSuspect(lead: Lead, now: number): boolean {
  return now - lead.lastHeardMs > EDGE_LIMITS.suspectMs;
}
