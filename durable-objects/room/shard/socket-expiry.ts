/** Expiry of a shard's sockets: a missing hello, an expired token, an unanswered close. */
import { ACCESS_LIMITS } from "../../../core/access/access-policy.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { Connection, Connections } from "./connections.ts";

/** A socket outlives its token by this grace period, for renewals that are late. */
const TOKEN_GRACE_MS = ACCESS_LIMITS.clockSkewMs + 1_000;
/** Token expiries are checked in steps, so that the shard does not wake for each. */
const TOKEN_EXPIRY_STEP_MS = 5_000;
/** The reconnect spread after a missing hello, seconds. */
const NO_HELLO_RECONNECT_SPREAD_S = "5";

/** When a connection's token is checked, ms since the epoch; infinite without a token. */
function tokenExpiryMs({ viewer }: Connection): number {
  if (viewer.expiresMs === null) return Number.POSITIVE_INFINITY;
  return Math.ceil((viewer.expiresMs + TOKEN_GRACE_MS) / TOKEN_EXPIRY_STEP_MS) * TOKEN_EXPIRY_STEP_MS;
}

/** The expiries of one shard: tokens by its alarm; hellos and closes, seconds away, by a timer that keeps it awake. */
export class SocketExpiry {
  readonly #connections: Connections;
  readonly #onUnclosedExcess: () => void;
  readonly #clock: Clock;
  #cancelTimer: (() => void) | null = null;
  /** A lower bound of the next token expiry. */
  nextTokenExpiryMs: number;

  /**
   * `onUnclosedExcess` is called when closed sockets whose peers do not answer are too many, or are all that is left: only
   * the end of the object ends them.
   */
  constructor(connections: Connections, clock: Clock, onUnclosedExcess: () => void) {
    this.#connections = connections;
    this.#clock = clock;
    this.#onUnclosedExcess = onUnclosedExcess;
    this.nextTokenExpiryMs = this.#earliestTokenExpiryMs(0);
    this.scheduleNextCheck();
  }

  /** Tracks a new connection's token; whether it expires before all others. */
  trackToken(connection: Connection): boolean {
    this.scheduleNextCheck();
    const dueMs = tokenExpiryMs(connection);
    if (dueMs >= this.nextTokenExpiryMs) return false;
    this.nextTokenExpiryMs = dueMs;
    return true;
  }

  /** Closes connections whose tokens expired. */
  closeExpiredTokens(nowMs: number): void {
    for (const connection of this.#connections) {
      if (tokenExpiryMs(connection) <= nowMs) connection.close("token", "token-expired");
    }
    this.nextTokenExpiryMs = this.#earliestTokenExpiryMs(nowMs);
  }

  /** Starts or cancels the timer after a change of the connections. */
  scheduleNextCheck(): void {
    const dueMs = this.#nextDueMs;
    if (dueMs === Number.POSITIVE_INFINITY) {
      this.#cancelTimer?.();
      this.#cancelTimer = null;
    } else {
      const delayMs = Math.max(0, dueMs - this.#clock.nowMs());
      this.#cancelTimer ??= this.#clock.startTimer(delayMs, () => this.#closeOverdue());
    }
  }

  #closeOverdue(): void {
    this.#cancelTimer = null;
    const nowMs = this.#clock.nowMs();
    for (const connection of this.#connections.awaitingHello) {
      if (connection.sinceMs + ROOM_LIMITS.helloTimeoutMs > nowMs) continue;
      connection.close("comeBack", NO_HELLO_RECONNECT_SPREAD_S);
    }
    if (this.#unclosedExcessMs <= nowMs) this.#onUnclosedExcess();
    else this.scheduleNextCheck();
  }

  /** The earliest hello timeout or excess of unclosed sockets. */
  get #nextDueMs(): number {
    const [waiting] = this.#connections.awaitingHello;
    const helloMs = waiting === undefined ? Number.POSITIVE_INFINITY : waiting.sinceMs + ROOM_LIMITS.helloTimeoutMs;
    return Math.min(helloMs, this.#unclosedExcessMs);
  }

  /** When unclosed sockets exceed their limit: they are in the order of their closes. */
  get #unclosedExcessMs(): number {
    const limit = this.#connections.size === 0 ? 1 : ROOM_LIMITS.unclosedSockets;
    let count = 0;
    for (const { sinceMs } of this.#connections.unclosed) {
      count += 1;
      if (count === limit) return sinceMs + ROOM_LIMITS.closeTimeoutMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  #earliestTokenExpiryMs(afterMs: number): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const connection of this.#connections) {
      const dueMs = tokenExpiryMs(connection);
      if (dueMs > afterMs && dueMs < earliestMs) earliestMs = dueMs;
    }
    return earliestMs;
  }
}
