/** The parents of streams, shared between the isolates of one data centre through its cache. */

import type { ParentCache } from "../../core/delivery/feed-follower.ts";
import { TREE_LIMITS } from "../../core/delivery/tree/feed-policy.ts";
import {
  formatNodeAddress,
  type NodeAddress,
  parseNodeAddress,
  type Site,
} from "../../core/delivery/tree/node-address.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { WaitUntilContext } from "../../core/kit/wait-until.ts";

/** The parent cache of the data centre at `site`. A failing cache counts as empty. */
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
