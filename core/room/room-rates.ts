/** Rates of a room: commands per person by role, frames per socket and per network address. */

import type { Role } from "../access/roles.ts";
import type { BucketRate } from "../kit/token-bucket.ts";
import { isStaff } from "./participants.ts";
import type { ClientFrame } from "./room-protocol.ts";

/** Messages per person: a fast writer sends one in two seconds; moderators act in bursts. */
export function commandRate(roles: readonly Role[]): BucketRate {
  if (isStaff(roles)) return { perSecond: 20, burst: 100 };
  if (roles.includes("verified") || roles.includes("subscriber")) return { perSecond: 1, burst: 8 };
  return { perSecond: 0.5, burst: 5 };
}

/** Commands per person beyond its rate that are checked for known ids: as many as a client has pending. */
export const RESEND_RATE: BucketRate = { perSecond: 0.5, burst: 50 };

/** Likes and reactions per person: fast tapping. */
export const REACTION_RATE: BucketRate = { perSecond: 15, burst: 60 };

/** Frames per socket, of any type; beyond it the socket is closed. */
export const SOCKET_FRAME_RATE: BucketRate = { perSecond: 25, burst: 150 };

/** Sockets that one address opens at a shard: those of a company that reconnects at once, with a margin. */
export const SOCKET_OPEN_RATE: BucketRate = { perSecond: 10, burst: 1_000 };

/** History requests of one address to the room: what a shard holds in memory is free. */
export const HISTORY_READ_RATE: BucketRate = { perSecond: 2, burst: 50 };

/** Commands of all guests of one address at a shard: a full household. New device keys give nobody a higher rate. */
export const GUEST_COMMAND_RATE: BucketRate = { perSecond: 4, burst: 40 };

/** Rates per frame type, for one socket and for all sockets of one address at a shard; reactions count one by one. */
export const CLIENT_FRAME_RATES: Readonly<
  Record<ClientFrame["type"], { readonly socket: BucketRate; readonly address: BucketRate }>
> = {
  // One for each gap.
  hello: { socket: { perSecond: 1, burst: 20 }, address: { perSecond: 50, burst: 2_000 } },
  // A person's rate is `commandRate`.
  act: { socket: SOCKET_FRAME_RATE, address: { perSecond: 50, burst: 500 } },
  like: { socket: REACTION_RATE, address: { perSecond: 300, burst: 1_200 } },
  react: { socket: REACTION_RATE, address: { perSecond: 300, burst: 1_200 } },
  // A client repeats it every half minute.
  play: { socket: { perSecond: 1, burst: 10 }, address: { perSecond: 50, burst: 1_000 } },
  seen: { socket: SOCKET_FRAME_RATE, address: { perSecond: 100, burst: 2_000 } },
  // Each needs the verification of a signature.
  renew: { socket: { perSecond: 0.2, burst: 5 }, address: { perSecond: 10, burst: 500 } },
};
