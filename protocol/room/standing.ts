/** What somebody may do in a room right now: the one place where bans, timeouts, revocations and ends of tokens are looked at. */
import { type Access, type AccessError, isBanned, refusalOf } from "../access.ts";
import type { Viewer } from "./events.ts";
import type { RoomState } from "./state.ts";
import type { ClientFrame, CloseName, ErrorCode } from "./wire.ts";

/** Why somebody may not write. `close`: they may not read either, and their socket ends so. */
export interface Barred {
  readonly error: ErrorCode;
  readonly close: { readonly name: CloseName; readonly reason: string } | null;
}

/**
 * What a frame asks of the one who sends it: `come` is how one is admitted; whoever is admitted may `stay`, also between a
 * token's end and the close of its socket; `read` and `write` are looked up with each frame.
 */
export type Need = "come" | "stay" | "read" | "write";

/** Every frame of clients, and what it needs. */
export const FRAME_NEEDS: Readonly<Record<ClientFrame["type"], Need>> = {
  hello: "come",
  act: "write",
  like: "write",
  react: "write",
  play: "read",
  seen: "stay",
  renew: "stay",
};

/** How the socket of a viewer ends who may not watch and read. */
export function closeFor(refusal: AccessError, access: Access, viewer: Viewer): NonNullable<Barred["close"]> {
  if (refusal === "stopped") return { name: "stopped", reason: access.stop?.category ?? refusal };
  if (refusal === "token-revoked" && isBanned(access, viewer)) return { name: "banned", reason: "banned" };
  return { name: refusal === "followers-only" ? "banned" : "token", reason: refusal };
}

/** What keeps a viewer from writing, and perhaps from reading, at `nowMs`; null: nothing. */
export function barredFrom(state: RoomState, viewer: Viewer, nowMs: number): Barred | null {
  const roles = state.rolesOf(viewer);
  const sanction = state.sanctionOn(viewer, nowMs);
  if (sanction?.ban === true) return { error: "banned", close: { name: "banned", reason: "banned" } };
  const refusal = refusalOf(state.access, { ...viewer, roles }, nowMs);
  if (refusal !== null) {
    return { error: refusal === "token-missing" ? "sign-in" : refusal, close: closeFor(refusal, state.access, viewer) };
  }
  if (viewer.expiresMs !== null && viewer.expiresMs <= nowMs) return { error: "token-expired", close: null };
  return sanction === null ? null : { error: "timed-out", close: null };
}

/** What keeps a viewer from a frame that needs `need`; null: nothing. */
export function barredFromFrame(state: RoomState, viewer: Viewer, need: Need, nowMs: number): Barred | null {
  if (need === "stay") return null;
  const barred = barredFrom(state, viewer, nowMs);
  return need === "write" || barred?.close !== null ? barred : null;
}
