/** What the isolates of one data centre tell each other of the way to a stream: through the data centre's cache. */
import type { StreamName } from "../../protocol/ids.ts";
import { type Address, addressText, parseAddress } from "../../protocol/tree/address.ts";
import { TREE_LIMITS } from "../../protocol/tree/policy.ts";
import type { Lifetime, WayMemory } from "../../tiers/stream-edge.ts";

/** The memory of the data centre that this isolate runs in. A cache that fails is a memory that knows nothing. */
export const wayMemory: WayMemory = {
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
    life.waitUntil(caches.default.put(keyOf(stream), new Response(addressText(address), { headers })).catch(() => {}));
  },
};

const keyOf = (stream: StreamName): string => `https://way.corral.invalid/${stream}`;
