/** Sends viewers of a shard that has too many to the shards that are theirs since the room got another number of them. */
import { viewerKey } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import { settledMs } from "../../protocol/room/place.ts";
import { excessOf, type Sizing, shardOf } from "../../protocol/room/shards.ts";
import type { Seats } from "./seats.ts";

/** The mover of one shard. It has a timer only while there are too many. */
export class Mover {
  readonly #seats: Seats;
  readonly #index: number;
  readonly #sizing: Sizing;
  #shards = 1;
  #sinceMs = 0;
  #timed = false;
  /** Those who are here all belong here. */
  #done = false;

  constructor(seats: Seats, index: number, sizing: Sizing) {
    this.#seats = seats;
    this.#index = index;
    this.#sizing = sizing;
  }

  /** The room has `shards`. */
  resized(shards: number, nowMs: number): void {
    if (shards !== this.#shards) {
      this.#shards = shards;
      this.#sinceMs = nowMs;
      this.#done = false;
    }
    this.look();
  }

  /** Looks whether there are too many, and sends some away in a while. */
  look(): void {
    if (this.#timed || this.#done || this.#excess === 0) return;
    this.#timed = true;
    const jitter = 0.5 + Math.random();
    setTimeout(() => {
      this.#timed = false;
      this.#move(Date.now());
      this.look();
    }, ROOM_LIMITS.moveEveryMs * jitter);
  }

  get #excess(): number {
    return excessOf(this.#index, this.#shards, this.#seats.size, this.#sizing);
  }

  #move(nowMs: number): void {
    // Whoever is sent away before all gateways know comes back to this shard.
    if (nowMs - this.#sinceMs < settledMs(this.#shards)) return;
    const most = Math.min(ROOM_LIMITS.movedAtOnce, this.#excess);
    let moved = 0;
    for (const seat of this.#seats) {
      if (moved === most) return;
      if (shardOf(viewerKey(seat.viewer), this.#shards) === this.#index) continue;
      seat.close("moved");
      moved += 1;
    }
    this.#done = moved < most;
  }
}
