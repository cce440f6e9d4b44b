/** What the room tells its shards: one call at a time to each, from where that shard stands. */
import type { Counts, RoomEvent } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { Batch, ShardCalls } from "../../protocol/room/mesh.ts";
import type { Ring } from "../../protocol/room/ring.ts";
import { type Fact, factName, isPublic, type RoomState } from "../../protocol/room/state.ts";
import type { StaffNote, Stretch } from "../../protocol/room/wire.ts";

/** A shard as the room knows it: it stands at `head`, which is a guess until it has said so. */
interface Place {
  stub: ShardCalls;
  head: number;
  sure: boolean;
  /** Revision of the access that it was told; -1 before it was. */
  access: number;
  busy: boolean;
  told: string;
  /** For those who moderate there, yet to be told. */
  notes: StaffNote[];
  failures: number;
}

/** A shard that failed so many times in a row is left out until it calls the room again. */
const MOST_FAILURES = 20;

/** The children of a room, or the shards of a relay. */
export class Broadcaster {
  readonly ring: Ring;
  readonly #stub: (shard: number) => ShardCalls;
  readonly #underway = new Set<Promise<void>>();
  readonly #places = new Map<number, Place>();
  /** All that holds, as shards know it, and what changed after `#factsFrom`. */
  readonly #state: RoomState;
  #factsFrom: number;
  #changes: { readonly offset: number; readonly fact: Fact }[] = [];

  /** `stub`: how a child is reached. */
  constructor(stub: (shard: number) => ShardCalls, ring: Ring, state: RoomState) {
    this.#stub = stub;
    this.ring = ring;
    this.#state = state;
    this.#factsFrom = ring.head;
  }

  /** The ring is what it was before the room's memory was lost; what changed until then is not known. */
  restored(events: readonly RoomEvent[], to: number): void {
    this.ring.add({ epoch: this.ring.epoch, from: this.ring.head, to, events, unseen: 0 });
    this.#factsFrom = this.ring.head;
  }

  /** What is yet to be told of these facts, and of a pinned message at one of the offsets, is not told any more. */
  forget(facts: readonly Fact[], offsets: readonly number[]): void {
    const gone = new Set(facts.map(factName));
    this.#changes = this.#changes.filter(({ fact }) => {
      const pinned = fact.of === "pin" && fact.value !== null && offsets.includes(fact.value.offset);
      return !pinned && !gone.has(factName(fact));
    });
    for (const place of this.#places.values()) {
      place.notes = place.notes.filter(
        (note) => note.kind !== "held" || !gone.has(factName({ of: "held", key: note.held.id })),
      );
    }
  }

  /** Whether a shard takes part that has called or answered. */
  get occupied(): boolean {
    return [...this.#places.values()].some(({ sure }) => sure);
  }

  /** A shard takes part that stands where the ring does; not `sure`: it may be that it doesn't. */
  join(shard: number, sure: boolean): void {
    const { head } = this.ring;
    const known = this.#places.get(shard);
    // A shard that took part from its attachment has the access that held then.
    const access = sure ? this.#state.access.revision : -1;
    if (known !== undefined) {
      known.access = access;
      known.head = head;
      known.sure = sure;
      known.failures = 0;
      return;
    }
    const stub = this.#stub(shard);
    this.#places.set(shard, { stub, head, access, sure, busy: false, told: "", notes: [], failures: 0 });
  }

  /** A shard called: it takes part, whatever the room remembers. */
  heard(shard: number): void {
    const known = this.#places.get(shard);
    if (known === undefined) this.join(shard, false);
    else known.failures = 0;
  }

  /** A shard has nobody to tell any more; whether it took part. */
  leave(shard: number): boolean {
    return this.#places.delete(shard);
  }

  /** Waits until all calls that are under way have ended, well or not. */
  async idle(): Promise<void> {
    await Promise.all(this.#underway);
  }

  /** Facts changed with the event at `offset`; those who moderate are told `notes`. */
  changed(offset: number, facts: readonly Fact[], notes: readonly StaffNote[]): void {
    for (const fact of facts) if (isPublic(fact)) this.#changes.push({ offset, fact });
    if (notes.length > 0) for (const place of this.#places.values()) place.notes.push(...notes);
    const excess = this.#changes.length - ROOM_LIMITS.ringEvents;
    if (excess <= 0) return;
    this.#factsFrom = this.#changes[excess - 1]?.offset ?? this.#factsFrom;
    this.#changes = this.#changes.slice(excess);
  }

  /** Tells each shard what it lacks, for one of `parts` of its viewers; whether all shards were told before. */
  send(counts: Counts, shards: number, parts: number, nowMs: number): boolean {
    const told = JSON.stringify([counts, shards]);
    const { revision } = this.#state.access;
    let all = true;
    for (const [shard, place] of this.#places) {
      const knows = place.sure && place.head === this.ring.head && place.access === revision;
      const upToDate = knows && place.told === told && place.notes.length === 0;
      if (upToDate || place.failures >= MOST_FAILURES) continue;
      all = false;
      if (place.busy) continue;
      place.busy = true;
      const { notes } = place;
      place.notes = [];
      const call = this.#deliver(shard, place, { ...this.#batch(place), notes, counts, shards, parts, nowMs }, told);
      this.#underway.add(call);
      void call.finally(() => this.#underway.delete(call));
    }
    return all;
  }

  async #deliver(shard: number, place: Place, batch: Batch, told: string): Promise<void> {
    const { revision } = this.#state.access;
    try {
      place.head = await place.stub.deliver(batch);
      place.sure = true;
      place.told = told;
      // What didn't join on to what the shard knows was left, notes and all.
      if (place.head < batch.to) place.notes.unshift(...batch.notes);
      else place.access = revision;
      place.failures = 0;
    } catch (error) {
      // The shard may have taken it in or not: it is told again, and what it has it leaves out.
      place.failures += 1;
      place.notes.unshift(...batch.notes);
      if (place.failures === MOST_FAILURES) console.warn(`shard ${shard} doesn't answer`, error);
      place.stub = this.#stub(shard);
    } finally {
      place.busy = false;
    }
  }

  #batch({ head, sure, access }: Place): Stretch & Pick<Batch, "facts" | "wholeFacts" | "reset"> {
    const known = this.ring.since(head);
    const { ring } = this;
    const stretch = known ?? { epoch: ring.epoch, from: ring.head, to: ring.head, events: [], unseen: 0 };
    if (!sure || known === null || head < this.#factsFrom) {
      return { ...stretch, facts: this.#state.publicFacts(), wholeFacts: true, reset: known === null };
    }
    const facts = this.#changes.filter(({ offset }) => offset > head).map(({ fact }) => fact);
    // It changes beside the events, so no offset tells who knows of it.
    if (access !== this.#state.access.revision) facts.push({ of: "access", key: "", value: this.#state.access });
    return { ...stretch, facts, wholeFacts: false, reset: false };
  }
}
