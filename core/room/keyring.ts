/**
 * Keyrings: the objects that hold the key of each subject in each room, and so the index of the rooms of a subject. There
 * are a few per jurisdiction; a subject's hash selects its keyring, and so does the tag by which a room knows
 * the subject.
 */

import { hash32 } from "../kit/hash.ts";
import { type Jurisdiction, jurisdictionObjectName } from "./object-names.ts";

/** Limits of keyrings, each with its reason. */
export const KEYRING_LIMITS = {
  /** Keyrings of a jurisdiction; final, for subjects are found by it. Each sustains some 500 calls/s and 10 GB. */
  keyrings: 32,
  /** Subjects or tags in one call: a call of some 100 kB. */
  itemsPerCall: 1_000,
  /** Rooms notified of an erasure concurrently: an object has six connections. */
  concurrentErasureCalls: 6,
  /** A room that could not be notified of an erasure is notified again after this time. */
  erasureRetryMs: 60_000,
  /** Released keys are wiped from the disk within this time, in one pass. */
  wipeMs: 3_600_000,
  /** The platform can restore an object's storage to any point of this time: 30 days. */
  recoveryMs: 2_592_000_000,
} as const;

/** A subject's key in one room: 256 bits, and the tag by which the room's storage names it. */
export interface TaggedKey {
  readonly tag: string;
  readonly key: Uint8Array;
}

/** The progress of an erasure: how many rooms had data, and how many of them have not yet dropped derived data. */
export interface ErasureStatus {
  readonly atMs: number;
  readonly rooms: number;
  readonly pending: number;
}

/** The calls of rooms to a keyring. */
export interface KeyringRpc {
  /** The keys of these subjects in a room, in order; missing ones are created and stored before the answer. */
  keysOf(room: string, subjects: readonly string[]): Promise<readonly TaggedKey[]>;
  /** The keys of these tags, in order; null: the key was destroyed. */
  keysOfTags(tags: readonly string[]): Promise<readonly (Uint8Array | null)[]>;
  /** Releases keys: the room has no data left under these tags. */
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

/** A tag that maps to the keyring; `random` is in base64url. */
export function makeKeyTag(index: number, random: string): string {
  return `${index}.${random}`;
}

/** The index of the keyring that created a tag. */
export function keyringIndexOfTag(tag: string): number {
  return Number(tag.slice(0, tag.indexOf(".")));
}
