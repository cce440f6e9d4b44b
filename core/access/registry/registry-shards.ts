/** Which object of the registry a stream's name belongs to. */

import { hash32 } from "../../kit/hash.ts";
import type { StreamName } from "../../kit/ids.ts";
import { REGISTRY_LIMITS } from "./registry-limits.ts";

/** The number of the registry's object that a stream's name belongs to. */
export function selectRegistryShard(stream: StreamName): number {
  return hash32(stream) % REGISTRY_LIMITS.shards;
}

/** Name of one of the registry's objects. */
export const registryObjectName = (shard: number): string => `names/${shard}`;
