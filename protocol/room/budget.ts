/**
 * How much a socket may make a shard send. What everybody is told costs nobody anything; what one alone is answered is
 * paid for: by somebody without an account with what it sent, by everybody with a rate, by all of one address together.
 */
import { COMMAND_RATES, FRAME_RATE, HISTORY_RATE, JOIN_RATE, type Rate } from "./bucket.ts";
import { Buckets } from "./buckets.ts";
import type { Viewer } from "./events.ts";
import type { ClientFrame } from "./wire.ts";

/** Bounds of what is answered, each with its reason. */
export const BUDGET_LIMITS = {
  /** Bytes that somebody without an account is answered, at most, for each byte that it sent. */
  ratio: 50,
  /** What opening a socket counts as: the shortest request that does. It pays for the messages that newcomers are shown. */
  openingBytes: 200,
  /** What a frame costs beside its text: header and mask. */
  frameBytes: 6,
} as const;

/** Bytes of answers of one socket: a return after a long absence at once, and then one in half a minute. */
const SOCKET_BYTES: Rate = { perSecond: 16_384, burst: 1_048_576 };
/** Bytes of answers of one address at a shard: all of a company that comes back at once. */
const ADDRESS_BYTES: Rate = { perSecond: 262_144, burst: 8_388_608 };

/** What one socket has sent and was answered. In memory: whoever loses it begins anew. */
export interface Account {
  /** Who holds the socket. */
  readonly viewer: Viewer;
  /** A name that no other socket has here. */
  readonly name: string;
  /** Bytes that it may be answered yet for what it sent. */
  credit: number;
}

/** An account that was just opened. */
export function openAccount(viewer: Viewer, name: string): Account {
  return { viewer, name, credit: BUDGET_LIMITS.ratio * BUDGET_LIMITS.openingBytes };
}

/** The budgets of one shard. Where an address is not known, only its sockets are counted. */
export class Budgets {
  readonly #buckets = new Buckets();

  /** Whether one more socket may be opened by a viewer's address. */
  join(viewer: Viewer, nowMs: number): boolean {
    return this.#ofAddress("join", viewer, JOIN_RATE, nowMs, 1);
  }

  /** A frame of so many characters came; whether the socket is within its rate of frames. */
  frame(account: Account, chars: number, nowMs: number): boolean {
    account.credit += BUDGET_LIMITS.ratio * (chars + BUDGET_LIMITS.frameBytes);
    return this.#buckets.within(`frame ${account.name}`, FRAME_RATE, nowMs);
  }

  /** Whether a command is within the rates of its kind; `count`: of taps. */
  command({ viewer, name }: Account, type: ClientFrame["type"], nowMs: number, count = 1): boolean {
    const { socket, address } = COMMAND_RATES[type];
    const own = socket === FRAME_RATE || this.#buckets.within(`${type} ${name}`, socket, nowMs, count);
    return own && this.#ofAddress(type, viewer, address, nowMs, count);
  }

  /** Whether the room may be asked for its history once more. */
  history(viewer: Viewer, nowMs: number): boolean {
    return this.#ofAddress("history", viewer, HISTORY_RATE, nowMs, 1);
  }

  /** Bytes that a socket may be answered now. */
  allowance({ viewer, name, credit }: Account, nowMs: number): number {
    const own = this.#buckets.left(`bytes ${name}`, SOCKET_BYTES, nowMs);
    const address = viewer.address;
    const shared = address === "" ? own : this.#buckets.left(`bytes of ${address}`, ADDRESS_BYTES, nowMs);
    return Math.floor(Math.min(own, shared, viewer.subject === null ? credit : own));
  }

  /** A socket was answered so many bytes, of its allowance. */
  spend(account: Account, bytes: number, nowMs: number): void {
    account.credit -= bytes;
    this.#buckets.within(`bytes ${account.name}`, SOCKET_BYTES, nowMs, bytes);
    const { address } = account.viewer;
    if (address !== "") this.#buckets.within(`bytes of ${address}`, ADDRESS_BYTES, nowMs, bytes);
  }

  #ofAddress(what: string, { address }: Viewer, rate: Rate, nowMs: number, cost: number): boolean {
    return address === "" || this.#buckets.within(`${what} of ${address}`, rate, nowMs, cost);
  }
}
