/**
 * Tickets open a page's socket. A browser's socket sends no `Authorization`, and logs may have its address and its
 * `Sec-WebSocket-Protocol`. A ticket is encrypted, is valid for one room, and expires within seconds.
 */
import type { StreamName } from "../../core/kit/ids.ts";
import type { Participant } from "../../core/room/participants.ts";
import { ROOM_SUBPROTOCOL } from "../../core/room/room-protocol.ts";
import { type EdgeSecret, getEdgeKey } from "../access/edge-secrets.ts";
import { openSealedJson, sealJson } from "../access/sealed-json.ts";

/** Limits of tickets, each with its reason. */
export const TICKET_LIMITS = {
  /** Time from the response to the socket over a slow connection. */
  lifetimeMs: 30_000,
  /** Characters of a ticket: a viewer whose names take four bytes per character, encrypted. */
  chars: 4_096,
} as const;

/** The participant of a ticket, without its network: the socket's may differ from that of the request for the ticket. */
export type TicketParticipant = Omit<Participant, "address" | "addressesNear">;

interface TicketPayload {
  readonly stream: StreamName;
  readonly viewer: TicketParticipant;
  readonly untilMs: number;
}

/** A ticket to a room; null where the deployment has no secret. */
export async function sealTicket(
  edge: EdgeSecret,
  stream: StreamName,
  viewer: TicketParticipant,
  nowMs: number,
): Promise<string | null> {
  const key = await getEdgeKey(edge, "ticket");
  if (key === null) return null;
  const sealed: TicketPayload = { stream, viewer, untilMs: nowMs + TICKET_LIMITS.lifetimeMs };
  return sealJson(key, sealed);
}

/** The participant of a ticket of this room that is valid at `nowMs`, or null. */
export async function openTicket(
  edge: EdgeSecret,
  stream: StreamName,
  ticket: string,
  nowMs: number,
): Promise<TicketParticipant | null> {
  const key = ticket.length > TICKET_LIMITS.chars ? null : await getEdgeKey(edge, "ticket");
  const sealed = key === null ? null : ((await openSealedJson(key, ticket)) as TicketPayload | null);
  return sealed !== null && sealed.stream === stream && nowMs < sealed.untilMs ? sealed.viewer : null;
}

/** The ticket after the protocol's name in a socket's request, or null. */
export function readTicket(request: Request): string | null {
  const [name, ticket] = (request.headers.get("sec-websocket-protocol") ?? "").split(/\s*,\s*/);
  return name === ROOM_SUBPROTOCOL && ticket !== undefined ? ticket : null;
}
