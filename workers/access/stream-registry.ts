/** The registry of stream names at the gateway: nothing is created or asked of anybody for a name that nobody registered. */

import { FingerprintSet } from "../../core/access/registry/fingerprint-set.ts";
import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import { registryObjectName, selectRegistryShard } from "../../core/access/registry/registry-shards.ts";
import { type MemberSetReader, MembershipCache } from "../../core/access/workerd/membership-cache.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { WaitUntilContext } from "../../core/kit/workerd/wait-until.ts";
import type { Env } from "../env.ts";
import { deleteCachedBytes, readBytesThroughCache } from "../kit/colo-cache.ts";

const nameCaches = Array.from({ length: REGISTRY_LIMITS.shards }, () => new MembershipCache());

/** Whether a stream's name is registered, as far as is known here: a new one is known after some half a second. */
export function isStreamRegistered(env: Env, ctx: WaitUntilContext, stream: StreamName): boolean | Promise<boolean> {
  const shard = selectRegistryShard(stream);
  return getNameCache(shard).hasMember(createNameReader(env, ctx, shard), stream);
}

/**
 * Whether there may be a room of this name. `vouched`: the asker has brought a token for it, so its issuer, who is the
 * operator or acts for them, knows the stream: the name is registered then.
 */
export async function isRoomRegistered(
  env: Env,
  ctx: WaitUntilContext,
  stream: StreamName,
  hasToken: boolean,
): Promise<boolean> {
  if (await isStreamRegistered(env, ctx, stream)) return true;
  if (hasToken) await registerStream(env, stream);
  return hasToken;
}

/** Whether a stream's name is registered now; `busy`: too many ask that at once. */
export function isStreamRegisteredNow(
  env: Env,
  ctx: WaitUntilContext,
  stream: StreamName,
  actor: string,
): Promise<boolean | "busy"> {
  const shard = selectRegistryShard(stream);
  return getNameCache(shard).hasMemberNow(createNameReader(env, ctx, shard), stream, actor);
}

/** Registers a stream's name, for good. */
export async function registerStream(env: Env, stream: StreamName): Promise<void> {
  const shard = selectRegistryShard(stream);
  await env.REGISTRY.getByName(registryObjectName(shard)).register(stream);
  getNameCache(shard).addLocally(stream);
  await deleteCachedBytes(registryObjectName(shard));
}

function getNameCache(shard: number): MembershipCache {
  const set = nameCaches[shard];
  if (set === undefined) throw new RangeError(`the registry has no object ${shard}`);
  return set;
}

function createNameReader(env: Env, ctx: WaitUntilContext, shard: number): MemberSetReader {
  const name = registryObjectName(shard);
  const ask = (): Promise<Uint8Array> => env.REGISTRY.getByName(name).names();
  return {
    ctx,
    readMembers: async (newest) =>
      FingerprintSet.decode(newest ? await ask() : await readBytesThroughCache(ctx, name, REGISTRY_LIMITS.cacheS, ask)),
  };
}
