/** Sends viewers of a shard that has too many to the shards that are theirs since the room got another number of them. */
import { participantKey } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { shardCountPropagationMs } from "../../../core/room/room-summary.ts";
import { excessSockets, type ShardingConfig, shardIndexFor } from "../../../core/room/sharding.ts";
import type { Connections } from "./connections.ts";

/** The mover of one shard. It has a timer only while there are too many. */
export class Rebalancer {
  readonly #connections: Connections;
  readonly #index: number;
  readonly #sizing: ShardingConfig;
  #shards = 1;
  #resizedMs = 0;
  #scheduled = false;
  /** Those who are here all belong here. */
  #balanced = false;

  constructor(seats: Connections, index: number, sizing: ShardingConfig) {
    this.#connections = seats;
    this.#index = index;
    this.#sizing = sizing;
  }

  /** The room has `shards`. */
  setShardCount(shards: number, nowMs: number): void {
    if (shards !== this.#shards) {
      this.#shards = shards;
      this.#resizedMs = nowMs;
      this.#balanced = false;
    }
    this.schedule();
  }

  /** Looks whether there are too many, and sends some away in a while. */
  schedule(): void {
    if (this.#scheduled || this.#balanced || this.#excess === 0) return;
    this.#scheduled = true;
    const jitter = 0.5 + Math.random();
    setTimeout(() => {
      this.#scheduled = false;
      this.#moveExcess(Date.now());
      this.schedule();
    }, ROOM_LIMITS.rebalanceEveryMs * jitter);
  }

  get #excess(): number {
    return excessSockets(this.#index, this.#shards, this.#connections.size, this.#sizing);
  }

  #moveExcess(nowMs: number): void {
    // Whoever is sent away before all gateways know comes back to this shard.
    if (nowMs - this.#resizedMs < shardCountPropagationMs(this.#shards)) return;
    const most = Math.min(ROOM_LIMITS.rebalanceBatch, this.#excess);
    let moved = 0;
    for (const seat of this.#connections) {
      if (moved === most) return;
      if (shardIndexFor(participantKey(seat.viewer), this.#shards) === this.#index) continue;
      seat.close("moved");
      moved += 1;
    }
    this.#balanced = moved < most;
  }
}
