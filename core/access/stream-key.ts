/**
 * Stream keys: `corral_<id>_<secret>`, where the id is public and names the key, and the secret is derived from the edge's
 * secret. Keys of earlier releases, `corral_<secret>`, have an id in storage only.
 */
import type { Random } from "../kit/clock.ts";

/** What a key's publisher is for: `backup` may take over a broadcast whose publisher is live. */
export type StreamKeyRole = "primary" | "backup";

/** Every role. */
export const STREAM_KEY_ROLES: readonly StreamKeyRole[] = ["primary", "backup"];

/** Limits of keys, each with its reason. A request beyond one is refused with `invalid-body`. */
export const STREAM_KEY_LIMITS = {
  /** Characters of a label: one line of a list. */
  labelChars: 64,
  /** Uses of a limited key: each is a row until the key is deleted. */
  uses: 1_000,
  /** Seconds until a key expires: ten years. */
  expiryS: 315_360_000,
  /** Seconds that a rotated key stays valid: thirty days. */
  overlapS: 2_592_000,
} as const;

/** Seconds that a rotated key stays valid unless the request says otherwise: an encoder is set up anew within an hour. */
export const DEFAULT_OVERLAP_S = 3_600;

/** The id of a key: 10 of `0–9 a–z`. */
export const STREAM_KEY_ID_PATTERN: RegExp = /^[0-9a-z]{10}$/;
/** A key with an id. */
export const STREAM_KEY_PATTERN: RegExp = /^corral_[0-9a-z]{10}_[A-Za-z0-9_-]{43}$/;

const KEY_WITHOUT_ID = /^corral_[A-Za-z0-9_-]{43}$/;
const ID_CHARS = 10;
const ID_RADIX = 36;

/** A key as the edge stores it, beside the hash. Times are milliseconds since the epoch. */
export interface StreamKeyInfo {
  readonly id: string;
  readonly label: string;
  readonly role: StreamKeyRole;
  readonly createdMs: number;
  /** No session begins from then on; null: never. */
  readonly expiresMs: number | null;
  /** Sessions that may still begin; null: any number. */
  readonly usesLeft: number | null;
  /** To within a minute while a session publishes; null before the first. */
  readonly lastUsedMs: number | null;
  readonly revokedMs: number | null;
}

/** Whether a key begins sessions, or why it does not. */
export type StreamKeyState = "usable" | "expired" | "used-up" | "revoked";

/** Every state. */
export const STREAM_KEY_STATES: readonly StreamKeyState[] = ["usable", "expired", "used-up", "revoked"];

/** The state of a key at `nowMs`. */
export function streamKeyState(
  { revokedMs, expiresMs, usesLeft }: Pick<StreamKeyInfo, "revokedMs" | "expiresMs" | "usesLeft">,
  nowMs: number,
): StreamKeyState {
  if (revokedMs !== null) return "revoked";
  if (expiresMs !== null && nowMs >= expiresMs) return "expired";
  return usesLeft === 0 ? "used-up" : "usable";
}

/** Whether a text can be a key of this edge, of any release. */
export const isStreamKeyFormat = (text: string): boolean => STREAM_KEY_PATTERN.test(text) || KEY_WITHOUT_ID.test(text);

/** A key as its publisher sends it. `secret`: 43 characters of base64url. */
export const formatStreamKey = (id: string, secret: string): string => `corral_${id}_${secret}`;

/** A new id. It names a key and proves nothing, so any source of randomness does. */
export function createStreamKeyId(random: Random): string {
  return Array.from({ length: ID_CHARS }, () => Math.floor(random() * ID_RADIX).toString(ID_RADIX)).join("");
}
