/** Moves viewers of an overfull shard to the shards that the room's new shard count assigns to them. */
import type { Platform } from "../../../core/kit/clock.ts";
import { participantKey } from "../../../core/room/participants.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { shardCountPropagationMs } from "../../../core/room/room-summary.ts";
import { excessSockets, type ShardingConfig, shardIndexFor } from "../../../core/room/sharding.ts";
import type { Connections } from "./connections.ts";

/** The rebalancer of one shard. It has a timer only while the shard is overfull. */
export class Rebalancer {
  readonly #connections: Connections;
  readonly #index: number;
  readonly #sharding: ShardingConfig;
  readonly #platform: Platform;
  #shards = 1;
  #resizedMs = 0;
  #scheduled = false;
  /** Every viewer of this shard belongs to it. */
  #balanced = false;

  constructor(connections: Connections, index: number, sharding: ShardingConfig, platform: Platform) {
    this.#connections = connections;
    this.#index = index;
    this.#sharding = sharding;
    this.#platform = platform;
  }

  /** Sets the room's shard count. */
  setShardCount(shards: number): void {
    if (shards !== this.#shards) {
      this.#shards = shards;
      this.#resizedMs = this.#platform.clock.nowMs();
      this.#balanced = false;
    }
    this.schedule();
  }

  /** Schedules a move if the shard is overfull. */
  schedule(): void {
    if (this.#scheduled || this.#balanced || this.#excess === 0) return;
    this.#scheduled = true;
    const { clock, random } = this.#platform;
    clock.startTimer(ROOM_LIMITS.rebalanceEveryMs * (0.5 + random()), () => {
      this.#scheduled = false;
      this.#moveExcess(clock.nowMs());
      this.schedule();
    });
  }

  get #excess(): number {
    return excessSockets(this.#index, this.#shards, this.#connections.size, this.#sharding);
  }

  #moveExcess(nowMs: number): void {
    // Until every gateway knows the new shard count, moved viewers would return to this shard.
    if (nowMs - this.#resizedMs < shardCountPropagationMs(this.#shards)) return;
    const limit = Math.min(ROOM_LIMITS.rebalanceBatch, this.#excess);
    let moved = 0;
    for (const connection of this.#connections) {
      if (moved === limit) return;
      if (shardIndexFor(participantKey(connection.viewer), this.#shards) === this.#index) continue;
      connection.close("moved");
      moved += 1;
    }
    this.#balanced = moved < limit;
  }
}
