/** Children of a room by number: its shards from 0, its relays from `RELAYS_FROM`. */

const RELAYS_FROM = 1_000_000;

/** The number of a relay among a room's children. */
export function relayChild(relay: number): number {
  return RELAYS_FROM + relay;
}

/** What a child's number means. */
export function childOf(child: number): { readonly kind: "shard" | "relay"; readonly index: number } {
  return child >= RELAYS_FROM ? { kind: "relay", index: child - RELAYS_FROM } : { kind: "shard", index: child };
}
