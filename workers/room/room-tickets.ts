/**
 * Tickets open a page's socket. A browser's socket sends no `Authorization`, and logs may have its address and its
 * `Sec-WebSocket-Protocol`. A ticket is encrypted, is valid for one room, and expires within seconds.
 */
import { base64url } from "jose";
import type { StreamName } from "../../core/kit/ids.ts";
import type { Participant } from "../../core/room/participants.ts";
import { ROOM_SUBPROTOCOL } from "../../core/room/room-protocol.ts";
import { type EdgeSecret, getEdgeKey } from "../access/edge-secrets.ts";

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

const IV_BYTES = 12;

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
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const plain = new TextEncoder().encode(JSON.stringify(sealed));
  const bytes = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain));
  return `${base64url.encode(iv)}.${base64url.encode(bytes)}`;
}

/** The participant of a ticket of this room that is valid at `nowMs`, or null. */
export async function openTicket(
  edge: EdgeSecret,
  stream: StreamName,
  ticket: string,
  nowMs: number,
): Promise<TicketParticipant | null> {
  const parts = /^([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]+)$/.exec(ticket);
  const key = parts === null || ticket.length > TICKET_LIMITS.chars ? null : await getEdgeKey(edge, "ticket");
  if (parts === null || key === null) return null;
  try {
    const [, iv = "", bytes = ""] = parts;
    const how = { name: "AES-GCM", iv: base64url.decode(iv) };
    const plain = await crypto.subtle.decrypt(how, key, base64url.decode(bytes));
    const sealed = JSON.parse(new TextDecoder().decode(plain)) as TicketPayload;
    return sealed.stream === stream && nowMs < sealed.untilMs ? sealed.viewer : null;
  } catch {
    return null;
  }
}

/** The ticket after the protocol's name in a socket's request, or null. */
export function readTicket(request: Request): string | null {
  const [name, ticket] = (request.headers.get("sec-websocket-protocol") ?? "").split(/\s*,\s*/);
  return name === ROOM_SUBPROTOCOL && ticket !== undefined ? ticket : null;
}
