/** Renewals of viewer tokens on open connections. */
import { findAccessDenial } from "../../../core/access/access-policy.ts";
import { type ViewerTokenKeys, verifyViewerToken } from "../../../core/access/viewer-token.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import type { TokenRenewalOutcome } from "../../../core/room/room-protocol.ts";
import type { RoomState } from "../../../core/room/room-state.ts";
import type { Connection } from "./connections.ts";

/** Replaces a connection's token by a new token of the same subject. */
export async function renewToken(
  keys: ViewerTokenKeys,
  stream: string,
  connection: Connection,
  token: string,
  loadState: () => Promise<RoomState>,
  clock: Clock,
): Promise<TokenRenewalOutcome> {
  const claims = await verifyViewerToken(keys, stream, token);
  if (typeof claims === "string") return { ok: false, error: claims };
  if (claims.subject !== connection.viewer.subject) return { ok: false, error: "token-other-subject" };
  const state = await loadState().catch(() => null);
  if (state === null) return { ok: false, error: "unavailable" };
  const viewer = { ...connection.viewer, ...claims };
  const refusal = findAccessDenial(state.access, { ...viewer, roles: state.effectiveRoles(viewer) }, clock.nowMs());
  if (refusal !== null) return { ok: false, error: refusal };
  // The connection may have closed meanwhile.
  if (connection.state === "admitted") connection.updateAttachment({ viewer });
  return { ok: true, expiresMs: claims.expiresMs };
}
