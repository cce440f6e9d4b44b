/** Who watches at one shard: people by their playback's beats on sockets, or by beacons. */
import { Distinct } from "../../protocol/room/distinct.ts";
import { viewerKey } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { Report } from "../../protocol/room/mesh.ts";
import type { Seats } from "./seats.ts";

/** An unchanged count is told this often, well before the room stops trusting it. */
const TELL_EVERY_MS = 10_000;
/** A socket that plays but hasn't beaten for so long doesn't play any more, until it says so again. */
const FORGOTTEN_MS = 60_000;

/** The count of one shard. */
export class ShardTally {
  readonly #distinct = new Distinct();
  #distinctChanged = false;
  /** When each viewer's last beacon came. */
  readonly #beacons: Map<string, number>;
  #told: Pick<Report, "sockets" | "watching"> | null = null;
  #toldMs = 0;

  /** `beacons`: those that were kept. */
  constructor(beacons: Iterable<readonly [string, number]>) {
    this.#beacons = new Map(beacons);
  }

  /** A viewer without a socket watches. */
  beacon(key: string, nowMs: number): void {
    if (!this.#beacons.has(key) && this.#beacons.size >= ROOM_LIMITS.beacons) return;
    this.#beacons.set(key, nowMs);
  }

  /** The beacons, to be kept. */
  get beacons(): [string, number][] {
    return [...this.#beacons];
  }

  /**
   * Counts, and gives what the room must be told, or null if it knows. A viewer by beacon who doesn't belong here any more
   * counts until its next beacon, which another shard gets.
   */
  count(seats: Seats, nowMs: number, belongs: (key: string) => boolean): { report: Report | null; watching: number } {
    const people = new Set<string>();
    for (const seat of seats) {
      const beatMs = seats.lastBeatMs(seat);
      if (beatMs === null) continue;
      if (nowMs - beatMs < ROOM_LIMITS.watchedMs) people.add(viewerKey(seat.viewer));
      else if (nowMs - beatMs > FORGOTTEN_MS) seat.keep({ playMs: null });
    }
    for (const [key, atMs] of this.#beacons) {
      const lastsMs = belongs(key) ? ROOM_LIMITS.beaconCountsMs : ROOM_LIMITS.beaconMs;
      if (nowMs - atMs < lastsMs) people.add(key);
      else this.#beacons.delete(key);
    }
    for (const key of people) if (this.#distinct.add(key)) this.#distinctChanged = true;
    const now = { sockets: seats.size, watching: people.size };
    const same = this.#told?.sockets === now.sockets && this.#told.watching === now.watching;
    if (same && nowMs - this.#toldMs < TELL_EVERY_MS) return { report: null, watching: people.size };
    const distinct = this.#distinctChanged ? this.#distinct.bytes() : null;
    return { report: { ...now, distinct }, watching: people.size };
  }

  /** Whoever was told doesn't know it any more. */
  forget(): void {
    this.#told = null;
    this.#distinctChanged = true;
  }

  /** The room was told. */
  told(report: Report, nowMs: number): void {
    this.#told = { sockets: report.sockets, watching: report.watching };
    this.#toldMs = nowMs;
    if (report.distinct !== null) this.#distinctChanged = false;
  }
}
