/** Messages of a shard's viewers on their way through a reviewer, before the room. */
import { CircuitBreaker } from "../../../core/kit/circuit-breaker.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import { hash32 } from "../../../core/kit/hash.ts";
import { type ReviewPolicy, type ReviewVerdict, requestReview } from "../../../core/moderation/review.ts";
import type { CommandEnvelope } from "../../../core/room/commands/index.ts";
import { isStaff, participantKey } from "../../../core/room/participants.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { RoomState } from "../../../core/room/room-state.ts";
import { TextModerator } from "../../../core/room/sequencer/text-moderator.ts";

/** What a queue reviews with. */
export interface ReviewQueueOptions {
  readonly stream: string;
  /** Null: nothing is reviewed. */
  readonly policy: ReviewPolicy<AbortSignal> | null;
  /** The room's state, for each message that is reviewed. */
  readonly loadState: () => Promise<RoomState>;
  readonly platform: Platform;
}

/**
 * Reviews messages concurrently and forwards each participant's messages in their order. In memory only: a lost message
 * has no acknowledgement, and its client resends it.
 */
export class ReviewQueue {
  readonly #options: ReviewQueueOptions;
  readonly #textModerator = new TextModerator();
  readonly #circuit = new CircuitBreaker();
  /** By participant: settles when its last message is forwarded. */
  readonly #tails = new Map<string, Promise<void>>();
  #reviewsInFlight = 0;
  #pendingCount = 0;

  constructor(options: ReviewQueueOptions) {
    this.#options = options;
  }

  /**
   * Reviews a command if it is a chat message; `forward` is called once, within the deadline, with the command and its
   * verdict. False: too many messages are pending.
   */
  submit(envelope: CommandEnvelope, forward: (reviewed: CommandEnvelope) => void): boolean {
    const { policy } = this.#options;
    if (policy === null || envelope.act.kind !== "chat") {
      forward(envelope);
      return true;
    }
    // A room that does not answer delays messages beyond the review deadline.
    if (this.#pendingCount >= ROOM_LIMITS.pendingCommandsPerShard) return false;
    this.#pendingCount += 1;
    const key = participantKey(envelope.by);
    const review = this.#reviewMessage(envelope, envelope.act.text, policy);
    const tail = Promise.all([review, this.#tails.get(key)]).then(([opinion]) => {
      this.#pendingCount -= 1;
      forward(opinion === null ? envelope : { ...envelope, opinion });
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
    return true;
  }

  /** The verdict; null for messages of staff and messages that the local lists deny. Never rejects. */
  async #reviewMessage(
    { by }: CommandEnvelope,
    text: string,
    policy: ReviewPolicy<AbortSignal>,
  ): Promise<ReviewVerdict | null> {
    const { stream, loadState, platform } = this.#options;
    const state = await loadState().catch(() => new RoomState());
    if (isStaff(state.effectiveRoles(by))) return null;
    const local = this.#textModerator.moderateText(text, state);
    if (local.decision === "deny") return null;
    if (this.#reviewsInFlight >= ROOM_LIMITS.concurrentReviews) return { decision: policy.fallback, by: "busy" };
    // While the reviewer is down, only probes wait for the deadline.
    const permit = this.#circuit.requestPermit(platform.clock.nowMs());
    if (permit === "refused") return { decision: policy.fallback, by: "failed" };
    this.#reviewsInFlight += 1;
    const sender = hash32(`${stream} ${by.subject}`).toString(36);
    const verdict = await requestReview(text, { stream, sender, local }, policy);
    this.#reviewsInFlight -= 1;
    if (verdict.by === "reviewer") this.#circuit.recordSuccess();
    else this.#circuit.recordFailure(permit, platform.clock.nowMs(), platform.random());
    return verdict;
  }
}
