/**
 * Budgets of what a socket may make a shard send. Broadcasts are free. Individual answers are limited: for viewers without
 * an account by what they sent, for each socket by a rate, and for all sockets of an address together.
 */
import type { BucketRate } from "../../kit/token-bucket.ts";
import { TokenBuckets } from "../../kit/token-buckets.ts";
import { hasAccount, type Participant } from "../participants.ts";
import type { ClientFrame } from "../room-protocol.ts";
import {
  CLIENT_FRAME_RATES,
  GUEST_COMMAND_RATE,
  HISTORY_READ_RATE,
  SOCKET_FRAME_RATE,
  SOCKET_OPEN_RATE,
} from "../room-rates.ts";

/** Limits of answers, each with its reason. */
export const SHARD_BUDGET_LIMITS = {
  /** Most bytes of answers to a viewer without an account, for each byte that it sent. */
  answerBytesPerByteReceived: 50,
  /** Bytes that opening a socket counts as: the shortest such request. It pays for the welcome's messages. */
  socketOpenBytes: 200,
  /** Bytes of a frame's header and mask. */
  frameOverheadBytes: 6,
} as const;

/** Bytes of answers to one socket: one recovery after a long absence at once, and then one in half a minute. */
const SOCKET_BYTE_RATE: BucketRate = { perSecond: 16_384, burst: 1_048_576 };
/** Bytes of answers to one address at a shard: all viewers of a company that reconnect at once. */
const ADDRESS_BYTE_RATE: BucketRate = { perSecond: 262_144, burst: 8_388_608 };

/** The budget of one socket. In memory only: a restarted shard starts new budgets. */
export interface SocketBudget {
  /** The participant of the socket. */
  readonly viewer: Participant;
  /** Unique in the shard. */
  readonly socketId: string;
  /** Remaining bytes of answers for what it sent. */
  creditBytes: number;
}

/** The budget of a new socket. */
export function createSocketBudget(viewer: Participant, socketId: string): SocketBudget {
  return {
    viewer,
    socketId,
    creditBytes: SHARD_BUDGET_LIMITS.answerBytesPerByteReceived * SHARD_BUDGET_LIMITS.socketOpenBytes,
  };
}

/** The budgets of one shard. A socket without a known address has only its own budget. */
export class ShardBudgets {
  readonly #buckets = new TokenBuckets();

  /** Whether a viewer's address may open another socket. */
  allowSocketOpen(viewer: Participant, nowMs: number): boolean {
    return this.#allowAddress("join", viewer, SOCKET_OPEN_RATE, nowMs, 1);
  }

  /** Records a frame of `chars` characters; whether the socket is within its frame rate. */
  recordFrame(budget: SocketBudget, chars: number, nowMs: number): boolean {
    budget.creditBytes +=
      SHARD_BUDGET_LIMITS.answerBytesPerByteReceived * (chars + SHARD_BUDGET_LIMITS.frameOverheadBytes);
    return this.#buckets.tryTake(`frame ${budget.socketId}`, SOCKET_FRAME_RATE, nowMs);
  }

  /** Whether a frame is within the rates of its type; `count`: of its reactions. */
  allowFrameType({ viewer, socketId }: SocketBudget, type: ClientFrame["type"], nowMs: number, count = 1): boolean {
    const { socket, address } = CLIENT_FRAME_RATES[type];
    const own = socket === SOCKET_FRAME_RATE || this.#buckets.tryTake(`${type} ${socketId}`, socket, nowMs, count);
    const isGuestCommand = type === "act" && !hasAccount(viewer);
    const asGuest = !isGuestCommand || this.#allowAddress("guest act", viewer, GUEST_COMMAND_RATE, nowMs, 1);
    return own && asGuest && this.#allowAddress(type, viewer, address, nowMs, count);
  }

  /** Whether another history request to the room is allowed. */
  allowHistoryRead(viewer: Participant, nowMs: number): boolean {
    return this.#allowAddress("history", viewer, HISTORY_READ_RATE, nowMs, 1);
  }

  /** Bytes that may be sent to a socket as answers now. */
  answerAllowanceBytes({ viewer, socketId, creditBytes }: SocketBudget, nowMs: number): number {
    const own = this.#buckets.remainingTokens(`bytes ${socketId}`, SOCKET_BYTE_RATE, nowMs);
    const address = viewer.address;
    const shared =
      address === "" ? own : this.#buckets.remainingTokens(`bytes of ${address}`, ADDRESS_BYTE_RATE, nowMs);
    return Math.floor(Math.min(own, shared, hasAccount(viewer) ? own : creditBytes));
  }

  /** Takes the bytes of an answer out of the budgets. */
  spendAnswerBytes(budget: SocketBudget, bytes: number, nowMs: number): void {
    budget.creditBytes -= bytes;
    this.#buckets.tryTake(`bytes ${budget.socketId}`, SOCKET_BYTE_RATE, nowMs, bytes);
    const { address } = budget.viewer;
    if (address !== "") this.#buckets.tryTake(`bytes of ${address}`, ADDRESS_BYTE_RATE, nowMs, bytes);
  }

  #allowAddress(what: string, { address }: Participant, rate: BucketRate, nowMs: number, cost: number): boolean {
    return address === "" || this.#buckets.tryTake(`${what} of ${address}`, rate, nowMs, cost);
  }
}
