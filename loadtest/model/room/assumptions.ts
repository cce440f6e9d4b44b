/** Assumptions of the room's model that neither the product's rules nor measurements give. */
import { VIEWER_STAY_S } from "../bill.ts";

/** Assumed use of a room and of the network. Each can be set on the command line. */
export interface RoomAssumptions {
  /** Messages that a viewer writes in a minute, on average over all. */
  readonly chatPerMinute: number;
  /** Frames of likes and reactions that a viewer sends in a minute; one frame gathers the likes of half a second. */
  readonly likesPerMinute: number;
  /** Characters of a message. */
  readonly textChars: number;
  /** Mean stay: each viewer who leaves is replaced by another. */
  readonly stayS: number;
  /** Sockets that one object takes on in a second: Cloudflare's soft limit on requests. Further ones fail at once. */
  readonly joinsPerSecond: number;
  /** Calls of one object that wait for an answer at once: Cloudflare's limit on connections of an invocation. */
  readonly concurrentCalls: number;
  /** How long the platform takes to confirm that something is stored, before the room's answer leaves. */
  readonly storeMs: number;
  /** Whether heartbeats that the platform answers by itself are billed as frames; Cloudflare's price list says they aren't. */
  readonly heartbeatsBilled: boolean;
}

/**
 * A viewer writes one message in twenty minutes: no platform publishes the rate. What large ones show, 20 to 80 messages a
 * second, 24,000 to 96,000 viewers write then. `CHAT_RANGE` is a guess at its bounds.
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
