/** Messages of a shard's viewers on their way past a reviewer, before the room hears of them. */

import { CircuitBreaker } from "../../../core/kit/circuit-breaker.ts";
import { hash32 } from "../../../core/kit/hash.ts";
import { type ReviewPolicy, type ReviewVerdict, requestReview } from "../../../core/moderation/review.ts";
import { isStaff, participantKey } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { RoomState } from "../../../core/room/room-state.ts";
import type { CommandEnvelope } from "../../../core/room/sequencer/decision.ts";
import { TextModerator } from "../../../core/room/sequencer/text-moderator.ts";

/**
 * Asks about each message beside the others, and passes a person's messages on in the order in which they came. Memory
 * only: what is lost here was not acknowledged, and is sent again.
 */
export class ReviewQueue {
  readonly #stream: string;
  readonly #policy: ReviewPolicy<AbortSignal> | null;
  readonly #textModerator = new TextModerator();
  readonly #circuit = new CircuitBreaker();
  /** By person: settles when what came so far was passed on. */
  readonly #tails = new Map<string, Promise<void>>();
  #reviewsInFlight = 0;
  #pendingCount = 0;

  /** Without a policy nothing is reviewed. */
  constructor(stream: string, policy: ReviewPolicy<AbortSignal> | null) {
    this.#stream = stream;
    this.#policy = policy;
  }

  /**
   * Has an act reviewed if it is a message; `pass` is called once with what goes to the room, within the deadline. What
   * the room is like is asked only then. False: too many wait.
   */
  submit(
    asked: CommandEnvelope,
    room: () => Promise<{ readonly state: RoomState }>,
    pass: (reviewed: CommandEnvelope) => void,
  ): boolean {
    const policy = this.#policy;
    if (policy === null || asked.act.kind !== "chat") {
      pass(asked);
      return true;
    }
    // A room that doesn't say what it is like holds up what would be reviewed, however short the deadline.
    if (this.#pendingCount >= ROOM_LIMITS.pendingCommandsPerShard) return false;
    this.#pendingCount += 1;
    const key = participantKey(asked.by);
    const opinion = this.#reviewMessage(asked, asked.act.text, room, policy);
    const line = Promise.all([opinion, this.#tails.get(key)]).then(([opinion]) => {
      this.#pendingCount -= 1;
      pass(opinion === null ? asked : { ...asked, opinion });
      if (this.#tails.get(key) === line) this.#tails.delete(key);
    });
    this.#tails.set(key, line);
    return true;
  }

  /** Null for the staff's messages, and for what the lists deny: it is not sent out. Never rejects. */
  async #reviewMessage(
    { by }: CommandEnvelope,
    text: string,
    room: () => Promise<{ readonly state: RoomState }>,
    policy: ReviewPolicy<AbortSignal>,
  ): Promise<ReviewVerdict | null> {
    const { state } = await room().catch(() => ({ state: new RoomState() }));
    if (isStaff(state.effectiveRoles(by))) return null;
    const local = this.#textModerator.moderateText(text, state);
    if (local.decision === "deny") return null;
    if (this.#reviewsInFlight >= ROOM_LIMITS.concurrentReviews) return { decision: policy.fallback, by: "busy" };
    // A reviewer that is down costs nobody the deadline but those who try it.
    if (this.#circuit.requestPermit(Date.now()) === "refused") return { decision: policy.fallback, by: "failed" };
    this.#reviewsInFlight += 1;
    const sender = hash32(`${this.#stream} ${by.subject}`).toString(36);
    const opinion = await requestReview(text, { stream: this.#stream, sender, local }, policy);
    this.#reviewsInFlight -= 1;
    if (opinion.by === "reviewer") this.#circuit.recordSuccess();
    else this.#circuit.recordFailure(Date.now(), Math.random());
    return opinion;
  }
}
