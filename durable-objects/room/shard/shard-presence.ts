/** The viewers who watch at one shard, by heartbeats on sockets or by beacons. */
import { HyperLogLog } from "../../../core/kit/hyperloglog.ts";
import { hasAccount, participantKey } from "../../../core/room/participants.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import {
  anonymousViewersPerShard,
  countPlayingViewers,
  type PlayingViewer,
} from "../../../core/room/shard/playback-count.ts";
import type { AudienceReport, BeaconViewer } from "../../../core/room/shard-rpc.ts";
import { shardIndexFor } from "../../../core/room/sharding.ts";
import type { Connections } from "./connections.ts";

/** An unchanged count is reported this often, well within `reportTtlMs`. */
const REPORT_EVERY_MS = 10_000;
/** A socket without heartbeats for this long counts as stopped until its next play frame. */
const HEARTBEAT_LOST_MS = 60_000;

/** A beacon with its time of arrival. */
export type StoredBeacon = BeaconViewer & { readonly atMs: number };

/** The shard's index and the room's shard count. */
export interface ShardPosition {
  readonly index: number;
  readonly shards: number;
}

/** The presence of one shard. */
export class ShardPresence {
  readonly #distinct = new HyperLogLog();
  #distinctChanged = false;
  /** Each viewer's last beacon. */
  readonly #beacons = new Map<string, StoredBeacon>();
  /** Beacons by network; under null those of viewers with an account. */
  readonly #beaconsPerNetwork = new Map<string | null, number>();
  /** Viewers by beacon beyond the limit of their network, since the last count. */
  readonly #refusedBeacons = new Set<string>();
  #lastReported: Pick<AudienceReport, "sockets" | "watching" | "uncounted"> | null = null;
  #lastReportedMs = 0;

  /** `beacons`: the stored beacons. */
  constructor(beacons: Iterable<StoredBeacon>) {
    for (const beacon of beacons) this.#setBeacon(beacon);
  }

  /** Records a beacon of a viewer without a socket; the room has `shards`. */
  recordBeacon(viewer: BeaconViewer, shards: number, nowMs: number): void {
    const { key, network } = viewer;
    if (!this.#beacons.has(key) && !this.#acceptsBeacon(network, shards)) {
      if (this.#refusedBeacons.size < ROOM_LIMITS.beaconsPerShard) this.#refusedBeacons.add(key);
      return;
    }
    this.#deleteBeacon(key);
    this.#setBeacon({ ...viewer, atMs: nowMs });
  }

  /** The beacons, for storage. */
  get beacons(): StoredBeacon[] {
    return [...this.#beacons.values()];
  }

  /**
   * Counts who watches. `report`: for the room, or null if its last report is current. A viewer by beacon who now belongs
   * to another shard counts until its next beacon, which that shard gets.
   */
  buildReport(
    connections: Connections,
    nowMs: number,
    position: ShardPosition,
  ): { report: AudienceReport | null; watching: number } {
    const count = countPlayingViewers(
      [...this.#playingConnections(connections, nowMs), ...this.#playingBeacons(nowMs, position)],
      position.shards,
    );
    const uncounted = count.uncounted + this.#refusedBeacons.size;
    this.#refusedBeacons.clear();
    for (const countedAs of count.counted.values()) if (this.#distinct.add(countedAs)) this.#distinctChanged = true;
    const watching = count.counted.size;
    const current = { sockets: connections.size, watching, uncounted };
    const last = this.#lastReported;
    const isUnchanged = last?.sockets === current.sockets && last.watching === watching && last.uncounted === uncounted;
    if (isUnchanged && nowMs - this.#lastReportedMs < REPORT_EVERY_MS) return { report: null, watching };
    const distinct = this.#distinctChanged ? this.#distinct.toBytes() : null;
    return { report: { ...current, distinct }, watching };
  }

  /** The object above lost the last report. */
  resetReported(): void {
    this.#lastReported = null;
    this.#distinctChanged = true;
  }

  /** The object above has the report. */
  markReported(report: AudienceReport, nowMs: number): void {
    const { sockets, watching, uncounted = 0 } = report;
    this.#lastReported = { sockets, watching, uncounted };
    this.#lastReportedMs = nowMs;
    if (report.distinct !== null) this.#distinctChanged = false;
  }

  *#playingConnections(connections: Connections, nowMs: number): Generator<PlayingViewer> {
    for (const connection of connections) {
      const heartbeatMs = connections.lastHeartbeatMs(connection);
      if (heartbeatMs === null) continue;
      const { viewer } = connection;
      if (nowMs - heartbeatMs < ROOM_LIMITS.heartbeatTtlMs) {
        const network = hasAccount(viewer) ? null : viewer.address;
        yield { key: participantKey(viewer), countedAs: viewer.countedAs, network };
      } else if (nowMs - heartbeatMs > HEARTBEAT_LOST_MS) connection.updateAttachment({ playMs: null });
    }
  }

  *#playingBeacons(nowMs: number, { index, shards }: ShardPosition): Generator<PlayingViewer> {
    for (const { key, countedAs, network, atMs } of [...this.#beacons.values()]) {
      const ttlMs = shardIndexFor(key, shards) === index ? ROOM_LIMITS.beaconTtlMs : ROOM_LIMITS.beaconEveryMs;
      if (nowMs - atMs < ttlMs) yield { key, countedAs, network };
      else this.#deleteBeacon(key);
    }
  }

  /** Viewers without an account have at most half of the beacons, and a network no more than count. */
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
    const beacon = this.#beacons.get(key);
    if (beacon === undefined) return;
    this.#beacons.delete(key);
    const left = (this.#beaconsPerNetwork.get(beacon.network) ?? 0) - 1;
    if (left > 0) this.#beaconsPerNetwork.set(beacon.network, left);
    else this.#beaconsPerNetwork.delete(beacon.network);
  }
}
