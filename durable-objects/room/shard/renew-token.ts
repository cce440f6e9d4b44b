/** Renewals of viewer tokens on open connections. */
import { findAccessDenial } from "../../../core/access/access-policy.ts";
import type { ViewerTokenKeys } from "../../../core/access/signed-jwt.ts";
import { verifyViewerToken } from "../../../core/access/viewer-token.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { isStaff, type Participant } from "../../../core/room/participants.ts";
import type { TokenRenewalOutcome } from "../../../core/room/room-protocol.ts";
import type { RoomState } from "../../../core/room/room-state.ts";
import type { Connection } from "./connections.ts";

/** What a renewal runs on. */
export interface TokenRenewalContext {
  readonly keys: ViewerTokenKeys;
  readonly stream: string;
  readonly clock: Clock;
  loadState(): Promise<RoomState>;
  /** Tells the room how long the rank of a member of its staff lasts. */
  recordStaff(viewer: Participant): Promise<void>;
}

/** Replaces a connection's token by a new token of the same subject. */
export async function renewToken(
  { keys, stream, clock, loadState, recordStaff }: TokenRenewalContext,
  connection: Connection,
  token: string,
): Promise<TokenRenewalOutcome> {
  const claims = await verifyViewerToken(keys, stream, token);
  if (typeof claims === "string") return { ok: false, error: claims };
  if (claims.subject !== connection.viewer.subject) return { ok: false, error: "token-other-subject" };
  const viewer = { ...connection.viewer, ...claims };
  try {
    const state = await loadState();
    const roles = state.effectiveRoles(viewer);
    const refusal = findAccessDenial(state.access, { ...viewer, roles }, clock.nowMs());
    if (refusal !== null) return { ok: false, error: refusal };
    // The room protects staff, and their names, until the end of the token that it knows.
    if (isStaff(roles)) await recordStaff(viewer);
  } catch {
    return { ok: false, error: "unavailable" };
  }
  // The connection may have closed meanwhile.
  if (connection.state === "admitted") connection.updateAttachment({ viewer });
  return { ok: true, expiresMs: claims.expiresMs };
}
