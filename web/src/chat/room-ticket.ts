/** How the page comes into a room: it shows its token in a header and its device's key in a body, and neither in an address. */
import { parseJsonObject } from "../../../core/kit/json-fields.ts";
import { SOCKET_CLOSES } from "../../../core/room/room-protocol.ts";
import { loadDeviceKey, storeDeviceKey } from "../kit/viewer-session.ts";
import { getPlaybackProof } from "../player/playback-proof.ts";

/** The edge has so long to answer. */
const ANSWER_MS = 8_000;
/** Seconds within which one comes back where the edge doesn't say. */
const RECONNECT_SPREAD_S = "5";

/** A ticket, or why there is none, as the close of a socket would say it. */
export type TicketResult = { readonly ticket: string } | { readonly code: number; readonly reason: string };

/** A ticket to a room. Never rejects. */
export async function requestRoomTicket(stream: string, token: string | null): Promise<TicketResult> {
  const answer = await postWithProof(`/rooms/${stream}/ticket`, stream, token).catch(() => null);
  if (answer === null) return { code: 1006, reason: "no ticket" };
  const { ticket } = answer.members;
  return answer.ok && typeof ticket === "string" ? { ticket } : closeForStatus(answer.status, answer.members["type"]);
}

/** Tells the room that the page's viewer watches; gives when to do so again, ms, or null where the edge doesn't say. */
export async function sendViewerBeacon(stream: string, token: string | null): Promise<number | null> {
  const { members } = await postWithProof(`/rooms/${stream}/beacon`, stream, token);
  const { nextMs } = members;
  return typeof nextMs === "number" ? nextMs : null;
}

interface EdgeAnswer {
  readonly ok: boolean;
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Shows the edge what it wants to see; where that isn't enough to be counted by, once more with what came just now. */
async function postWithProof(url: string, stream: string, token: string | null): Promise<EdgeAnswer> {
  const first = await postIdentity(url, token, token === null ? await getPlaybackProof(stream, token, false) : null);
  if (token !== null || !first.ok || first.members["counted"] !== false) return first;
  return postIdentity(url, token, await getPlaybackProof(stream, token, true));
}

async function postIdentity(url: string, token: string | null, playback: string | null): Promise<EdgeAnswer> {
  const response = await fetch(url, {
    method: "POST",
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    body: JSON.stringify({ device: loadDeviceKey(), playback }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const members = parseJsonObject(await response.text()) ?? {};
  if (typeof members["device"] === "string") storeDeviceKey(members["device"]);
  return { ok: response.ok, status: response.status, members };
}

function closeForStatus(status: number, type: unknown): { code: number; reason: string } {
  const reason = typeof type === "string" ? type.replace(/^\/problems\//, "") : "";
  if (status === 429) return { code: SOCKET_CLOSES.rateLimited.code, reason };
  if (status >= 500) return { code: SOCKET_CLOSES.comeBack.code, reason: RECONNECT_SPREAD_S };
  if (reason === "followers-only") return { code: SOCKET_CLOSES.banned.code, reason };
  if (reason.startsWith("token-")) return { code: SOCKET_CLOSES.token.code, reason };
  return { code: SOCKET_CLOSES.malformed.code, reason };
}
