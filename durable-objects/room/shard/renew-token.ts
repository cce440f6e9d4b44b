/** Renewals of the tokens with which a shard's viewers came. */
import { findAccessDenial } from "../../../core/access/access-policy.ts";
import { type ViewerTokenKeys, verifyViewerToken } from "../../../core/access/viewer-token.ts";
import type { TokenRenewalOutcome } from "../../../core/room/room-protocol.ts";
import type { RoomState } from "../../../core/room/room-state.ts";
import type { Connection } from "./connections.ts";

/** Takes a new token for a seat; the viewer stays the same one. `known`: what holds in the room. */
export async function renewToken(
  keys: ViewerTokenKeys,
  stream: string,
  connection: Connection,
  token: string,
  loadState: () => Promise<RoomState>,
): Promise<TokenRenewalOutcome> {
  const said = await verifyViewerToken(keys, stream, token);
  if (typeof said === "string") return { ok: false, error: said };
  if (said.subject !== connection.viewer.subject) return { ok: false, error: "token-other-subject" };
  const state = await loadState().catch(() => null);
  if (state === null) return { ok: false, error: "unavailable" };
  const viewer = { ...connection.viewer, ...said };
  const refusal = findAccessDenial(state.access, { ...viewer, roles: state.effectiveRoles(viewer) }, Date.now());
  if (refusal !== null) return { ok: false, error: refusal };
  // It may have gone meanwhile.
  if (connection.state === "admitted") connection.updateAttachment({ viewer });
  return { ok: true, expiresMs: said.expiresMs };
}
