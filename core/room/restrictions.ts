/** The restrictions on a viewer in a room: the only place that checks bans, timeouts, revocations and expired tokens. */
import { type AccessDenial, type AccessPolicy, findAccessDenial, isBanned } from "../access/access-policy.ts";
import type { Participant } from "./participants.ts";
import type { RoomErrorCode } from "./room-errors.ts";
import type { ClientFrame } from "./room-protocol.ts";
import type { RoomState } from "./room-state.ts";
import type { SocketCloseName } from "./socket-closes.ts";

/** Why a viewer may not write. `close`: the viewer may not read either, and the socket is closed with this. */
export interface Restriction {
  readonly error: RoomErrorCode;
  readonly close: { readonly name: SocketCloseName; readonly reason: string } | null;
}

/**
 * What a frame requires of its sender. `come`: the frame is the admission itself. `stay`: the sender is admitted, also between
 * a token's end and the close of its socket. `read` and `write`: the right is checked with each frame.
 */
export type FrameRequirement = "come" | "stay" | "read" | "write";

/** The requirement of each frame of clients. */
export const FRAME_REQUIREMENTS: Readonly<Record<ClientFrame["type"], FrameRequirement>> = {
  hello: "come",
  act: "write",
  like: "write",
  react: "write",
  play: "read",
  seen: "stay",
  renew: "stay",
};

/** The close for a viewer who may not read. */
export function accessDenialClose(
  refusal: AccessDenial,
  access: AccessPolicy,
  viewer: Participant,
): NonNullable<Restriction["close"]> {
  if (refusal === "stopped") return { name: "stopped", reason: access.stop?.category ?? refusal };
  if (refusal === "token-revoked" && isBanned(access, viewer)) return { name: "banned", reason: "banned" };
  return { name: refusal === "followers-only" ? "banned" : "token", reason: refusal };
}

/** The restriction on a viewer at `nowMs`, or null. */
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

/** The restriction that forbids a frame with this requirement, or null. */
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
