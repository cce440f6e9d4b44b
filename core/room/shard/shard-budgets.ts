/**
 * How much a socket may make a shard send. What everybody is told costs nobody anything; what one alone is answered is
 * paid for: by somebody without an account with what it sent, by everybody with a rate, by all of one address together.
 */
import type { BucketRate } from "../../kit/token-bucket.ts";
import { TokenBuckets } from "../../kit/token-buckets.ts";
import type { Participant } from "../events.ts";
import type { ClientFrame } from "../room-protocol.ts";
import { CLIENT_FRAME_RATES, HISTORY_READ_RATE, SOCKET_FRAME_RATE, SOCKET_OPEN_RATE } from "../room-rates.ts";

/** Bounds of what is answered, each with its reason. */
export const SHARD_BUDGET_LIMITS = {
  /** Bytes that somebody without an account is answered, at most, for each byte that it sent. */
  answerBytesPerByteReceived: 50,
  /** What opening a socket counts as: the shortest request that does. It pays for the messages that newcomers are shown. */
  socketOpenBytes: 200,
  /** What a frame costs beside its text: header and mask. */
  frameOverheadBytes: 6,
} as const;

/** Bytes of answers of one socket: a return after a long absence at once, and then one in half a minute. */
const SOCKET_BYTE_RATE: BucketRate = { perSecond: 16_384, burst: 1_048_576 };
/** Bytes of answers of one address at a shard: all of a company that comes back at once. */
const ADDRESS_BYTE_RATE: BucketRate = { perSecond: 262_144, burst: 8_388_608 };

/** What one socket has sent and was answered. In memory: whoever loses it begins anew. */
export interface SocketBudget {
  /** Who holds the socket. */
  readonly viewer: Participant;
  /** A name that no other socket has here. */
  readonly socketId: string;
  /** Bytes that it may be answered yet for what it sent. */
  creditBytes: number;
}

/** An account that was just opened. */
export function createSocketBudget(viewer: Participant, name: string): SocketBudget {
  return {
    viewer,
    socketId: name,
    creditBytes: SHARD_BUDGET_LIMITS.answerBytesPerByteReceived * SHARD_BUDGET_LIMITS.socketOpenBytes,
  };
}

/** The budgets of one shard. Where an address is not known, only its sockets are counted. */
export class ShardBudgets {
  readonly #buckets = new TokenBuckets();

  /** Whether one more socket may be opened by a viewer's address. */
  allowSocketOpen(viewer: Participant, nowMs: number): boolean {
    return this.#allowAddress("join", viewer, SOCKET_OPEN_RATE, nowMs, 1);
  }

  /** A frame of so many characters came; whether the socket is within its rate of frames. */
  recordFrame(account: SocketBudget, chars: number, nowMs: number): boolean {
    account.creditBytes +=
      SHARD_BUDGET_LIMITS.answerBytesPerByteReceived * (chars + SHARD_BUDGET_LIMITS.frameOverheadBytes);
    return this.#buckets.tryTake(`frame ${account.socketId}`, SOCKET_FRAME_RATE, nowMs);
  }

  /** Whether a command is within the rates of its kind; `count`: of taps. */
  allowFrameType({ viewer, socketId }: SocketBudget, type: ClientFrame["type"], nowMs: number, count = 1): boolean {
    const { socket, address } = CLIENT_FRAME_RATES[type];
    const own = socket === SOCKET_FRAME_RATE || this.#buckets.tryTake(`${type} ${socketId}`, socket, nowMs, count);
    return own && this.#allowAddress(type, viewer, address, nowMs, count);
  }

  /** Whether the room may be asked for its history once more. */
  allowHistoryRead(viewer: Participant, nowMs: number): boolean {
    return this.#allowAddress("history", viewer, HISTORY_READ_RATE, nowMs, 1);
  }

  /** Bytes that a socket may be answered now. */
  answerAllowanceBytes({ viewer, socketId, creditBytes }: SocketBudget, nowMs: number): number {
    const own = this.#buckets.remainingTokens(`bytes ${socketId}`, SOCKET_BYTE_RATE, nowMs);
    const address = viewer.address;
    const shared =
      address === "" ? own : this.#buckets.remainingTokens(`bytes of ${address}`, ADDRESS_BYTE_RATE, nowMs);
    return Math.floor(Math.min(own, shared, viewer.subject === null ? creditBytes : own));
  }

  /** A socket was answered so many bytes, of its allowance. */
  spendAnswerBytes(account: SocketBudget, bytes: number, nowMs: number): void {
    account.creditBytes -= bytes;
    this.#buckets.tryTake(`bytes ${account.socketId}`, SOCKET_BYTE_RATE, nowMs, bytes);
    const { address } = account.viewer;
    if (address !== "") this.#buckets.tryTake(`bytes of ${address}`, ADDRESS_BYTE_RATE, nowMs, bytes);
  }

  #allowAddress(what: string, { address }: Participant, rate: BucketRate, nowMs: number, cost: number): boolean {
    return address === "" || this.#buckets.tryTake(`${what} of ${address}`, rate, nowMs, cost);
  }
}
