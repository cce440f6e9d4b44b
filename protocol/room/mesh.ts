/** What the room and its shards tell each other. */
import type { Asked } from "./decide.ts";
import type { Counts, Viewer } from "./events.ts";
import type { Fact } from "./state.ts";
import type { Outcome, StaffNote, Stretch } from "./wire.ts";

/** What a shard's viewers did in a tick; taps are sums. */
export interface Submission {
  readonly acts: readonly Asked[];
  readonly likes: number;
  readonly reactions: Readonly<Record<string, number>>;
}

/** What became of the acts, in their order, all of it stored. */
export interface SubmissionReply {
  readonly outcomes: readonly Outcome[];
}

/** What happened in a tick, for one shard: events as they are shown, and what they changed. */
export interface Batch extends Stretch {
  readonly nowMs: number;
  readonly facts: readonly Fact[];
  /** The facts are all there are, not what changed. */
  readonly wholeFacts: boolean;
  /** What lies between this batch and where the shard stands can't be told any more. */
  readonly reset: boolean;
  readonly notes: readonly StaffNote[];
  readonly counts: Counts;
  readonly shards: number;
  /** A shard tells this part of its viewers with each call, 1: all of them. A power of two. */
  readonly parts: number;
}

/** All that a shard without memory needs. */
export interface Attachment {
  readonly recent: Stretch;
  readonly facts: readonly Fact[];
  readonly counts: Counts;
  readonly shards: number;
}

/** A viewer without a socket. `network`: null for one with an account. */
export interface BeaconViewer {
  readonly key: string;
  readonly countedAs: string;
  readonly network: string | null;
}

/** What a shard counted, or a relay summed up. `distinct` comes when it changed. */
export interface Report {
  readonly sockets: number;
  readonly watching: number;
  readonly distinct: Uint8Array | null;
  /** Viewers who say that they play and aren't counted: their networks have as many as count, or they show no key. */
  readonly uncounted?: number;
  /** A relay's shards, whose counts are in its own: whoever counted one of them by itself stops doing so. */
  readonly of?: readonly number[];
}

/** How many shards the room has. */
export interface ReportReply {
  readonly shards: number;
}

/** The calls that a room takes of its shards and relays, by the numbers of `tree.ts`; and a relay of its shards. */
export interface RoomCalls {
  attach(child: number): Promise<Attachment>;
  submit(submission: Submission): Promise<SubmissionReply>;
  report(child: number, report: Report): Promise<ReportReply>;
  /** Somebody whose token makes them staff has come. */
  meet(viewer: Viewer): Promise<void>;
  /** All events after `offset`, or null if they are too many, or no longer there. */
  since(epoch: string, offset: number): Promise<Stretch | null>;
}

/** The calls that a shard takes of its room or relay, and a relay of its room. */
export interface ShardCalls {
  /** Takes in a batch; gives the last event that the shard knows, which is before the batch if one between was lost. */
  deliver(batch: Batch): Promise<number>;
}
