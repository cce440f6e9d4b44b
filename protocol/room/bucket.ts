/** Rate limits: token buckets as values, and how much each role may do. */
import { isStaff, type Role } from "./events.ts";

/** How fast a bucket fills, and how much it holds. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A bucket: what was in it, and when. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** Takes `cost` out at `nowMs`: the bucket afterwards, and whether there was enough (if not, nothing is taken). */
export function take(bucket: Bucket | undefined, rate: Rate, nowMs: number, cost = 1): { bucket: Bucket; ok: boolean } {
  const passedS = bucket === undefined ? 0 : Math.max(0, nowMs - bucket.atMs) / 1_000;
  const tokens = bucket === undefined ? rate.burst : Math.min(rate.burst, bucket.tokens + passedS * rate.perSecond);
  const ok = tokens >= cost;
  return { bucket: { tokens: ok ? tokens - cost : tokens, atMs: Math.max(nowMs, bucket?.atMs ?? nowMs) }, ok };
}

/** Whether a bucket is full again by `nowMs`: it says nothing that a missing one wouldn't. */
export function isFull(bucket: Bucket, rate: Rate, nowMs: number): boolean {
  return bucket.tokens + (Math.max(0, nowMs - bucket.atMs) / 1_000) * rate.perSecond >= rate.burst;
}

/** Messages of a person: a fast writer needs one in two seconds; those who moderate act in bursts. */
export function actRate(roles: readonly Role[]): Rate {
  if (isStaff(roles)) return { perSecond: 20, burst: 100 };
  if (roles.includes("verified") || roles.includes("subscriber")) return { perSecond: 1, burst: 8 };
  return { perSecond: 0.5, burst: 5 };
}

/** Acts of a person beyond its rate that the room is asked about, as they may be known: as many as a client has waiting. */
export const AGAIN_RATE: Rate = { perSecond: 0.5, burst: 50 };

/** Likes and reactions of a person: fast tapping. */
export const TAP_RATE: Rate = { perSecond: 15, burst: 60 };

/** Frames of one socket, whatever they are; one that sends more is closed. */
export const FRAME_RATE: Rate = { perSecond: 25, burst: 150 };
