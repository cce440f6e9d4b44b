/** The registry of stream names at the gateway: an unregistered name creates nothing and causes no object call. */

import { FingerprintSet } from "../../core/access/registry/fingerprint-set.ts";
import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import { registryObjectName, selectRegistryShard } from "../../core/access/registry/registry-shards.ts";
import { type MemberSetReader, MembershipCache } from "../../core/access/workerd/membership-cache.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { Env } from "../env.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { deleteCachedBytes, readBytesThroughCache } from "../kit/colo-cache.ts";

/** A request that looks names up. */
export type RegistryScope = Pick<RequestScope, "env" | "ctx">;

const nameCaches = Array.from({ length: REGISTRY_LIMITS.shards }, () => new MembershipCache(systemPlatform.clock));

/** Whether a stream's name is registered, as cached here: a new one is known after some half a second. */
export function isStreamRegistered(scope: RegistryScope, stream: StreamName): boolean | Promise<boolean> {
  const shard = selectRegistryShard(stream);
  return getNameCache(shard).hasMember(createNameReader(scope, shard), stream);
}

/**
 * Whether a room of this name may exist. A verified token for it (`hasToken`) registers the name: the token issuer acts
 * for the operator.
 */
export async function isRoomRegistered(scope: RegistryScope, stream: StreamName, hasToken: boolean): Promise<boolean> {
  if (await isStreamRegistered(scope, stream)) return true;
  if (hasToken) await registerStream(scope.env, stream);
  return hasToken;
}

/** Whether a stream's name is registered now; `busy`: too many look-ups are pending. */
export function isStreamRegisteredNow(
  scope: RegistryScope,
  stream: StreamName,
  actor: string,
): Promise<boolean | "busy"> {
  const shard = selectRegistryShard(stream);
  return getNameCache(shard).hasMemberNow(createNameReader(scope, shard), stream, actor);
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

function createNameReader({ env, ctx }: RegistryScope, shard: number): MemberSetReader {
  const name = registryObjectName(shard);
  const ask = (): Promise<Uint8Array> => env.REGISTRY.getByName(name).names();
  return {
    ctx,
    readMembers: async (newest) =>
      FingerprintSet.decode(newest ? await ask() : await readBytesThroughCache(ctx, name, REGISTRY_LIMITS.cacheS, ask)),
  };
}
