/** Verification of stream keys without an object call for each wrong key. */
import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import { MembershipCache } from "../../core/access/workerd/membership-cache.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { type TokenBucket, takeTokens } from "../../core/kit/token-bucket.ts";
import { TokenBuckets } from "../../core/kit/token-buckets.ts";
import { isStreamRegisteredNow, registerStream } from "../access/stream-registry.ts";
import type { Env } from "../env.ts";
import type { RequestScope } from "../kit/app-env.ts";

/**
 * Rates of calls to Live objects for unregistered names: a stream older than the registry, without stored media,
 * may have the key. Anybody can invent names, so each network and all together are limited.
 */
export const PROBE_RATE = { each: { perSecond: 0.2, burst: 2 }, all: { perSecond: 2, burst: 20 } } as const;

const keyHashCaches = new Map<StreamName, MembershipCache>();
/** Buckets of networks; `PROBE_RATE.all` bounds their number. */
const probesEach = new TokenBuckets();
let probesAll: TokenBucket | undefined;

/** A publisher's claim to a stream. */
export interface PublishClaim {
  readonly stream: StreamName;
  /** The SHA-256 of a text that has the format of a key. */
  readonly keyHash: string;
  /** Its network: look-ups of one network are limited together. */
  readonly actor: string;
}

/** Whether a key belongs to the stream. `busy`: the publisher resends. Throws `UpstreamError` if no object answers. */
export async function checkStreamKey(scope: RequestScope, claim: PublishClaim): Promise<"right" | "wrong" | "busy"> {
  const { env, ctx, platform } = scope;
  const { stream, keyHash, actor } = claim;
  if (keyHashCaches.get(stream)?.hasCached(keyHash) === true) return "right";
  const registered = await isStreamRegisteredNow(scope, stream, actor);
  if (registered === "busy") return "busy";
  if (!registered) return probeLiveObject(env, claim, platform.clock.nowMs());
  const reader = { ctx, readMembers: async () => new Set(await env.LIVE.getByName(stream).keyHashes()) };
  const opens = await getKeyHashCache(stream, platform.clock).hasMemberNow(reader, keyHash, actor);
  return opens === "busy" ? "busy" : opens ? "right" : "wrong";
}

/** Drops the cached keys of a stream, after the Live object has refused one of them. */
export function invalidateStreamKeys(stream: StreamName): void {
  keyHashCaches.delete(stream);
}

function getKeyHashCache(stream: StreamName, clock: Clock): MembershipCache {
  const known = keyHashCaches.get(stream) ?? new MembershipCache(clock);
  keyHashCaches.delete(stream);
  keyHashCaches.set(stream, known);
  for (const oldest of keyHashCaches.keys()) {
    if (keyHashCaches.size <= REGISTRY_LIMITS.keySets) break;
    keyHashCaches.delete(oldest);
  }
  return known;
}

async function probeLiveObject(
  env: Env,
  { stream, keyHash, actor }: PublishClaim,
  nowMs: number,
): Promise<"right" | "wrong" | "busy"> {
  if (!mayProbe(actor, nowMs)) return "busy";
  if (!(await env.LIVE.getByName(stream).keyHashes()).includes(keyHash)) return "wrong";
  await registerStream(env, stream);
  return "right";
}

function mayProbe(actor: string, nowMs: number): boolean {
  const { bucket, ok } = takeTokens(probesAll, PROBE_RATE.all, nowMs);
  if (!ok || !probesEach.tryTake(actor, PROBE_RATE.each, nowMs)) return false;
  probesAll = bucket;
  return true;
}
