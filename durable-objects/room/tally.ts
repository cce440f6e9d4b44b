/** Who watches at one shard: people by their playback's beats on sockets, or by beacons. */
import { countCrowd, countedAtShard, type Playing } from "../../protocol/room/crowd-count.ts";
import { Distinct } from "../../protocol/room/distinct.ts";
import { viewerKey } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { BeaconViewer, Report } from "../../protocol/room/mesh.ts";
import { shardOf } from "../../protocol/room/shards.ts";
import type { Seats } from "./seats.ts";

/** An unchanged count is told this often, well before the room stops trusting it. */
const TELL_EVERY_MS = 10_000;
/** A socket that plays but hasn't beaten for so long doesn't play any more, until it says so again. */
const FORGOTTEN_MS = 60_000;

/** A beacon as it is kept, with when it came. */
export type KeptBeacon = BeaconViewer & { readonly atMs: number };

/** Which of how many shards counts. */
export interface ShardPlace {
  readonly index: number;
  readonly shards: number;
}

/** The count of one shard. */
export class ShardTally {
  readonly #distinct = new Distinct();
  #distinctChanged = false;
  /** Each viewer's last beacon. */
  readonly #beacons = new Map<string, KeptBeacon>();
  /** Beacons of each network, and under null of those with an account. */
  readonly #held = new Map<string | null, number>();
  /** Viewers by beacon whose networks have as many as count, since the last count. */
  readonly #refused = new Set<string>();
  #told: Pick<Report, "sockets" | "watching" | "uncounted"> | null = null;
  #toldMs = 0;

  /** `beacons`: those that were kept. */
  constructor(beacons: Iterable<KeptBeacon>) {
    for (const beacon of beacons) this.#hold(beacon);
  }

  /** A viewer without a socket watches, at one of `shards`. */
  beacon(viewer: BeaconViewer, shards: number, nowMs: number): void {
    const { key, network } = viewer;
    if (!this.#beacons.has(key) && !this.#hasPlaceFor(network, shards)) {
      if (this.#refused.size < ROOM_LIMITS.beacons) this.#refused.add(key);
      return;
    }
    this.#drop(key);
    this.#hold({ ...viewer, atMs: nowMs });
  }

  /** The beacons, to be kept. */
  get beacons(): KeptBeacon[] {
    return [...this.#beacons.values()];
  }

  /**
   * Counts, and gives what the room must be told, or null if it knows. A viewer by beacon who doesn't belong here any more
   * counts until its next beacon, which another shard gets.
   */
  count(seats: Seats, nowMs: number, place: ShardPlace): { report: Report | null; watching: number } {
    const crowd = countCrowd([...this.#onSockets(seats, nowMs), ...this.#byBeacon(nowMs, place)], place.shards);
    const uncounted = crowd.uncounted + this.#refused.size;
    this.#refused.clear();
    for (const name of crowd.counted.values()) if (this.#distinct.add(name)) this.#distinctChanged = true;
    const watching = crowd.counted.size;
    const now = { sockets: seats.size, watching, uncounted };
    const told = this.#told;
    const same = told?.sockets === now.sockets && told.watching === watching && told.uncounted === uncounted;
    if (same && nowMs - this.#toldMs < TELL_EVERY_MS) return { report: null, watching };
    const distinct = this.#distinctChanged ? this.#distinct.bytes() : null;
    return { report: { ...now, distinct }, watching };
  }

  /** Whoever was told doesn't know it any more. */
  forget(): void {
    this.#told = null;
    this.#distinctChanged = true;
  }

  /** The room was told. */
  told(report: Report, nowMs: number): void {
    const { sockets, watching, uncounted = 0 } = report;
    this.#told = { sockets, watching, uncounted };
    this.#toldMs = nowMs;
    if (report.distinct !== null) this.#distinctChanged = false;
  }

  *#onSockets(seats: Seats, nowMs: number): Generator<Playing> {
    for (const seat of seats) {
      const beatMs = seats.lastBeatMs(seat);
      if (beatMs === null) continue;
      const { viewer } = seat;
      if (nowMs - beatMs < ROOM_LIMITS.watchedMs) {
        const network = viewer.subject === null ? viewer.address : null;
        yield { key: viewerKey(viewer), countedAs: viewer.countedAs, network };
      } else if (nowMs - beatMs > FORGOTTEN_MS) seat.keep({ playMs: null });
    }
  }

  *#byBeacon(nowMs: number, { index, shards }: ShardPlace): Generator<Playing> {
    for (const { key, countedAs, network, atMs } of [...this.#beacons.values()]) {
      const lastsMs = shardOf(key, shards) === index ? ROOM_LIMITS.beaconCountsMs : ROOM_LIMITS.beaconMs;
      if (nowMs - atMs < lastsMs) yield { key, countedAs, network };
      else this.#drop(key);
    }
  }

  /** Those without an account have half of the beacons at most, and of one network no more than count. */
  #hasPlaceFor(network: string | null, shards: number): boolean {
    const { beacons } = ROOM_LIMITS;
    if (this.#beacons.size >= beacons) return false;
    if (network === null) return true;
    const anonymous = this.#beacons.size - (this.#held.get(null) ?? 0);
    return anonymous < beacons / 2 && (this.#held.get(network) ?? 0) < countedAtShard(shards);
  }

  #hold(beacon: KeptBeacon): void {
    this.#beacons.set(beacon.key, beacon);
    this.#held.set(beacon.network, (this.#held.get(beacon.network) ?? 0) + 1);
  }

  #drop(key: string): void {
    const held = this.#beacons.get(key);
    if (held === undefined) return;
    this.#beacons.delete(key);
    const left = (this.#held.get(held.network) ?? 0) - 1;
    if (left > 0) this.#held.set(held.network, left);
    else this.#held.delete(held.network);
  }
}
