/** Who comes to a room: by ticket, by token, or somebody who may read; and from which network. */
import type { TokenError } from "../../core/access/access-policy.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { Participant } from "../../core/room/participants.ts";
import { deriveAudienceId, deriveDeviceName, type IdentifiedDevice, identifyDevice } from "../access/device-keys.ts";
import { authenticateToken, readCredential } from "../access/playback-authorization.ts";
import { isPlaybackProofValid } from "../access/playback-proof.ts";
import { deriveNetworkNames, readRequestNetwork } from "../access/request-networks.ts";
import type { Env } from "../env.ts";
import { openTicket, readTicket, type TicketParticipant } from "./room-tickets.ts";

const ANONYMOUS = { subject: null, name: "", roles: [], followerSinceMs: null, expiresMs: null } as const;

/** What a page says of itself beside its token: the device's key, and what it got with the stream's playlist. */
export interface ClientProofs {
  readonly deviceKey: string | null;
  readonly playbackProof: string | null;
}

/** A visitor, and the key that the device is to show from now on, where that is another one. */
export interface ResolvedParticipant {
  readonly participant: TicketParticipant;
  readonly issuedKey: string | null;
}

/** Who asks for a ticket, or watches by beacon: by its token if it has one, by its device's key in any case. */
export async function resolveParticipant(
  env: Env,
  request: Request,
  stream: StreamName,
  proofs: ClientProofs,
): Promise<ResolvedParticipant | TokenError> {
  const brought = readCredential(request);
  const identity = brought === null ? ANONYMOUS : await authenticateToken(env, stream, brought.token);
  if (typeof identity === "string") return identity;
  const network = readRequestNetwork(request) ?? "";
  const device = await identifyDevice(env, proofs.deviceKey, network, Date.now());
  const counted = await resolveAudienceId(env, stream, identity.subject, device, async () => {
    return isPlaybackProofValid(env, stream, network, proofs.playbackProof, Date.now());
  });
  const name = device === null ? crypto.randomUUID() : await deriveDeviceName(env, stream, device.key);
  const viewer = { ...identity, device: name, ...(counted === null ? {} : { countedAs: counted }) };
  return { participant: viewer, issuedKey: device?.issuedKey ?? null };
}

/**
 * Who opens a socket: whom its ticket is for, or who its token says. Somebody with neither may read, is another device each
 * time, and isn't counted. `ticket-over`: its ticket opens nothing.
 */
export async function resolveSocketParticipant(
  env: Env,
  request: Request,
  stream: StreamName,
): Promise<Participant | TokenError | "ticket-over"> {
  const address = await deriveNetworkNames(env, request, stream);
  const ticket = readTicket(request);
  if (ticket !== null) {
    const viewer = await openTicket(env, stream, ticket, Date.now());
    return viewer === null ? "ticket-over" : { ...viewer, ...address };
  }
  const brought = readCredential(request);
  const device = crypto.randomUUID();
  if (brought === null) return { ...ANONYMOUS, device, ...address };
  const identity = await authenticateToken(env, stream, brought.token);
  if (typeof identity === "string") return identity;
  const counted = await deriveAudienceId(env, stream, identity.subject);
  return { ...identity, device, ...address, ...(counted === null ? {} : { countedAs: counted }) };
}

async function resolveAudienceId(
  env: Env,
  stream: StreamName,
  subject: string | null,
  device: IdentifiedDevice | null,
  hasPlayed: () => Promise<boolean>,
): Promise<string | null> {
  if (subject !== null) return deriveAudienceId(env, stream, subject);
  return device !== null && (await hasPlayed()) ? deriveAudienceId(env, stream, device.key) : null;
}
