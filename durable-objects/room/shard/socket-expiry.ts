/** When sockets of a shard end by themselves: no hello came, the token is over, or a close was not answered. */
import { ACCESS_LIMITS } from "../../../core/access/access-policy.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { Connection, Connections } from "./connections.ts";

/** A socket is closed so long after its token's end: whoever renews may be a little late. */
const TOKEN_GRACE_MS = ACCESS_LIMITS.clockSkewMs + 1_000;
/** Ends of tokens are looked at together, so that the shard is not woken for each. */
const TOKEN_EXPIRY_STEP_MS = 5_000;
/** Seconds within which those come back whose hello didn't come. */
const NO_HELLO_RECONNECT_SPREAD_S = "5";

/** When a seat's token is looked at, ms since the epoch; never without one. */
function tokenExpiryMs({ viewer }: Connection): number {
  if (viewer.expiresMs === null) return Number.POSITIVE_INFINITY;
  return Math.ceil((viewer.expiresMs + TOKEN_GRACE_MS) / TOKEN_EXPIRY_STEP_MS) * TOKEN_EXPIRY_STEP_MS;
}

/** The ends of a shard's sockets: those of tokens by its alarm; those that are seconds away by a timer, which keeps it awake. */
export class SocketExpiry {
  readonly #connections: Connections;
  readonly #onUnclosedExcess: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When a token may be over: not later than the earliest. */
  nextTokenExpiryMs: number;

  /**
   * `seats`: those who are there already. `haunted` is called when there are so many closed sockets that don't go, or
   * nobody else, that the object had better end, and they with it: one by one they can't be ended.
   */
  constructor(seats: Connections, haunted: () => void) {
    this.#connections = seats;
    this.#onUnclosedExcess = haunted;
    this.nextTokenExpiryMs = this.#earliestTokenExpiryMs(0);
    this.scheduleNextCheck();
  }

  /** A viewer has come; whether its token ends before all others. */
  trackToken(seat: Connection): boolean {
    this.scheduleNextCheck();
    const dueMs = tokenExpiryMs(seat);
    if (dueMs >= this.nextTokenExpiryMs) return false;
    this.nextTokenExpiryMs = dueMs;
    return true;
  }

  /** Closes the sockets of those whose tokens are over. */
  closeExpiredTokens(nowMs: number): void {
    for (const seat of this.#connections) if (tokenExpiryMs(seat) <= nowMs) seat.close("token", "token-expired");
    this.nextTokenExpiryMs = this.#earliestTokenExpiryMs(nowMs);
  }

  /** Seats came, were admitted, closed, or went: the next end is waited for, if there is one. */
  scheduleNextCheck(): void {
    const dueMs = this.#nextDueMs;
    if (dueMs === Number.POSITIVE_INFINITY) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else {
      this.#timer ??= setTimeout(() => this.#closeOverdue(), Math.max(0, dueMs - Date.now()));
    }
  }

  #closeOverdue(): void {
    this.#timer = undefined;
    const nowMs = Date.now();
    for (const seat of this.#connections.awaitingHello) {
      if (seat.sinceMs + ROOM_LIMITS.helloTimeoutMs <= nowMs) seat.close("comeBack", NO_HELLO_RECONNECT_SPREAD_S);
    }
    if (this.#unclosedExcessMs <= nowMs) this.#onUnclosedExcess();
    else this.scheduleNextCheck();
  }

  /** When the next hello must have come, or the shard be rid of closed sockets. */
  get #nextDueMs(): number {
    const [waiting] = this.#connections.awaitingHello;
    const helloMs = waiting === undefined ? Number.POSITIVE_INFINITY : waiting.sinceMs + ROOM_LIMITS.helloTimeoutMs;
    return Math.min(helloMs, this.#unclosedExcessMs);
  }

  /** When closed sockets that are still there would be too many: they are in the order in which they were closed. */
  get #unclosedExcessMs(): number {
    const most = this.#connections.size === 0 ? 1 : ROOM_LIMITS.unclosedSockets;
    let ghosts = 0;
    for (const { sinceMs } of this.#connections.unclosed) {
      ghosts += 1;
      if (ghosts === most) return sinceMs + ROOM_LIMITS.closeTimeoutMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  #earliestTokenExpiryMs(afterMs: number): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const seat of this.#connections) {
      const dueMs = tokenExpiryMs(seat);
      if (dueMs > afterMs && dueMs < earliestMs) earliestMs = dueMs;
    }
    return earliestMs;
  }
}
