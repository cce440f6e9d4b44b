/**
 * Keyrings: the objects that hold the key of each subject in each room, which are also the index of who wrote where. There
 * are a few for each jurisdiction; a subject's hash says which one is its own, and so does the tag by which a room knows
 * the subject.
 */

import { hash32 } from "../kit/hash.ts";
import { type Jurisdiction, jurisdictionObjectName } from "./object-names.ts";

/** Bounds of keyrings, each with its reason. */
export const KEYRING_LIMITS = {
  /** Keyrings of a jurisdiction; final, for subjects are found by it. Each bears some 500 calls a second and 10 GB. */
  keyrings: 32,
  /** Subjects or tags in one call: a call of some 100 kB. */
  itemsPerCall: 1_000,
  /** Rooms that are told of an erasure at once: an object has six connections. */
  concurrentErasureCalls: 6,
  /** A room that couldn't be told of an erasure is told again after so long. */
  erasureRetryMs: 60_000,
  /** Keys that rooms give up are wiped from what the disk still has of them within so long, all in one go. */
  wipeMs: 3_600_000,
  /** The platform can bring back an object's storage as it was so long ago: 30 days. */
  recoveryMs: 2_592_000_000,
} as const;

/** A subject's key in one room: 256 bits, and the tag by which the room's storage names it. */
export interface TaggedKey {
  readonly tag: string;
  readonly key: Uint8Array;
}

/** What became of an erasure: how many rooms held something, and how many of these have yet to drop what they derived. */
export interface ErasureStatus {
  readonly atMs: number;
  readonly rooms: number;
  readonly pending: number;
}

/** The calls that rooms make to a keyring. */
export interface KeyringRpc {
  /** The keys of these subjects in a room, in their order; those that aren't there are made, and kept before this answers. */
  keysOf(room: string, subjects: readonly string[]): Promise<readonly TaggedKey[]>;
  /** The keys under these tags, in their order; null: the key was destroyed. */
  keysOfTags(tags: readonly string[]): Promise<readonly (Uint8Array | null)[]>;
  /** The room holds nothing under these tags any more. */
  release(tags: readonly string[]): Promise<void>;
}

/** The index of a subject's keyring. */
export function keyringIndexOfSubject(subject: string): number {
  return hash32(subject) % KEYRING_LIMITS.keyrings;
}

/** The object name of a keyring. */
export function keyringObjectName(index: number, jurisdiction: Jurisdiction | null): string {
  return jurisdictionObjectName(String(index), jurisdiction);
}

/** A tag that leads to the keyring; `random` is in base64url. */
export function makeKeyTag(index: number, random: string): string {
  return `${index}.${random}`;
}

/** The index of the keyring that made a tag. */
export function keyringIndexOfTag(tag: string): number {
  return Number(tag.slice(0, tag.indexOf(".")));
}
