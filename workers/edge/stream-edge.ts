/**
 * One stream in one isolate: a replica kept by a feed that the viewers' requests lead in turn. A request that leads
 * reads the feed inside its `waitUntil` and hands over before that ends; all others only wait to be woken.
 */
import type { FeedFrame } from "../../protocol/broadcast/feed.ts";
import { Replica } from "../../protocol/broadcast/replica.ts";
import { Tail } from "../../protocol/broadcast/tail.ts";
import { type Place, reached } from "../../protocol/broadcast/waiters.ts";
import type { StreamName, TrackName } from "../../protocol/ids.ts";
import { type FeedEnd, readFeed } from "./feed-client.ts";
import { Meter } from "./meter.ts";

/** The part of a request's context that outlives its answer. */
export interface Lifetime {
  waitUntil(work: Promise<unknown>): void;
}

/** Bounds in time and memory, each with its reason. */
export const EDGE_LIMITS = {
  /** A leader hands over after this long: `waitUntil` may last 30 s. */
  leadMs: 20_000,
  /** A leader whom nobody relieved stops: there are no viewers, or a successor is on its way. */
  leadEndMs: 27_000,
  /** Bytes of one stream's tail in an isolate of 128 MB. */
  tailBytes: 41_943_040,
  /** A request waits so long for the first word of a feed before it is answered with what there is. */
  helloMs: 3_000,
  /** That a stream doesn't exist is remembered so long. */
  absentMs: 1_000,
  /** That a broadcast has ended is trusted so long before its stream is asked for a newer one. */
  endedMs: 3_000,
  /** A track that nobody asked for so long is left out of the next feed. */
  unwantedMs: 30_000,
  /** A leader that heard nothing for so long may have been killed with its request: feeds beat every 500 ms. */
  suspectMs: 1_500,
  /** Parked requests look this often whether somebody leads, in case that an heir's client has gone. */
  watchMs: 1_000,
} as const;

interface Lead {
  readonly startedMs: number;
  readonly want: ReadonlySet<TrackName>;
  /** All that this isolate lacked when the feed began has come. */
  caughtUp: boolean;
  /** To be relieved by the next request. */
  due: boolean;
  lastFrameMs: number;
}

/** A stream as this isolate sees it. */
export class StreamEdge {
  readonly stream: StreamName;
  readonly meter: Meter = new Meter();
  /** When the replica last changed, milliseconds since the epoch. */
  changedMs = 0;
  #replica: Replica | null = null;
  /** A replica of a new epoch that doesn't show yet all that `#replica` shows. */
  #candidate: { readonly replica: Replica; readonly sinceMs: number } | null = null;
  #lead: Lead | null = null;
  /** Leaders whose feeds have caught up. */
  readonly #live = new Set<Lead>();
  #absentUntilMs = 0;
  #endedUntilMs = 0;
  #failures = 0;
  #retryAtMs = 0;
  readonly #wanted = new Map<TrackName, number>();
  readonly #heirs = new Set<() => void>();
  readonly #callers = new Set<() => void>();
  readonly #parent: () => Fetcher;

  /** `parent`: a stub of the node above, made anew for each request that leads. */
  constructor(stream: StreamName, parent: () => Fetcher) {
    this.stream = stream;
    this.#parent = parent;
  }

  /** Viewers' requests parked here. */
  get parked(): number {
    return this.#replica?.waiters.count ?? 0;
  }

  /** The replica as far as this isolate has it, without asking. */
  get known(): Replica | null {
    return this.#replica;
  }

  /** The replica, kept up to date by a feed; null where the stream has never been live or nothing is known of it. */
  async replica(life: Lifetime): Promise<Replica | null> {
    this.#tend(life);
    const deadlineMs = Date.now() + EDGE_LIMITS.helloMs;
    while (!this.#fresh() && Date.now() < deadlineMs) {
      await this.#called(Math.min(EDGE_LIMITS.watchMs, deadlineMs - Date.now()));
      this.#tend(life);
    }
    return this.#replica;
  }

  /** Says that a viewer takes this track's bytes; the feed is renewed to carry them where it doesn't. */
  want(life: Lifetime, track: TrackName): void {
    this.#wanted.set(track, Date.now());
    if (this.#lead !== null && !this.#lead.want.has(track)) {
      this.#lead.due = true;
      this.#tend(life);
    }
  }

  /** Waits, bounded, until the feed that carries `track` has brought what was missing. */
  async carried(life: Lifetime, track: TrackName, untilMs: number): Promise<void> {
    this.want(life, track);
    while (this.#lead !== null && !(this.#lead.caughtUp && this.#lead.want.has(track)) && Date.now() < untilMs) {
      await this.#called(untilMs - Date.now());
      this.#tend(life);
    }
  }

