/** When sockets of a shard end by themselves: no hello came, the token is over, or a close was not answered. */
import { ACCESS_LIMITS } from "../../protocol/access.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { Seat, Seats } from "./seats.ts";

/** A socket is closed so long after its token's end: whoever renews may be a little late. */
const GRACE_MS = ACCESS_LIMITS.toleranceMs + 1_000;
/** Ends of tokens are looked at together, so that the shard is not woken for each. */
const TOGETHER_MS = 5_000;
/** Seconds within which those come back whose hello didn't come. */
const NO_HELLO_SPREAD_S = "5";

/** When a seat's token is looked at, ms since the epoch; never without one. */
function tokenDueMs({ viewer }: Seat): number {
  if (viewer.expiresMs === null) return Number.POSITIVE_INFINITY;
  return Math.ceil((viewer.expiresMs + GRACE_MS) / TOGETHER_MS) * TOGETHER_MS;
}

/** The ends of a shard's sockets: those of tokens by its alarm; those that are seconds away by a timer, which keeps it awake. */
export class Ends {
  readonly #seats: Seats;
  readonly #haunted: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When a token may be over: not later than the earliest. */
  tokensMs: number;

  /**
   * `seats`: those who are there already. `haunted` is called when there are so many closed sockets that don't go, or
   * nobody else, that the object had better end, and they with it: one by one they can't be ended.
   */
  constructor(seats: Seats, haunted: () => void) {
    this.#seats = seats;
    this.#haunted = haunted;
    this.tokensMs = this.#earliestToken(0);
    this.watch();
  }

  /** A viewer has come; whether its token ends before all others. */
  came(seat: Seat): boolean {
    this.watch();
    const dueMs = tokenDueMs(seat);
    if (dueMs >= this.tokensMs) return false;
    this.tokensMs = dueMs;
    return true;
  }

  /** Closes the sockets of those whose tokens are over. */
  expire(nowMs: number): void {
    for (const seat of this.#seats) if (tokenDueMs(seat) <= nowMs) seat.close("token", "token-expired");
    this.tokensMs = this.#earliestToken(nowMs);
  }

  /** Seats came, were admitted, closed, or went: the next end is waited for, if there is one. */
  watch(): void {
    const dueMs = this.#nextMs;
    if (dueMs === Number.POSITIVE_INFINITY) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else {
      this.#timer ??= setTimeout(() => this.#end(), Math.max(0, dueMs - Date.now()));
    }
  }

  #end(): void {
    this.#timer = undefined;
    const nowMs = Date.now();
    for (const seat of this.#seats.waiting) {
      if (seat.sinceMs + ROOM_LIMITS.helloMs <= nowMs) seat.close("comeBack", NO_HELLO_SPREAD_S);
    }
    if (this.#hauntedMs <= nowMs) this.#haunted();
    else this.watch();
  }

  /** When the next hello must have come, or the shard be rid of closed sockets. */
  get #nextMs(): number {
    const [waiting] = this.#seats.waiting;
    const helloMs = waiting === undefined ? Number.POSITIVE_INFINITY : waiting.sinceMs + ROOM_LIMITS.helloMs;
    return Math.min(helloMs, this.#hauntedMs);
  }

  /** When closed sockets that are still there would be too many: they are in the order in which they were closed. */
  get #hauntedMs(): number {
    const most = this.#seats.size === 0 ? 1 : ROOM_LIMITS.ghosts;
    let ghosts = 0;
    for (const { sinceMs } of this.#seats.ghosts) {
      ghosts += 1;
      if (ghosts === most) return sinceMs + ROOM_LIMITS.ghostMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  #earliestToken(afterMs: number): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const seat of this.#seats) {
      const dueMs = tokenDueMs(seat);
      if (dueMs > afterMs && dueMs < earliestMs) earliestMs = dueMs;
    }
    return earliestMs;
  }
}
