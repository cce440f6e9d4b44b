/** The registry of stream names at the gateway: nothing is created or asked of anybody for a name that nobody registered. */
import type { StreamName } from "../protocol/ids.ts";
import { Fingerprints } from "../protocol/registry/fingerprints.ts";
import { REGISTRY_LIMITS } from "../protocol/registry/limits.ts";
import { registryName, registryShardOf } from "../protocol/registry/names.ts";
import { KnownSet, type Reader } from "../tiers/known-set.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { bytesThroughCache, forgetBytes } from "./colo-cache.ts";
import type { Env } from "./env.ts";

const sets = Array.from({ length: REGISTRY_LIMITS.shards }, () => new KnownSet());

/** Whether a stream's name is registered, as far as is known here: a new one is known after some half a second. */
export function isRegistered(env: Env, life: Lifetime, stream: StreamName): boolean | Promise<boolean> {
  const shard = registryShardOf(stream);
  return setOf(shard).has(readerOf(env, life, shard), stream);
}

/**
 * Whether there may be a room of this name. `vouched`: the asker has brought a token for it, so its issuer, who is the
 * operator or acts for them, knows the stream: the name is registered then.
 */
export async function hasRoom(env: Env, life: Lifetime, stream: StreamName, vouched: boolean): Promise<boolean> {
  if (await isRegistered(env, life, stream)) return true;
  if (vouched) await register(env, stream);
  return vouched;
}

/** Whether a stream's name is registered now; `busy`: too many ask that at once. */
export function isSurelyRegistered(
  env: Env,
  life: Lifetime,
  stream: StreamName,
  actor: string,
): Promise<boolean | "busy"> {
  const shard = registryShardOf(stream);
  return setOf(shard).surelyHas(readerOf(env, life, shard), stream, actor);
}

/** Registers a stream's name, for good. */
export async function register(env: Env, stream: StreamName): Promise<void> {
  const shard = registryShardOf(stream);
  await env.REGISTRY.getByName(registryName(shard)).register(stream);
  setOf(shard).add(stream);
  await forgetBytes(registryName(shard));
}

function setOf(shard: number): KnownSet {
  const set = sets[shard];
  if (set === undefined) throw new RangeError(`the registry has no object ${shard}`);
  return set;
}

function readerOf(env: Env, life: Lifetime, shard: number): Reader {
  const name = registryName(shard);
  const ask = (): Promise<Uint8Array> => env.REGISTRY.getByName(name).names();
  return {
    life,
    read: async (newest) =>
      Fingerprints.decode(newest ? await ask() : await bytesThroughCache(life, name, REGISTRY_LIMITS.cacheS, ask)),
  };
}
