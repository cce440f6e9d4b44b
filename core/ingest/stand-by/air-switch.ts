/** Decides which sender of a stream is on the air: of the role `primary` or `backup`, of each of which one may be connected. */
import type { StreamKeyRole } from "../../access/stream-key.ts";
import { STAND_BY_LIMITS } from "./limits.ts";

/** Why a sender takes over: the other one has gone, sends nothing, or the primary is back. */
export type TakeOverReason = "lost" | "silent" | "returned";

/** A sender that is to be on the air now. */
export interface TakeOver {
  readonly to: StreamKeyRole;
  readonly reason: TakeOverReason;
}

/** How the switch behaves. */
export interface AirSwitchOptions {
  /** The primary takes over again when it was ready for this long, milliseconds; null: only if the backup fails. */
  readonly returnMs: number | null;
}

interface SenderState {
  isConnected: boolean;
  /** Of anything, and of a picture, or of sound if there is none. */
  lastDataMs: number;
  lastPictureMs: number;
  /** Since when it is ready without a pause; null: it is not. */
  readySinceMs: number | null;
}

/** See the file's first line. Times are monotonic milliseconds. */
export class AirSwitch {
  readonly #options: AirSwitchOptions;
  readonly #senders: Readonly<Record<StreamKeyRole, SenderState>> = { primary: newSender(), backup: newSender() };
  #onAir: StreamKeyRole | null = null;
  #lastTickMs: number | null = null;
  #isTickLate = false;
  #isTimely = false;
  #switchedMs = Number.NEGATIVE_INFINITY;
  /** When the primary was lost on the air, with a backup in its place. */
  #losses: number[] = [];

  constructor(options: AirSwitchOptions) {
    this.#options = options;
  }

  /** The sender on the air, or null. */
  get onAir(): StreamKeyRole | null {
    return this.#onAir;
  }

  /** A sender has come, in the place of one of its role; `isOnAir`: nothing is published but what it sends. */
  connect(role: StreamKeyRole, isOnAir: boolean, nowMs: number): void {
    const sender = this.#senders[role];
    sender.isConnected = true;
    sender.readySinceMs = null;
    sender.lastDataMs = nowMs;
    sender.lastPictureMs = nowMs;
    if (isOnAir) this.#onAir = role;
    else if (this.#onAir === role) this.#onAir = null;
  }

  /** The sender of `role` has gone. */
  disconnect(role: StreamKeyRole): void {
    this.#senders[role].isConnected = false;
    this.#senders[role].readySinceMs = null;
    if (this.#onAir === role) this.#onAir = null;
  }

  /** Media has come. `isMain`: a picture, or sound of a sender without pictures. */
  pushMedia(role: StreamKeyRole, isMain: boolean, nowMs: number): void {
    const sender = this.#senders[role];
    // A pause begins the time anew after which the primary counts as steady.
    if (sender.readySinceMs !== null && !this.#isSending(role, nowMs)) sender.readySinceMs = nowMs;
    sender.lastDataMs = nowMs;
    if (isMain) sender.lastPictureMs = nowMs;
  }

  /** Whether the sender of `role`, which stands by, could take over. */
  setReady(role: StreamKeyRole, isReady: boolean, nowMs: number): void {
    const sender = this.#senders[role];
    if (!isReady) sender.readySinceMs = null;
    else sender.readySinceMs ??= nowMs;
  }

  /** Whether what has come was read before the last tick, so that silence is the sender's. */
  get isTimely(): boolean {
    return this.#isTimely;
  }

  /** A step of time. Decides by silence too, unless this process itself was late to read what has come. */
  tick(nowMs: number): TakeOver | null {
    const elapsedMs = nowMs - (this.#lastTickMs ?? nowMs);
    const isLate = elapsedMs >= STAND_BY_LIMITS.lateTickMs;
    this.#isTimely = !isLate && !this.#isTickLate;
    this.#lastTickMs = nowMs;
    this.#isTickLate = isLate;
    if (this.#onAir === null || !this.#isTimely) return this.decide(nowMs);
    const other = otherRole(this.#onAir);
    if (this.#isSending(this.#onAir, nowMs) || !this.canTakeOver(other, nowMs)) return null;
    return { to: other, reason: "silent" };
  }

  /** Who takes over at once, where nobody is on the air; null: nobody can. */
  decide(nowMs: number): TakeOver | null {
    if (this.#onAir !== null) return null;
    for (const to of ["primary", "backup"] as const) if (this.canTakeOver(to, nowMs)) return { to, reason: "lost" };
    return null;
  }

  /** The sender of `role`, which stands by, has sent a keyframe, at which it may take over though the other one is well. */
  decideAtKeyframe(role: StreamKeyRole, nowMs: number): TakeOver | null {
    if (this.#onAir !== "backup" || role !== "primary" || !this.canTakeOver(role, nowMs)) return null;
    const waitMs = this.#returnWaitMs(nowMs);
    const readyMs = nowMs - (this.#senders.primary.readySinceMs ?? nowMs);
    if (waitMs === null || readyMs < waitMs || nowMs - this.#switchedMs < waitMs) return null;
    return { to: "primary", reason: "returned" };
  }

  /** Whether the sender of `role` is ready, and sends. */
  canTakeOver(role: StreamKeyRole, nowMs: number): boolean {
    const { isConnected, readySinceMs } = this.#senders[role];
    return isConnected && readySinceMs !== null && this.#isSending(role, nowMs);
  }

  /** The sender of `role` is on the air from now on; the other one, if it is connected, stands by. */
  switched(role: StreamKeyRole, nowMs: number): void {
    if (role === "backup") this.#losses = [...this.#losses, nowMs].slice(-STAND_BY_LIMITS.losses);
    this.#onAir = role;
    this.#switchedMs = nowMs;
    for (const each of Object.values(this.#senders)) each.readySinceMs = null;
  }

  /** How long the primary must be ready; a primary that was lost again and again must be for longer. */
  #returnWaitMs(nowMs: number): number | null {
    const { returnMs } = this.#options;
    if (returnMs === null) return null;
    const losses = this.#losses.filter((atMs) => nowMs - atMs < STAND_BY_LIMITS.lossWindowMs).length;
    return Math.min(returnMs * 2 ** Math.max(0, losses - 1), Math.max(returnMs, STAND_BY_LIMITS.maxReturnMs));
  }

  #isSending(role: StreamKeyRole, nowMs: number): boolean {
    const { lastDataMs, lastPictureMs } = this.#senders[role];
    return nowMs - lastDataMs < STAND_BY_LIMITS.silenceMs && nowMs - lastPictureMs < STAND_BY_LIMITS.noPictureMs;
  }
}

/** The other role. */
export function otherRole(role: StreamKeyRole): StreamKeyRole {
  return role === "primary" ? "backup" : "primary";
}

function newSender(): SenderState {
  return { isConnected: false, lastDataMs: 0, lastPictureMs: 0, readySinceMs: null };
}
