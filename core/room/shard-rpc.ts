/** What the room and its shards tell each other. */

import type { RoomChildId } from "./child-ids.ts";
import type { CommandEnvelope } from "./commands/index.ts";
import type { StateEntry } from "./entries/index.ts";
import type { RoomCounts } from "./events.ts";
import type { Participant } from "./participants.ts";
import type { CommandOutcome, EventRange } from "./room-protocol.ts";
import type { StaffNote } from "./staff-messages.ts";

/** What a shard's viewers did in a tick; taps are sums. */
export interface CommandBatch {
  readonly acts: readonly CommandEnvelope[];
  readonly likes: number;
  readonly reactions: Readonly<Record<string, number>>;
}

/** What became of the acts, in their order, all of it stored. */
export interface CommandBatchReply {
  readonly outcomes: readonly CommandOutcome[];
}

/** What happened in a tick, for one shard: events as they are shown, and what they changed. */
export interface TickBatch extends EventRange {
  readonly nowMs: number;
  readonly facts: readonly StateEntry[];
  /** The facts are all there are, not what changed. */
  readonly wholeFacts: boolean;
  /** What lies between this batch and where the shard stands can't be told any more. */
  readonly reset: boolean;
  readonly notes: readonly StaffNote[];
  readonly counts: RoomCounts;
  readonly shards: number;
  /** A shard tells this part of its viewers with each call, 1: all of them. A power of two. */
  readonly parts: number;
}

/** All that a shard without memory needs. */
export interface ShardSnapshot {
  readonly recent: EventRange;
  readonly facts: readonly StateEntry[];
  readonly counts: RoomCounts;
  readonly shards: number;
}

/** A viewer without a socket. `network`: null for one with an account. */
export interface BeaconViewer {
  readonly key: string;
  readonly countedAs: string;
  readonly network: string | null;
}

/** What a shard counted, or a relay summed up. `distinct` comes when it changed. */
export interface AudienceReport {
  readonly sockets: number;
  readonly watching: number;
  readonly distinct: Uint8Array | null;
  /** Viewers who say that they play and aren't counted: their networks have as many as count, or they show no key. */
  readonly uncounted?: number;
  /** A relay's shards, whose counts are in its own: whoever counted one of them by itself stops doing so. */
  readonly of?: readonly RoomChildId[];
}

/** How many shards the room has. */
export interface AudienceReportReply {
  readonly shards: number;
}

/** The calls of shards and relays to their room, and of shards to their relay. */
export interface RoomRpc {
  attach(child: RoomChildId): Promise<ShardSnapshot>;
  submit(submission: CommandBatch): Promise<CommandBatchReply>;
  report(child: RoomChildId, report: AudienceReport): Promise<AudienceReportReply>;
  /** Somebody whose token makes them staff has come. */
  recordStaff(viewer: Participant): Promise<void>;
  /** All events after `offset`, or null if they are too many, or no longer there. */
  eventsSince(epoch: string, offset: number): Promise<EventRange | null>;
}

/** The calls that a shard takes of its room or relay, and a relay of its room. */
export interface ShardRpc {
  /** Takes in a batch; gives the last event that the shard knows, which is before the batch if one between was lost. */
  deliver(batch: TickBatch): Promise<number>;
}
