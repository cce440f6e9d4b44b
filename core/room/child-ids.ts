/** Children of a room by number: its shards from 0, its relays from `FIRST_RELAY_ID`. */

const FIRST_RELAY_ID = 1_000_000;

/** The number of a relay among a room's children. */
export function relayChildId(relay: number): number {
  return FIRST_RELAY_ID + relay;
}

/** What a child's number means. */
export function parseChildId(child: number): { readonly kind: "shard" | "relay"; readonly index: number } {
  return child >= FIRST_RELAY_ID ? { kind: "relay", index: child - FIRST_RELAY_ID } : { kind: "shard", index: child };
}
