/** Who watches at one shard: people by their playback's beats on sockets, or by beacons. */

import { HyperLogLog } from "../../../core/kit/hyperloglog.ts";
import { participantKey } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import {
  anonymousViewersPerShard,
  countPlayingViewers,
  type PlayingViewer,
} from "../../../core/room/shard/playback-count.ts";
import type { AudienceReport, BeaconViewer } from "../../../core/room/shard-rpc.ts";
import { shardIndexFor } from "../../../core/room/sharding.ts";
import type { Connections } from "./connections.ts";

/** An unchanged count is told this often, well before the room stops trusting it. */
const REPORT_EVERY_MS = 10_000;
/** A socket that plays but hasn't beaten for so long doesn't play any more, until it says so again. */
const HEARTBEAT_LOST_MS = 60_000;

/** A beacon as it is kept, with when it came. */
export type StoredBeacon = BeaconViewer & { readonly atMs: number };

/** Which of how many shards counts. */
export interface ShardPosition {
  readonly index: number;
  readonly shards: number;
}

/** The count of one shard. */
export class ShardPresence {
  readonly #distinct = new HyperLogLog();
  #distinctChanged = false;
  /** Each viewer's last beacon. */
  readonly #beacons = new Map<string, StoredBeacon>();
  /** Beacons of each network, and under null of those with an account. */
  readonly #beaconsPerNetwork = new Map<string | null, number>();
  /** Viewers by beacon whose networks have as many as count, since the last count. */
  readonly #refusedBeacons = new Set<string>();
  #lastReported: Pick<AudienceReport, "sockets" | "watching" | "uncounted"> | null = null;
  #lastReportedMs = 0;

  /** `beacons`: those that were kept. */
  constructor(beacons: Iterable<StoredBeacon>) {
    for (const beacon of beacons) this.#setBeacon(beacon);
  }

  /** A viewer without a socket watches, at one of `shards`. */
  recordBeacon(viewer: BeaconViewer, shards: number, nowMs: number): void {
    const { key, network } = viewer;
    if (!this.#beacons.has(key) && !this.#acceptsBeacon(network, shards)) {
      if (this.#refusedBeacons.size < ROOM_LIMITS.beaconsPerShard) this.#refusedBeacons.add(key);
      return;
    }
    this.#deleteBeacon(key);
    this.#setBeacon({ ...viewer, atMs: nowMs });
  }

  /** The beacons, to be kept. */
  get beacons(): StoredBeacon[] {
    return [...this.#beacons.values()];
  }

  /**
   * Counts, and gives what the room must be told, or null if it knows. A viewer by beacon who doesn't belong here any more
   * counts until its next beacon, which another shard gets.
   */
  buildReport(
    seats: Connections,
    nowMs: number,
    place: ShardPosition,
  ): { report: AudienceReport | null; watching: number } {
    const crowd = countPlayingViewers(
      [...this.#playingConnections(seats, nowMs), ...this.#playingBeacons(nowMs, place)],
      place.shards,
    );
    const uncounted = crowd.uncounted + this.#refusedBeacons.size;
    this.#refusedBeacons.clear();
    for (const name of crowd.counted.values()) if (this.#distinct.add(name)) this.#distinctChanged = true;
    const watching = crowd.counted.size;
    const now = { sockets: seats.size, watching, uncounted };
    const told = this.#lastReported;
    const same = told?.sockets === now.sockets && told.watching === watching && told.uncounted === uncounted;
    if (same && nowMs - this.#lastReportedMs < REPORT_EVERY_MS) return { report: null, watching };
    const distinct = this.#distinctChanged ? this.#distinct.toBytes() : null;
    return { report: { ...now, distinct }, watching };
  }

  /** Whoever was told doesn't know it any more. */
  resetReported(): void {
    this.#lastReported = null;
    this.#distinctChanged = true;
  }

  /** The room was told. */
  markReported(report: AudienceReport, nowMs: number): void {
    const { sockets, watching, uncounted = 0 } = report;
    this.#lastReported = { sockets, watching, uncounted };
    this.#lastReportedMs = nowMs;
    if (report.distinct !== null) this.#distinctChanged = false;
  }

  *#playingConnections(seats: Connections, nowMs: number): Generator<PlayingViewer> {
    for (const seat of seats) {
      const beatMs = seats.lastHeartbeatMs(seat);
      if (beatMs === null) continue;
      const { viewer } = seat;
      if (nowMs - beatMs < ROOM_LIMITS.heartbeatTtlMs) {
        const network = viewer.subject === null ? viewer.address : null;
        yield { key: participantKey(viewer), countedAs: viewer.countedAs, network };
      } else if (nowMs - beatMs > HEARTBEAT_LOST_MS) seat.updateAttachment({ playMs: null });
    }
  }

  *#playingBeacons(nowMs: number, { index, shards }: ShardPosition): Generator<PlayingViewer> {
    for (const { key, countedAs, network, atMs } of [...this.#beacons.values()]) {
      const lastsMs = shardIndexFor(key, shards) === index ? ROOM_LIMITS.beaconTtlMs : ROOM_LIMITS.beaconEveryMs;
      if (nowMs - atMs < lastsMs) yield { key, countedAs, network };
      else this.#deleteBeacon(key);
    }
  }

  /** Those without an account have half of the beacons at most, and of one network no more than count. */
  #acceptsBeacon(network: string | null, shards: number): boolean {
    const { beaconsPerShard } = ROOM_LIMITS;
    if (this.#beacons.size >= beaconsPerShard) return false;
    if (network === null) return true;
    const anonymous = this.#beacons.size - (this.#beaconsPerNetwork.get(null) ?? 0);
    return (
      anonymous < beaconsPerShard / 2 && (this.#beaconsPerNetwork.get(network) ?? 0) < anonymousViewersPerShard(shards)
    );
  }

  #setBeacon(beacon: StoredBeacon): void {
    this.#beacons.set(beacon.key, beacon);
    this.#beaconsPerNetwork.set(beacon.network, (this.#beaconsPerNetwork.get(beacon.network) ?? 0) + 1);
  }

  #deleteBeacon(key: string): void {
    const held = this.#beacons.get(key);
    if (held === undefined) return;
    this.#beacons.delete(key);
    const left = (this.#beaconsPerNetwork.get(held.network) ?? 0) - 1;
    if (left > 0) this.#beaconsPerNetwork.set(held.network, left);
    else this.#beaconsPerNetwork.delete(held.network);
  }
}
