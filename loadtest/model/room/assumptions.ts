/** Assumptions of the room's model that neither the product's rules nor measurements provide. */
import { VIEWER_STAY_S } from "../bill.ts";

/** Assumed use of a room and of the network. Each can be set on the command line. */
export interface RoomAssumptions {
  /** Messages per viewer and minute, on average. */
  readonly chatPerMinute: number;
  /** Frames of likes and reactions per viewer and minute; one frame batches the likes of half a second. */
  readonly likesPerMinute: number;
  /** Characters of a message. */
  readonly textChars: number;
  /** Mean stay: each viewer who leaves is replaced by another. */
  readonly stayS: number;
  /** Sockets that one object accepts per second: Cloudflare's soft limit on requests. Further ones fail at once. */
  readonly joinsPerSecond: number;
  /** Concurrent calls of one object: Cloudflare's limit on connections of an invocation. */
  readonly concurrentCalls: number;
  /** Storage latency: the platform's confirmation of a write, before the room's response leaves. */
  readonly storeMs: number;
  /** Whether heartbeats that the platform answers are billed as frames; Cloudflare's price list says they are not. */
  readonly heartbeatsBilled: boolean;
}

/**
 * A viewer writes one message in twenty minutes: no platform publishes the rate. At that rate 24,000 to 96,000 viewers
 * write the 20 to 80 messages/s that large platforms show. `CHAT_RANGE` is an estimate of its range.
 */
export const ASSUMPTIONS: RoomAssumptions = {
  chatPerMinute: 0.05,
  likesPerMinute: 0.2,
  textChars: 40,
  stayS: VIEWER_STAY_S,
  joinsPerSecond: 1_000,
  concurrentCalls: 6,
  storeMs: 10,
  heartbeatsBilled: false,
};

/** Messages per viewer-minute of a silent crowd, of the assumed one, and of a small lively room. */
export const CHAT_RANGE: readonly number[] = [0.01, ASSUMPTIONS.chatPerMinute, 0.25];
