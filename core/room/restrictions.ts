/** What somebody may do in a room right now: the one place where bans, timeouts, revocations and ends of tokens are looked at. */
import { type AccessDenial, type AccessPolicy, findAccessDenial, isBanned } from "../access/access-policy.ts";
import type { Participant } from "./events.ts";
import type { ClientFrame, RoomErrorCode, SocketCloseName } from "./room-protocol.ts";
import type { RoomState } from "./room-state.ts";

/** Why somebody may not write. `close`: they may not read either, and their socket ends so. */
export interface Restriction {
  readonly error: RoomErrorCode;
  readonly close: { readonly name: SocketCloseName; readonly reason: string } | null;
}

/**
 * What a frame asks of the one who sends it: `come` is how one is admitted; whoever is admitted may `stay`, also between a
 * token's end and the close of its socket; `read` and `write` are looked up with each frame.
 */
export type FrameRequirement = "come" | "stay" | "read" | "write";

/** Every frame of clients, and what it needs. */
export const FRAME_REQUIREMENTS: Readonly<Record<ClientFrame["type"], FrameRequirement>> = {
  hello: "come",
  act: "write",
  like: "write",
  react: "write",
  play: "read",
  seen: "stay",
  renew: "stay",
};

/** How the socket of a viewer ends who may not watch and read. */
export function accessDenialClose(
  refusal: AccessDenial,
  access: AccessPolicy,
  viewer: Participant,
): NonNullable<Restriction["close"]> {
  if (refusal === "stopped") return { name: "stopped", reason: access.stop?.category ?? refusal };
  if (refusal === "token-revoked" && isBanned(access, viewer)) return { name: "banned", reason: "banned" };
  return { name: refusal === "followers-only" ? "banned" : "token", reason: refusal };
}

/** What keeps a viewer from writing, and perhaps from reading, at `nowMs`; null: nothing. */
export function restrictionOn(state: RoomState, viewer: Participant, nowMs: number): Restriction | null {
  const roles = state.effectiveRoles(viewer);
  const sanction = state.activeSanction(viewer, nowMs);
  if (sanction?.ban === true) return { error: "banned", close: { name: "banned", reason: "banned" } };
  const refusal = findAccessDenial(state.access, { ...viewer, roles }, nowMs);
  if (refusal !== null) {
    return {
      error: refusal === "token-missing" ? "sign-in" : refusal,
      close: accessDenialClose(refusal, state.access, viewer),
    };
  }
  if (viewer.expiresMs !== null && viewer.expiresMs <= nowMs) return { error: "token-expired", close: null };
  return sanction === null ? null : { error: "timed-out", close: null };
}

/** What keeps a viewer from a frame that needs `need`; null: nothing. */
export function frameRestriction(
  state: RoomState,
  viewer: Participant,
  need: FrameRequirement,
  nowMs: number,
): Restriction | null {
  if (need === "stay") return null;
  const barred = restrictionOn(state, viewer, nowMs);
  return need === "write" || barred?.close !== null ? barred : null;
}
