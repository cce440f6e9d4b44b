/** The participant of a request to a room: by ticket, by token, or anonymous; and its network. */
import type { TokenError } from "../../core/access/access-policy.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { Participant } from "../../core/room/participants.ts";
import { deriveAudienceId, deriveDeviceName, type IdentifiedDevice, identifyDevice } from "../access/device-keys.ts";
import type { EdgeSecret } from "../access/edge-secrets.ts";
import { authenticateToken, readCredential } from "../access/playback-authorization.ts";
import { isPlaybackProofValid } from "../access/playback-proof.ts";
import { deriveNetworkNames, readRequestNetwork } from "../access/request-networks.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { openTicket, readTicket, type TicketParticipant } from "./room-tickets.ts";

const ANONYMOUS = { subject: null, name: "", roles: [], followerSinceMs: null, expiresMs: null } as const;

/** A page's proofs besides its token: the device key, and the playback proof. */
export interface ClientProofs {
  readonly deviceKey: string | null;
  readonly playbackProof: string | null;
  /** The name that a viewer without an account asks for; undefined without one. */
  readonly guestName?: unknown;
}

/** A participant, and the device key that replaces the presented one, or null. */
export interface ResolvedParticipant {
  readonly participant: TicketParticipant;
  readonly issuedKey: string | null;
  /** Whether its device has a key: without one it is another device with each request. */
  readonly hasDeviceKey: boolean;
}

/** The participant of a request for a ticket, or of a beacon: by its token, if any, and its device key. */
export async function resolveParticipant(
  { config, request, platform }: RequestScope,
  stream: StreamName,
  proofs: ClientProofs,
): Promise<ResolvedParticipant | TokenError> {
  const nowMs = platform.clock.nowMs();
  const credential = readCredential(request);
  const claims =
    credential === null ? ANONYMOUS : await authenticateToken(config.viewerKeys, stream, credential.token, nowMs);
  if (typeof claims === "string") return claims;
  const network = readRequestNetwork(request) ?? "";
  const device = await identifyDevice(config, proofs.deviceKey, network, nowMs);
  const countedAs = await resolveAudienceId(config, stream, claims.subject, device, () =>
    isPlaybackProofValid(config, stream, network, proofs.playbackProof, nowMs),
  );
  const name = device === null ? platform.newId() : await deriveDeviceName(config, stream, device.key);
  const participant = { ...claims, device: name, ...(countedAs === null ? {} : { countedAs }) };
  return { participant, issuedKey: device?.issuedKey ?? null, hasDeviceKey: device !== null };
}

/**
 * The participant of a socket: by its ticket, or its token. With neither it may read, is a new device each time, and is not
 * counted. `ticket-over`: the ticket is not valid.
 */
export async function resolveSocketParticipant(
  { config, request, platform }: RequestScope,
  stream: StreamName,
): Promise<Participant | TokenError | "ticket-over"> {
  const nowMs = platform.clock.nowMs();
  const address = await deriveNetworkNames(config, request, stream, nowMs);
  const ticket = readTicket(request);
  if (ticket !== null) {
    const participant = await openTicket(config, stream, ticket, nowMs);
    return participant === null ? "ticket-over" : { ...participant, ...address };
  }
  const credential = readCredential(request);
  const device = platform.newId();
  if (credential === null) return { ...ANONYMOUS, device, ...address };
  const claims = await authenticateToken(config.viewerKeys, stream, credential.token, nowMs);
  if (typeof claims === "string") return claims;
  const countedAs = await deriveAudienceId(config, stream, claims.subject);
  return { ...claims, device, ...address, ...(countedAs === null ? {} : { countedAs }) };
}

async function resolveAudienceId(
  edge: EdgeSecret,
  stream: StreamName,
  subject: string | null,
  device: IdentifiedDevice | null,
  hasPlayed: () => Promise<boolean>,
): Promise<string | null> {
  if (subject !== null) return deriveAudienceId(edge, stream, subject);
  return device !== null && (await hasPlayed()) ? deriveAudienceId(edge, stream, device.key) : null;
}
