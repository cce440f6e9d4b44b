/** Renewals of the tokens with which a shard's viewers came. */
import { refusalOf } from "../../protocol/access.ts";
import type { RoomState } from "../../protocol/room/state.ts";
import type { Renewed } from "../../protocol/room/wire.ts";
import { type ViewerKeys, verifyViewer } from "../../tiers/viewer-token.ts";
import type { Seat } from "./seats.ts";

/** Takes a new token for a seat; the viewer stays the same one. `known`: what holds in the room. */
export async function renew(
  keys: ViewerKeys,
  stream: string,
  seat: Seat,
  token: string,
  known: () => Promise<RoomState>,
): Promise<Renewed> {
  const said = await verifyViewer(keys, stream, token);
  if (typeof said === "string") return { ok: false, error: said };
  if (said.subject !== seat.viewer.subject) return { ok: false, error: "token-other-subject" };
  const state = await known().catch(() => null);
  if (state === null) return { ok: false, error: "unavailable" };
  const viewer = { ...seat.viewer, ...said };
  const refusal = refusalOf(state.access, { ...viewer, roles: state.rolesOf(viewer) }, Date.now());
  if (refusal !== null) return { ok: false, error: refusal };
  // It may have gone meanwhile.
  if (seat.state === "admitted") seat.keep({ viewer });
  return { ok: true, expiresMs: said.expiresMs };
}
