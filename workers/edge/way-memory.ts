/** What the isolates of one data centre tell each other of the way to a stream: through the data centre's cache. */
import type { StreamName } from "../../protocol/ids.ts";
import { type Address, addressText, parseAddress, type Site } from "../../protocol/tree/address.ts";
import { TREE_LIMITS } from "../../protocol/tree/policy.ts";
import type { Lifetime, WayMemory } from "../../tiers/stream-edge.ts";

/** The memory of the data centre at `site`. A cache that fails is a memory that knows nothing. */
export function wayMemory(site: Site): WayMemory {
  // Locally all data centres share one cache.
  const keyOf = (stream: StreamName): string => `https://way.corral.invalid/${site.colo}/${stream}`;
  return {
    async recall(stream: StreamName): Promise<Address | null> {
      try {
        const known = await caches.default.match(keyOf(stream));
        return known === undefined ? null : parseAddress(await known.text());
      } catch {
        return null;
      }
    },
    remember(life: Lifetime, stream: StreamName, address: Address): void {
      const headers = { "cache-control": `public, max-age=${TREE_LIMITS.wayMs / 1000}` };
      const way = new Response(addressText(address), { headers });
      life.waitUntil(caches.default.put(keyOf(stream), way).catch(() => {}));
    },
  };
}
