/** Assignment of stream names to registry objects. */

import { hash32 } from "../../kit/hash.ts";
import type { StreamName } from "../../kit/ids.ts";
import { REGISTRY_LIMITS } from "./registry-limits.ts";

/** The index of a stream name's registry object. */
export function selectRegistryShard(stream: StreamName): number {
  return hash32(stream) % REGISTRY_LIMITS.shards;
}

/** The name of a registry object. */
export const registryObjectName = (shard: number): string => `names/${shard}`;
