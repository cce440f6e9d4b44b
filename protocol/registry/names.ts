/** Which object of the registry a stream's name belongs to. */
import type { StreamName } from "../ids.ts";
import { hash32 } from "../room/hash.ts";
import { REGISTRY_LIMITS } from "./limits.ts";

/** The number of the registry's object that a stream's name belongs to. */
export function selectRegistryShard(stream: StreamName): number {
  return hash32(stream) % REGISTRY_LIMITS.shards;
}

/** Name of one of the registry's objects. */
export const registryObjectName = (shard: number): string => `names/${shard}`;
