/** RPC messages between the room, its relays and its shards. */

import type { RoomChildId } from "./child-ids.ts";
import type { CommandEnvelope } from "./commands/index.ts";
import type { StateEntry } from "./entries/index.ts";
import type { RoomCounts } from "./events.ts";
import type { Participant } from "./participants.ts";
import type { CommandOutcome, EventRange } from "./room-protocol.ts";
import type { StaffNote } from "./staff-messages.ts";

/** The commands and reactions of a shard's viewers in a batch; reactions are sums. */
export interface CommandBatch {
  readonly acts: readonly CommandEnvelope[];
  readonly likes: number;
  readonly reactions: Readonly<Record<string, number>>;
}

/** The outcomes of the commands, in order, all of them stored. */
export interface CommandBatchReply {
  readonly outcomes: readonly CommandOutcome[];
}

/** The events of a tick for one shard, as displayed, and the state changes. */
export interface TickBatch extends EventRange {
  readonly nowMs: number;
  readonly facts: readonly StateEntry[];
  /** The entries are the complete state, not changes. */
  readonly wholeFacts: boolean;
  /** Events between this batch and the shard's position are no longer available. */
  readonly reset: boolean;
  readonly notes: readonly StaffNote[];
  readonly counts: RoomCounts;
  readonly shards: number;
  /** A shard sends this part of its viewers' frames with each call, 1: all of them. A power of two. */
  readonly parts: number;
}

/** The snapshot for a shard without memory. */
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

/** The counts of a shard, or the sums of a relay. `distinct` is present if it changed. */
export interface AudienceReport {
  readonly sockets: number;
  readonly watching: number;
  readonly distinct: Uint8Array | null;
  /** Viewers that report playback and are not counted: their networks are at the limit, or they have no valid device key. */
  readonly uncounted?: number;
  /** A relay's shards, whose counts are part of its own: a former parent drops them. */
  readonly of?: readonly RoomChildId[];
}

/** The room's number of shards. */
export interface AudienceReportReply {
  readonly shards: number;
}

/** The calls of shards and relays to their room, and of shards to their relay. */
export interface RoomRpc {
  attach(child: RoomChildId): Promise<ShardSnapshot>;
  submit(submission: CommandBatch): Promise<CommandBatchReply>;
  report(child: RoomChildId, report: AudienceReport): Promise<AudienceReportReply>;
  /** A staff member with a token has joined. */
  recordStaff(viewer: Participant): Promise<void>;
  /** All events after `offset`, or null if they are too many or no longer available. */
  eventsSince(epoch: string, offset: number): Promise<EventRange | null>;
}

/** The calls of a room or relay to a shard, and of a room to a relay. */
export interface ShardRpc {
  /** Applies a batch; returns the last event that the shard has, which is before the batch if one in between was lost. */
  deliver(batch: TickBatch): Promise<number>;
}
