/** How the page comes into a room: it shows its token in a header and its device's key in a body, and neither in an address. */
import { parseMembers } from "../../protocol/room/fields.ts";
import { CLOSES } from "../../protocol/room/wire.ts";
import { playbackProof } from "./playback-proof.ts";
import { deviceKey, keepDeviceKey } from "./session.ts";

/** The edge has so long to answer. */
const ANSWER_MS = 8_000;
/** Seconds within which one comes back where the edge doesn't say. */
const COME_BACK_S = "5";

/** A ticket, or why there is none, as the close of a socket would say it. */
export type Ticketing = { readonly ticket: string } | { readonly code: number; readonly reason: string };

/** A ticket to a room. Never rejects. */
export async function roomTicket(stream: string, token: string | null): Promise<Ticketing> {
  const answer = await shownTo(`/rooms/${stream}/ticket`, stream, token).catch(() => null);
  if (answer === null) return { code: 1006, reason: "no ticket" };
  const { ticket } = answer.members;
  return answer.ok && typeof ticket === "string" ? { ticket } : closeFor(answer.status, answer.members["type"]);
}

/** Tells the room that the page's viewer watches; gives when to do so again, ms, or null where the edge doesn't say. */
export async function sendBeacon(stream: string, token: string | null): Promise<number | null> {
  const { members } = await shownTo(`/rooms/${stream}/beacon`, stream, token);
  const { nextMs } = members;
  return typeof nextMs === "number" ? nextMs : null;
}

interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Shows the edge what it wants to see; where that isn't enough to be counted by, once more with what came just now. */
async function shownTo(url: string, stream: string, token: string | null): Promise<Answer> {
  const first = await asked(url, token, token === null ? await playbackProof(stream, token, false) : null);
  if (token !== null || !first.ok || first.members["counted"] !== false) return first;
  return asked(url, token, await playbackProof(stream, token, true));
}

async function asked(url: string, token: string | null, playback: string | null): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    body: JSON.stringify({ device: deviceKey(), playback }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const members = parseMembers(await response.text()) ?? {};
  if (typeof members["device"] === "string") keepDeviceKey(members["device"]);
  return { ok: response.ok, status: response.status, members };
}

function closeFor(status: number, type: unknown): { code: number; reason: string } {
  const reason = typeof type === "string" ? type.replace(/^\/problems\//, "") : "";
  if (status === 429) return { code: CLOSES.rateLimited.code, reason };
  if (status >= 500) return { code: CLOSES.comeBack.code, reason: COME_BACK_S };
  if (reason === "followers-only") return { code: CLOSES.banned.code, reason };
  if (reason.startsWith("token-")) return { code: CLOSES.token.code, reason };
  return { code: CLOSES.malformed.code, reason };
}
