/** A stream in the directory: what its card shows, and when it is listed. */
import type { AccessPolicy, PlaybackPolicy } from "../access/access-policy.ts";
import { activeStop } from "../access/stream-stop.ts";
import { hash32 } from "../kit/hash.ts";
import type { StreamName } from "../kit/ids.ts";
import { DIRECTORY_LIMITS } from "./directory-limits.ts";
import type { ScheduledBroadcast, StreamDetails, StreamImages, StreamProfile } from "./stream-details.ts";

/** What the Live object tells the directory of its stream. */
export interface DirectoryCard {
  readonly title: string;
  readonly host: string;
  readonly tags: readonly string[];
  readonly language: string | null;
  readonly images: StreamImages;
  readonly schedule: readonly ScheduledBroadcast[];
  readonly playback: PlaybackPolicy;
  /** The broadcast on air, or null. */
  readonly live: { readonly startedMs: number; readonly viewers: number } | null;
  /** The latest broadcast's end, ms since the epoch; null while it is on air, and before the first. */
  readonly endedMs: number | null;
}

/** One list of the directory. */
export interface DirectoryListing {
  /** By viewers, the most first. */
  readonly live: readonly ListedStream[];
  /** By time. */
  readonly upcoming: readonly ListedStream[];
  /** The latest first. */
  readonly replays: readonly ListedStream[];
}

/** A stream in a list. */
export interface ListedStream extends Omit<DirectoryCard, "schedule" | "live" | "endedMs"> {
  readonly stream: StreamName;
  readonly viewers: number;
  /** Of the list: the broadcast's start, its announced start, or its end; ms since the epoch. */
  readonly atMs: number;
}

/** Whether the directory lists a stream: what its host says, else whether everybody may watch it. Never a stopped one. */
export function isListable(details: Pick<StreamDetails, "isListed">, access: AccessPolicy, nowMs: number): boolean {
  if (activeStop(access, nowMs) !== null) return false;
  return details.isListed ?? access.playback === "public";
}

/** The card of a stream. */
export function createCard(
  { details, images }: StreamProfile,
  playback: PlaybackPolicy,
  broadcast: Pick<DirectoryCard, "live" | "endedMs">,
): DirectoryCard {
  const { title, host, tags, language, schedule } = details;
  return { title, host, tags, language, images, schedule, playback, ...broadcast };
}

/** The index of a stream's directory object. */
export function selectDirectoryShard(stream: StreamName): number {
  // Not the registry's assignment, from which it would inherit an imbalance.
  return hash32(stream, DIRECTORY_LIMITS.shards) % DIRECTORY_LIMITS.shards;
}

/** The name of a directory object. */
export const directoryObjectName = (shard: number): string => `directory/${shard}`;

/** The directory as the Live object calls it. */
export interface DirectoryReceiver {
  /** Takes a stream's card; null removes the stream. One that is older than the known one is ignored. */
  putCard(stream: StreamName, revision: number, card: DirectoryCard | null): Promise<void>;
  /** The stream is still live. False: the directory lacks this revision, and needs the card. */
  renew(stream: StreamName, revision: number, viewers: number): Promise<boolean>;
}
