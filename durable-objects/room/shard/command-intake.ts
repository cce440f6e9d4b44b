/** What a shard's viewers do, before it goes to the room: acts that are known are recognised, rates are kept. */

import type { Role } from "../../../core/access/roles.ts";
import { encodeCompositeKey } from "../../../core/kit/composite-key.ts";
import { TokenBuckets } from "../../../core/kit/token-buckets.ts";
import { type Participant, participantKey } from "../../../core/room/events.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { commandRate, REACTION_RATE, RESEND_RATE } from "../../../core/room/room-rates.ts";
import { commandDigest } from "../../../core/room/sequencer/command-digest.ts";
import type { CommandEnvelope } from "../../../core/room/sequencer/decision.ts";
import type { CommandBatcher } from "../command-batcher.ts";
import type { ReviewQueue } from "./review-queue.ts";

type OutcomeCallback = (outcome: CommandOutcome) => void;

/** Bounds of an intake, each with its reason. */
const COMMAND_INTAKE_LIMITS = {
  /** Outcomes remembered for those whose acknowledgement was lost: some 20 s of a full room. */
  outcomes: 1_024,
  /** Sendings of one act that are answered: a client makes no more. */
  answersPerCommand: 10,
} as const;

/** The intake of one shard. */
export class CommandIntake {
  readonly #batcher: CommandBatcher;
  readonly #reviewQueue: ReviewQueue;
  readonly #loadReplica: Parameters<ReviewQueue["submit"]>[1];
  readonly #buckets = new TokenBuckets();
  /** Who waits for the outcome of each act that is on its way. */
  readonly #pending = new Map<string, { readonly digest: string; readonly answers: OutcomeCallback[] }>();
  /** Outcomes of acts that were done, the oldest first. */
  readonly #outcomes = new Map<string, { readonly digest: string; readonly outcome: CommandOutcome }>();

  /** `room`: what the room is like, for those who review. */
  constructor(outbox: CommandBatcher, reviews: ReviewQueue, room: Parameters<ReviewQueue["submit"]>[1]) {
    this.#batcher = outbox;
    this.#reviewQueue = reviews;
    this.#loadReplica = room;
  }

  /** Takes an act on, of one who has `roles`; `answer` is called with what became of it. */
  submit(asked: CommandEnvelope, roles: readonly Role[], answer: OutcomeCallback, gatherMs: number): void {
    const key = encodeCompositeKey(participantKey(asked.by), asked.id);
    const digest = commandDigest(asked.act);
    // An act that comes again costs nothing: its sender couldn't know that it had come.
    const done = this.#outcomes.get(key);
    const underway = this.#pending.get(key);
    const known = done ?? underway;
    if (known !== undefined && known.digest !== digest) answer(refusedOutcome("id-used"));
    else if (done !== undefined) answer(done.outcome);
    else if (underway === undefined) this.#forward(key, digest, asked, roles, answer, gatherMs);
    else if (underway.answers.length < COMMAND_INTAKE_LIMITS.answersPerCommand) underway.answers.push(answer);
  }

  #forward(
    key: string,
    digest: string,
    asked: CommandEnvelope,
    roles: readonly Role[],
    answer: OutcomeCallback,
    gatherMs: number,
  ): void {
    const person = participantKey(asked.by);
    const nowMs = Date.now();
    const within = this.#buckets.tryTake(encodeCompositeKey("act", person), commandRate(roles), nowMs);
    // Another shard, or this one before it lost its memory, may have passed it on: the room knows, and is asked so often.
    const may = within || this.#buckets.tryTake(encodeCompositeKey("again", person), RESEND_RATE, nowMs);
    const passed: CommandEnvelope = within ? asked : { ...asked, onlyIfKnown: true };
    if (!may) {
      answer(refusedOutcome("rate-limited"));
      return;
    }
    this.#pending.set(key, { digest, answers: [answer] });
    const settle = (outcome: CommandOutcome): void => this.#resolve(key, outcome);
    const taken = this.#reviewQueue.submit(passed, this.#loadReplica, (reviewed) => {
      if (!this.#batcher.enqueue(reviewed, settle, gatherMs)) settle(refusedOutcome("busy"));
    });
    if (!taken) settle(refusedOutcome("busy"));
  }

  /** Counts likes (no emoji) or reactions in. Those beyond the rate aren't counted, which nobody needs to be told. */
  addReactions(by: Participant, emoji: string | null, count: number, gatherMs: number): void {
    const within = this.#buckets.tryTake(
      encodeCompositeKey("tap", participantKey(by)),
      REACTION_RATE,
      Date.now(),
      count,
    );
    if (within) this.#batcher.addReactions(emoji, count, gatherMs);
  }

  #resolve(key: string, outcome: CommandOutcome): void {
    const underway = this.#pending.get(key);
    if (underway === undefined) return;
    const { digest, answers } = underway;
    this.#pending.delete(key);
    if (outcome.ok && outcome.list === undefined) {
      this.#outcomes.set(key, { digest, outcome });
      const [oldest] = this.#outcomes.keys();
      if (this.#outcomes.size > COMMAND_INTAKE_LIMITS.outcomes && oldest !== undefined) this.#outcomes.delete(oldest);
    }
    for (const answer of answers) answer(outcome);
  }
}

function refusedOutcome(error: "rate-limited" | "busy" | "id-used"): CommandOutcome {
  return { ok: false, error };
}