  /** Parks the request until `track` comes to `place` (true), the replica gives way or ends (true), or time is up (false). */
  async wait(life: Lifetime, replica: Replica, track: TrackName, place: Place, untilMs: number): Promise<boolean> {
    for (;;) {
      const state = replica.track(track);
      if (this.#replica !== replica || replica.state.ended || state === undefined || reached(state, place)) return true;
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0) return false;
      this.#tend(life);
      await this.#park(replica, track, place, Math.min(leftMs, EDGE_LIMITS.watchMs * (0.75 + Math.random() / 2)));
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

  #fresh(): boolean {
    const now = Date.now();
    for (const lead of this.#live) if (!isSuspect(lead, now)) return true;
    if (this.#replica === null) return now < this.#absentUntilMs;
    return this.#replica.state.ended && now < this.#endedUntilMs;
  }

  /** Makes this request lead where nobody does, or relieve a leader who is due. */
  #tend(life: Lifetime): void {
    const now = Date.now();
    const lead = this.#lead;
    if (lead !== null && !this.#due(lead, now)) return;
    if (lead === null && (now < this.#retryAtMs || this.#fresh())) return;
    for (const other of this.#live) if (isSuspect(other, now)) this.#live.delete(other);
    const next: Lead = { startedMs: now, want: this.#wants(now), caughtUp: false, due: false, lastFrameMs: now };
    this.#lead = next;
    life.waitUntil(this.#run(next, lead));
  }

  #due(lead: Lead, now: number): boolean {
    if (isSuspect(lead, now)) return true;
    return lead.caughtUp && (lead.due || now - lead.startedMs > EDGE_LIMITS.leadMs);
  }

  #wants(now: number): Set<TrackName> {
    for (const [track, wantedMs] of this.#wanted) {
      if (now - wantedMs < EDGE_LIMITS.unwantedMs) continue;
      this.#wanted.delete(track);
      this.#replica?.tail.forget(track);
    }
    return new Set(this.#wanted.keys());
  }

  async #run(lead: Lead, before: Lead | null): Promise<void> {
    const base = this.#candidate?.replica ?? this.#replica;
    this.meter.upstream += 1;
    const end = await readFeed(
      this.#parent(),
      {
        from: base === null ? null : { epoch: base.epoch, offset: base.offset },
        want: lead.want,
        have: before?.caughtUp === true ? before.want : new Set(),
        report: this.meter.report(Date.now()),
      },
      (frame) => this.#take(lead, frame),
      () => this.#relieved(lead),
    );
    this.#ended(lead, end);
  }

  #relieved(lead: Lead): boolean {
    if (this.#lead !== lead && this.#lead?.caughtUp === true) return true;
    return Date.now() - lead.startedMs > EDGE_LIMITS.leadEndMs;
  }

  #take(lead: Lead, { header, body }: FeedFrame): "on" | "again" {
    lead.lastFrameMs = Date.now();
    switch (header.kind) {
      case "hello": {
        this.#failures = 0;
        if (header.snapshot === undefined) return "on";
        const same = this.#replica?.config.broadcast === header.snapshot.config.broadcast ? this.#replica : null;
        const tail = same?.tail ?? new Tail(EDGE_LIMITS.tailBytes);
        this.#offer(Replica.restore(header.epoch, header.snapshot, body, tail), same);
        return "on";
      }
      case "entry": {
        const replica = this.#candidate?.replica ?? this.#replica;
        if (replica === null) return "again";
        const { entry, offset } = header;
        const carried = body.byteLength > 0 ? body : null;
        if (carried !== null && entry.kind === "part")
          this.meter.came(`${entry.track}/${entry.meta.msn}.${entry.meta.part}`);
        const applied = replica.apply(offset, entry, carried);
        if (applied === "seen" && entry.kind === "part" && carried !== null) {
          replica.tail.put(entry.track, entry.meta.msn, entry.meta.part, carried);
        }
        if (applied === "applied") this.changedMs = Date.now();
        this.#promote();
        return applied === "hole" || applied === "foreign" ? "again" : "on";
      }
      case "bytes": {
        this.meter.came(`${header.track}/${header.msn}.${header.part}`);
        (this.#candidate?.replica ?? this.#replica)?.tail.put(header.track, header.msn, header.part, body);
        return "on";
      }
      case "beat": {
        if (!lead.caughtUp) {
          lead.caughtUp = true;
          this.#live.add(lead);
          this.#call();
        }
        this.#promote();
        return "on";
      }
      case "bye":
        return "again";
    }
  }

  /** Takes a new epoch's replica: at once, or, where it shows less than what viewers have seen, as soon as it shows as much. */
  #offer(fresh: Replica, same: Replica | null): void {
    this.changedMs = Date.now();
    if (same !== null && !fresh.covers(same)) {
      this.#candidate = { replica: fresh, sinceMs: Date.now() };
      return;
    }
    this.#swap(fresh);
  }

  #promote(): void {
    if (this.#candidate === null || this.#replica === null) return;
    const { replica, sinceMs } = this.#candidate;
    const late = Date.now() - sinceMs > 3_000 * replica.config.targetDurationS;
    if (late || replica.covers(this.#replica)) this.#swap(replica);
  }

  #swap(replica: Replica): void {
    const before = this.#replica;
    this.#candidate = null;
    this.#replica = replica;
    before?.waiters.wakeAll();
  }

  #ended(lead: Lead, end: FeedEnd): void {
    const now = Date.now();
    this.#live.delete(lead);
    if (this.#lead !== lead) return;
    this.#lead = null;
    if (end === "absent") this.#absentUntilMs = now + EDGE_LIMITS.absentMs;
    if (this.#replica?.state.ended === true) this.#endedUntilMs = now + EDGE_LIMITS.endedMs;
    if (end === "broken") {
      this.#failures += 1;
      const most = Math.min(2_000, 50 * 2 ** Math.min(this.#failures - 1, 6));
      // The first retry is at once: one isolate's feed broke. Where every feed breaks, the second is spread.
      this.#retryAtMs = this.#failures === 1 ? 0 : now + most * Math.random();
    }
    const [heir] = this.#heirs;
    heir?.();
    this.#call();
  }

  #call(): void {
    for (const call of [...this.#callers]) call();
  }
}

function isSuspect(lead: Lead, now: number): boolean {
  return now - lead.lastFrameMs > EDGE_LIMITS.suspectMs;
}
