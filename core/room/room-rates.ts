/** Rates of a room: of a person by its role, of a socket and of a network address by the frame. */

import type { Role } from "../access/roles.ts";
import type { BucketRate } from "../kit/token-bucket.ts";
import { isStaff } from "./participants.ts";
import type { ClientFrame } from "./room-protocol.ts";

/** Messages of a person: a fast writer needs one in two seconds; those who moderate act in bursts. */
export function commandRate(roles: readonly Role[]): BucketRate {
  if (isStaff(roles)) return { perSecond: 20, burst: 100 };
  if (roles.includes("verified") || roles.includes("subscriber")) return { perSecond: 1, burst: 8 };
  return { perSecond: 0.5, burst: 5 };
}

/** Acts of a person beyond its rate that the room is asked about, as they may be known: as many as a client has waiting. */
export const RESEND_RATE: BucketRate = { perSecond: 0.5, burst: 50 };

/** Likes and reactions of a person: fast tapping. */
export const REACTION_RATE: BucketRate = { perSecond: 15, burst: 60 };

/** Frames of one socket, whatever they are; one that sends more is closed. */
export const SOCKET_FRAME_RATE: BucketRate = { perSecond: 25, burst: 150 };

/** Sockets that one address opens at a shard: all of a company that comes back at once, and some more. */
export const SOCKET_OPEN_RATE: BucketRate = { perSecond: 10, burst: 1_000 };

/** Questions about the room's history of one address: what a shard remembers is told without. */
export const HISTORY_READ_RATE: BucketRate = { perSecond: 2, burst: 50 };

/** How often one socket may send each frame, and all sockets of one address at a shard; taps are counted one by one. */
export const CLIENT_FRAME_RATES: Readonly<
  Record<ClientFrame["type"], { readonly socket: BucketRate; readonly address: BucketRate }>
> = {
  // Each time that something is missing.
  hello: { socket: { perSecond: 1, burst: 20 }, address: { perSecond: 50, burst: 2_000 } },
  // A person's rate is `commandRate`.
  act: { socket: SOCKET_FRAME_RATE, address: { perSecond: 50, burst: 500 } },
  like: { socket: REACTION_RATE, address: { perSecond: 300, burst: 1_200 } },
  react: { socket: REACTION_RATE, address: { perSecond: 300, burst: 1_200 } },
  // A client says it again each half minute.
  play: { socket: { perSecond: 1, burst: 10 }, address: { perSecond: 50, burst: 1_000 } },
  seen: { socket: SOCKET_FRAME_RATE, address: { perSecond: 100, burst: 2_000 } },
  // Each is a signature to be checked.
  renew: { socket: { perSecond: 0.2, burst: 5 }, address: { perSecond: 10, burst: 500 } },
};
