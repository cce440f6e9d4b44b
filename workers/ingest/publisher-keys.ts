/** Whether a publisher's key opens its stream: known before its body is read, and asked of nobody for each wrong key. */

import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import { MembershipCache } from "../../core/access/workerd/membership-cache.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { type TokenBucket, takeTokens } from "../../core/kit/token-bucket.ts";
import { TokenBuckets } from "../../core/kit/token-buckets.ts";
import type { WaitUntilContext } from "../../core/kit/workerd/wait-until.ts";
import { isStreamRegisteredNow, registerStream } from "../access/stream-registry.ts";
import type { Env } from "../env.ts";

/** Keys as they are issued. */
const STREAM_KEY_PATTERN = /^corral_[A-Za-z0-9_-]{43}$/;

/**
 * Names that the registry lacks, and whose Live object is asked all the same for the key that came: a stream of the time
 * before the registry of which nothing was stored. Seldom, as anybody can invent a name: of one network, so that it takes
 * no other's turn, and of all together, as there are many networks.
 */
export const PROBE_RATE = { each: { perSecond: 0.2, burst: 2 }, all: { perSecond: 2, burst: 20 } } as const;

const keyHashCaches = new Map<StreamName, MembershipCache>();
/** One for each network that had its turn lately: `PROBE_RATE.all` bounds how many those are. */
const probesEach = new TokenBuckets();
let probesAll: TokenBucket | undefined;

/** Who wants to publish. */
export interface PublishClaim {
  readonly stream: StreamName;
  readonly key: string;
  readonly keyHash: string;
  /** Whose waiting and look-ups are counted together. */
  readonly actor: string;
}

/** `busy`: to be asked again. Throws where nobody can be asked. */
export async function checkStreamKey(
  env: Env,
  ctx: WaitUntilContext,
  claim: PublishClaim,
): Promise<"right" | "wrong" | "busy"> {
  const { stream, keyHash, actor } = claim;
  if (keyHashCaches.get(stream)?.hasCached(keyHash) === true) return "right";
  const registered = await isStreamRegisteredNow(env, ctx, stream, actor);
  if (registered === "busy") return "busy";
  if (!registered) return probeLiveObject(env, claim);
  const reader = {
    ctx,
    readMembers: async () => new Set(await env.LIVE.getByName(stream).keyHashes()),
  };
  const opens = await getKeyHashCache(stream).hasMemberNow(reader, keyHash, actor);
  return opens === "busy" ? "busy" : opens ? "right" : "wrong";
}

/** The Live object refused a key that was right: the stream's keys are read anew. */
export function invalidateStreamKeys(stream: StreamName): void {
  keyHashCaches.delete(stream);
}

function getKeyHashCache(stream: StreamName): MembershipCache {
  const known = keyHashCaches.get(stream) ?? new MembershipCache();
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
  { stream, key, keyHash, actor }: PublishClaim,
): Promise<"right" | "wrong" | "busy"> {
  if (!STREAM_KEY_PATTERN.test(key)) return "wrong";
  if (!mayProbe(actor, Date.now())) return "busy";
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
