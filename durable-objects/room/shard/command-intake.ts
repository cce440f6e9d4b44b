/** Commands and reactions of a shard's viewers before the room: deduplication and rate limits. */
import type { Role } from "../../../core/access/roles.ts";
import { BoundedMap } from "../../../core/kit/bounded-map.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { encodeCompositeKey } from "../../../core/kit/composite-key.ts";
import { TokenBuckets } from "../../../core/kit/token-buckets.ts";
import type { CommandEnvelope } from "../../../core/room/commands/index.ts";
import { type Participant, participantKey } from "../../../core/room/participants.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { commandRate, REACTION_RATE, RESEND_RATE } from "../../../core/room/room-rates.ts";
import { commandDigest } from "../../../core/room/sequencer/command-digest.ts";
import type { CommandBatcher } from "../command-batcher.ts";
import type { ReviewQueue } from "./review-queue.ts";

type OutcomeCallback = (outcome: CommandOutcome) => void;

/** Limits of an intake, each with its reason. */
const COMMAND_INTAKE_LIMITS = {
  /** Remembered outcomes, for resends after a lost acknowledgement; the last half, some 20 s of a full room, at least. */
  outcomes: 2_048,
  /** Answered sends of one command: a client makes no more attempts. */
  answersPerCommand: 10,
} as const;

/** The intake of one shard. */
export class CommandIntake {
  readonly #batcher: CommandBatcher;
  readonly #reviewQueue: ReviewQueue;
  readonly #clock: Clock;
  readonly #buckets = new TokenBuckets();
  /** Callbacks of the commands on their way. */
  readonly #pending = new Map<string, { readonly digest: string; readonly answers: OutcomeCallback[] }>();
  /** Outcomes of accepted commands. */
  readonly #outcomes = new BoundedMap<string, { readonly digest: string; readonly outcome: CommandOutcome }>(
    COMMAND_INTAKE_LIMITS.outcomes,
  );

  constructor(batcher: CommandBatcher, reviewQueue: ReviewQueue, clock: Clock) {
    this.#batcher = batcher;
    this.#reviewQueue = reviewQueue;
    this.#clock = clock;
  }

  /** Forwards a command of a participant with `roles`; `answer` is called with its outcome. */
  submit(envelope: CommandEnvelope, roles: readonly Role[], answer: OutcomeCallback): void {
    const key = encodeCompositeKey(participantKey(envelope.by), envelope.id);
    const digest = commandDigest(envelope.act);
    // A resend takes no tokens: its sender cannot know that the command arrived.
    const done = this.#outcomes.get(key);
    const pending = this.#pending.get(key);
    const known = done ?? pending;
    if (known !== undefined && known.digest !== digest) answer(refusedOutcome("id-used"));
    else if (done !== undefined) answer(done.outcome);
    else if (pending === undefined) this.#forward(key, digest, envelope, roles, answer);
    else if (pending.answers.length < COMMAND_INTAKE_LIMITS.answersPerCommand) pending.answers.push(answer);
  }

  #forward(
    key: string,
    digest: string,
    envelope: CommandEnvelope,
    roles: readonly Role[],
    answer: OutcomeCallback,
  ): void {
    const participant = participantKey(envelope.by);
    const nowMs = this.#clock.nowMs();
    const isWithinRate = this.#buckets.tryTake(encodeCompositeKey("act", participant), commandRate(roles), nowMs);
    // Another shard, or this one before it lost its memory, may have forwarded the command: the room may know its outcome.
    const isAllowed =
      isWithinRate || this.#buckets.tryTake(encodeCompositeKey("again", participant), RESEND_RATE, nowMs);
    const forwarded: CommandEnvelope = isWithinRate ? envelope : { ...envelope, onlyIfKnown: true };
    if (!isAllowed) {
      answer(refusedOutcome("rate-limited"));
      return;
    }
    this.#pending.set(key, { digest, answers: [answer] });
    const settle = (outcome: CommandOutcome): void => this.#resolve(key, outcome);
    const isQueued = this.#reviewQueue.submit(forwarded, (reviewed) => {
      if (!this.#batcher.enqueue(reviewed, settle)) settle(refusedOutcome("busy"));
    });
    if (!isQueued) settle(refusedOutcome("busy"));
  }

  /** Adds likes (no emoji) or reactions. Those beyond the rate are dropped without an answer. */
  addReactions(by: Participant, emoji: string | null, count: number): void {
    const key = encodeCompositeKey("tap", participantKey(by));
    if (this.#buckets.tryTake(key, REACTION_RATE, this.#clock.nowMs(), count)) this.#batcher.addReactions(emoji, count);
  }

  #resolve(key: string, outcome: CommandOutcome): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    const { digest, answers } = pending;
    this.#pending.delete(key);
    if (outcome.ok && outcome.list === undefined) this.#outcomes.set(key, { digest, outcome });
    for (const answer of answers) answer(outcome);
  }
}

function refusedOutcome(error: "rate-limited" | "busy" | "id-used"): CommandOutcome {
  return { ok: false, error };
}
