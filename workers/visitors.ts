/** Who comes to a room: by ticket, by token, or somebody who may read; and from which network. */
import type { TokenError } from "../protocol/access.ts";
import type { StreamName } from "../protocol/ids.ts";
import type { Viewer } from "../protocol/room/events.ts";
import { countedAs, type Device, deviceName, deviceOf } from "./device-keys.ts";
import type { Env } from "./env.ts";
import { identityOf, tokenOf } from "./gate.ts";
import { addressesOf, networkOfRequest } from "./networks.ts";
import { hasPlayed } from "./playback-proof.ts";
import { openTicket, type Ticketed, ticketOf } from "./tickets.ts";

const NOBODY = { subject: null, name: "", roles: [], followerSinceMs: null, expiresMs: null } as const;

/** What a page says of itself beside its token: the device's key, and what it got with the stream's playlist. */
export interface Shown {
  readonly device: string | null;
  readonly playback: string | null;
}

/** A visitor, and the key that the device is to show from now on, where that is another one. */
export interface Visitor {
  readonly viewer: Ticketed;
  readonly issued: string | null;
}

/** Who asks for a ticket, or watches by beacon: by its token if it has one, by its device's key in any case. */
export async function visitorOf(
  env: Env,
  request: Request,
  stream: StreamName,
  shown: Shown,
): Promise<Visitor | TokenError> {
  const brought = tokenOf(request);
  const identity = brought === null ? NOBODY : await identityOf(env, stream, brought.token);
  if (typeof identity === "string") return identity;
  const network = networkOfRequest(request) ?? "";
  const device = await deviceOf(env, shown.device, network, Date.now());
  const counted = await countedOf(env, stream, identity.subject, device, async () => {
    return hasPlayed(env, stream, network, shown.playback, Date.now());
  });
  const name = device === null ? crypto.randomUUID() : await deviceName(env, stream, device.key);
  const viewer = { ...identity, device: name, ...(counted === null ? {} : { countedAs: counted }) };
  return { viewer, issued: device?.issued ?? null };
}

/**
 * Who opens a socket: whom its ticket is for, or who its token says. Somebody with neither may read, is another device each
 * time, and isn't counted. `ticket-over`: its ticket opens nothing.
 */
export async function socketViewerOf(
  env: Env,
  request: Request,
  stream: StreamName,
): Promise<Viewer | TokenError | "ticket-over"> {
  const address = await addressesOf(env, request, stream);
  const ticket = ticketOf(request);
  if (ticket !== null) {
    const viewer = await openTicket(env, stream, ticket, Date.now());
    return viewer === null ? "ticket-over" : { ...viewer, ...address };
  }
  const brought = tokenOf(request);
  const device = crypto.randomUUID();
  if (brought === null) return { ...NOBODY, device, ...address };
  const identity = await identityOf(env, stream, brought.token);
  if (typeof identity === "string") return identity;
  const counted = await countedAs(env, stream, identity.subject);
  return { ...identity, device, ...address, ...(counted === null ? {} : { countedAs: counted }) };
}

async function countedOf(
  env: Env,
  stream: StreamName,
  subject: string | null,
  device: Device | null,
  played: () => Promise<boolean>,
): Promise<string | null> {
  if (subject !== null) return countedAs(env, stream, subject);
  return device !== null && (await played()) ? countedAs(env, stream, device.key) : null;
}
