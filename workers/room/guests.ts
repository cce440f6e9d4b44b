/** Guests at the gateway: the names that they may take, and how many of them a network may make. */
import { guestSubject } from "../../core/access/guest.ts";
import { siteOfNetwork } from "../../core/access/network.ts";
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { BucketRate } from "../../core/kit/token-bucket.ts";
import { TokenBuckets } from "../../core/kit/token-buckets.ts";
import { parseChosenName } from "../../core/moderation/chosen-name.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { refuseOverRate } from "../access/rate-limits.ts";
import { readRequestNetwork } from "../access/request-networks.ts";
import { isNamedAsHost } from "../directory/host-name.ts";
import type { RequestScope } from "../kit/app-env.ts";
import type { ResolvedParticipant } from "./room-participants.ts";
import type { TicketParticipant } from "./room-tickets.ts";

/** Limits of new guests in one isolate, each with its reason. A guest that was seen before is no new one. */
const GUEST_LIMITS = {
  /** Of one network: a class that joins at once, and later arrivals. */
  network: { perSecond: 1, burst: 60 },
  /** Of one stream and /48, which has networks enough for all of the stream's: the phones of a carrier that are behind it. */
  site: { perSecond: 8, burst: 160 },
  /** Of one stream: a crowd that joins an event through this isolate. */
  stream: { perSecond: 20, burst: 400 },
  /** Guests that are remembered; the least recently seen one counts as new again. */
  known: 20_000,
} as const satisfies { network: BucketRate; site: BucketRate; stream: BucketRate; known: number };

const buckets = new TokenBuckets();
const knownGuests = new BoundedMap<string, true>(GUEST_LIMITS.known);

/** Why a viewer may not enter as a guest; stable. */
export const GUEST_REFUSALS = ["guests-off", "name-refused", "too-many-guests"] as const;
export type GuestRefusal = (typeof GUEST_REFUSALS)[number];

/** The viewer as a guest of this name, or the refusal. A viewer with an account stays who they are. */
export async function admitGuest(
  scope: RequestScope,
  stream: StreamName,
  { participant: viewer, hasDeviceKey }: ResolvedParticipant,
  requestedName: unknown,
): Promise<TicketParticipant | GuestRefusal> {
  if (viewer.subject !== null) return viewer;
  if (!scope.config.allowsGuests) return "guests-off";
  const name = parseChosenName(requestedName, ROOM_LIMITS.nameChars);
  if (name === null) return "name-refused";
  // A ban of a guest without a device key would hold for nobody.
  if (!hasDeviceKey || !(await mayEnter(scope, stream, viewer.device))) return "too-many-guests";
  if (await isNamedAsHost(scope, stream, name)) return "name-refused";
  return { ...viewer, subject: guestSubject(viewer.device), name };
}

async function mayEnter(scope: RequestScope, stream: StreamName, device: string): Promise<boolean> {
  const guest = `${stream} ${device}`;
  if (knownGuests.get(guest) === true) return true;
  const network = readRequestNetwork(scope.request);
  const nowMs = scope.platform.clock.nowMs();
  if (network !== null && !buckets.tryTake(`network ${network}`, GUEST_LIMITS.network, nowMs)) return false;
  const site = network === null ? null : siteOfNetwork(network);
  if (site !== null && !buckets.tryTake(`site ${stream} ${site}`, GUEST_LIMITS.site, nowMs)) return false;
  if (!buckets.tryTake(`stream ${stream}`, GUEST_LIMITS.stream, nowMs)) return false;
  if ((await refuseOverRate(scope, "guests")) !== null) return false;
  knownGuests.set(guest, true);
  return true;
}
