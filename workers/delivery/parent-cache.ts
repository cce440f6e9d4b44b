/** What the isolates of one data centre tell each other of the way to a stream: through the data centre's cache. */

import { TREE_LIMITS } from "../../core/delivery/tree/feed-policy.ts";
import {
  formatNodeAddress,
  type NodeAddress,
  parseNodeAddress,
  type Site,
} from "../../core/delivery/tree/node-address.ts";
import type { ParentCache } from "../../core/delivery/workerd/edge-stream.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { WaitUntilContext } from "../../core/kit/workerd/wait-until.ts";

/** The memory of the data centre at `site`. A cache that fails is a memory that knows nothing. */
export function createParentCache(site: Site): ParentCache {
  // Locally all data centres share one cache.
  const keyOf = (stream: StreamName): string => `https://way.corral.invalid/${site.colo}/${stream}`;
  return {
    async read(stream: StreamName): Promise<NodeAddress | null> {
      try {
        const known = await caches.default.match(keyOf(stream));
        return known === undefined ? null : parseNodeAddress(await known.text());
      } catch {
        return null;
      }
    },
    write(life: WaitUntilContext, stream: StreamName, address: NodeAddress): void {
      const headers = { "cache-control": `public, max-age=${TREE_LIMITS.parentCacheMs / 1000}` };
      const way = new Response(formatNodeAddress(address), { headers });
      life.waitUntil(caches.default.put(keyOf(stream), way).catch(() => {}));
    },
  };
}
