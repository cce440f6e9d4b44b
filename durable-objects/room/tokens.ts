/** The tokens with which a shard's viewers came: who may stay, renewals, and when the next token ends. */
import { ACCESS_LIMITS, type Access, refusalOf } from "../../protocol/access.ts";
import type { Role, Viewer } from "../../protocol/room/events.ts";
import type { Renewed } from "../../protocol/room/wire.ts";
import { type ViewerKeys, verifyViewer } from "../../tiers/viewer-token.ts";
import type { Seat, Seats } from "./seats.ts";

/** A socket is closed so long after its token's end: whoever renews may be a little late. */
const GRACE_MS = ACCESS_LIMITS.toleranceMs + 1_000;
/** Ends are looked at together, so that the shard is not woken for each. */
const TOGETHER_MS = 5_000;

/** When a viewer's socket is to be closed, ms since the epoch; never without a token. */
function dueOf({ expiresMs }: Viewer): number {
  if (expiresMs === null) return Number.POSITIVE_INFINITY;
  return Math.ceil((expiresMs + GRACE_MS) / TOGETHER_MS) * TOGETHER_MS;
}

/** The tokens of a shard. */
export class Tokens {
  readonly #seats: Seats;
  readonly #keys: ViewerKeys;
  readonly #stream: string;
  /** When the next token may be over: not later than the earliest end. */
  dueMs: number;

  /** `seats`: those who are there already. */
  constructor(seats: Seats, keys: ViewerKeys, stream: string) {
    this.#seats = seats;
    this.#keys = keys;
    this.#stream = stream;
    this.dueMs = this.#earliest();
  }

  /** A viewer has come; whether its token ends before all others. */
  came({ viewer }: Seat): boolean {
    const dueMs = dueOf(viewer);
    if (dueMs >= this.dueMs) return false;
    this.dueMs = dueMs;
    return true;
  }

  /** Closes the sockets of those whose tokens are over. */
  expire(nowMs: number): void {
    for (const seat of this.#seats) if (dueOf(seat.viewer) <= nowMs) seat.close("token", "token-expired");
    this.dueMs = this.#earliest(nowMs);
  }

  /** Closes the sockets of those who may not read any more. `rolesOf`: with what the room gave. */
  shutAll(access: Access, rolesOf: (viewer: Viewer) => readonly Role[]): void {
    for (const seat of this.#seats) this.shut(access, seat, rolesOf(seat.viewer));
  }

  /** Closes the socket of one who may not read; whether it was closed. */
  shut(access: Access, seat: Seat, roles: readonly Role[]): boolean {
    const refusal = refusalOf(access, { ...seat.viewer, roles }, Date.now());
    if (refusal === null) return false;
    if (refusal === "stopped") seat.close("stopped", access.stop?.category);
    else seat.close(refusal === "followers-only" ? "banned" : "token", refusal);
    return true;
  }

  /** Takes a new token for a seat; the viewer stays the same one. `access`: as the room has it. */
  async renew(seat: Seat, token: string, access: () => Promise<Access>): Promise<Renewed> {
    const said = await verifyViewer(this.#keys, this.#stream, token);
    if (typeof said === "string") return { ok: false, error: said };
    if (said.subject !== seat.viewer.subject) return { ok: false, error: "token-other-subject" };
    const now = await access().catch(() => null);
    if (now === null) return { ok: false, error: "unavailable" };
    const refusal = refusalOf(now, said, Date.now());
    if (refusal !== null) return { ok: false, error: refusal };
    // It may have gone meanwhile.
    if (this.#seats.get(seat.socket) === seat) seat.keep({ viewer: { ...seat.viewer, ...said } });
    return { ok: true, expiresMs: said.expiresMs };
  }

  /** Of those who stay. */
  #earliest(afterMs = 0): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const { viewer } of this.#seats) {
      const dueMs = dueOf(viewer);
      if (dueMs > afterMs && dueMs < earliestMs) earliestMs = dueMs;
    }
    return earliestMs;
  }
}
