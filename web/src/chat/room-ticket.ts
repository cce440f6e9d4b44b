/** Room tickets: the page sends its token in a header and its device key in the body, and neither in a URL. */
import { parseJsonObject } from "../../../core/kit/json-fields.ts";
import { SOCKET_CLOSES } from "../../../core/room/socket-closes.ts";
import { loadDeviceKey, storeDeviceKey } from "../kit/viewer-session.ts";
import { getPlaybackProof } from "../player/playback-proof.ts";
import { isGuestRefusal } from "./chat-text.ts";

/** The timeout of a request. */
const ANSWER_MS = 8_000;
/** The reconnect spread after a server error, seconds. */
const RECONNECT_SPREAD_S = "5";

/** A ticket, or a refusal as the close of a socket. */
export type TicketResult = { readonly ticket: string } | { readonly code: number; readonly reason: string };

/** Requests a ticket to a room; without a token as a guest of this name, if there is one. Never rejects. */
export async function requestRoomTicket(
  stream: string,
  token: string | null,
  guest: string | null,
): Promise<TicketResult> {
  const answer = await postWithProof(`/rooms/${stream}/ticket`, stream, token, guest).catch(() => null);
  if (answer === null) return { code: 1006, reason: "no ticket" };
  const { ticket } = answer.members;
  return answer.ok && typeof ticket === "string" ? { ticket } : closeForStatus(answer.status, answer.members["type"]);
}

/** Sends a beacon for the page's viewer; returns the time until the next, ms, or null if the edge gives none. */
export async function sendViewerBeacon(stream: string, token: string | null): Promise<number | null> {
  const { members } = await postWithProof(`/rooms/${stream}/beacon`, stream, token, null);
  const { nextMs } = members;
  return typeof nextMs === "number" ? nextMs : null;
}

interface EdgeAnswer {
  readonly ok: boolean;
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Posts with the playback proof, and once more with a fresh proof if the edge does not count the first. */
async function postWithProof(
  url: string,
  stream: string,
  token: string | null,
  guest: string | null,
): Promise<EdgeAnswer> {
  const proof = token === null ? await getPlaybackProof(stream, token, false) : null;
  const first = await postIdentity(url, token, proof, guest);
  if (token !== null || !first.ok || first.members["counted"] !== false) return first;
  return postIdentity(url, token, await getPlaybackProof(stream, token, true), guest);
}

async function postIdentity(
  url: string,
  token: string | null,
  playback: string | null,
  guest: string | null,
): Promise<EdgeAnswer> {
  const response = await fetch(url, {
    method: "POST",
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    body: JSON.stringify({ device: loadDeviceKey(), playback, ...(guest === null ? {} : { guest }) }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const members = parseJsonObject(await response.text()) ?? {};
  if (typeof members["device"] === "string") storeDeviceKey(members["device"]);
  return { ok: response.ok, status: response.status, members };
}

function closeForStatus(status: number, type: unknown): { code: number; reason: string } {
  const reason = typeof type === "string" ? type.replace(/^\/problems\//, "") : "";
  // Such a page reads on without a name.
  if (isGuestRefusal(reason)) return { code: SOCKET_CLOSES.token.code, reason };
  if (status === 429) return { code: SOCKET_CLOSES.rateLimited.code, reason };
  if (status >= 500) return { code: SOCKET_CLOSES.comeBack.code, reason: RECONNECT_SPREAD_S };
  if (reason === "followers-only") return { code: SOCKET_CLOSES.banned.code, reason };
  if (reason.startsWith("token-")) return { code: SOCKET_CLOSES.token.code, reason };
  return { code: SOCKET_CLOSES.malformed.code, reason };
}
