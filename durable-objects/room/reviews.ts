/** Messages of a shard's viewers on their way past a reviewer, before the room hears of them. */
import { type Opinion, opinionOn, type ReviewPolicy } from "../../protocol/moderation/review.ts";
import type { Asked } from "../../protocol/room/decide.ts";
import { isStaff, viewerKey } from "../../protocol/room/events.ts";
import { hash32 } from "../../protocol/room/hash.ts";
import { Judge } from "../../protocol/room/judge.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import { RoomState } from "../../protocol/room/state.ts";
import { Circuit } from "../../protocol/tree/circuit.ts";

/**
 * Asks about each message beside the others, and passes a person's messages on in the order in which they came. Memory
 * only: what is lost here was not acknowledged, and is sent again.
 */
export class Reviews {
  readonly #stream: string;
  readonly #policy: ReviewPolicy<AbortSignal> | null;
  readonly #judge = new Judge();
  readonly #circuit = new Circuit();
  /** By person: settles when what came so far was passed on. */
  readonly #lines = new Map<string, Promise<void>>();
  #underway = 0;
  #waiting = 0;

  /** Without a policy nothing is reviewed. */
  constructor(stream: string, policy: ReviewPolicy<AbortSignal> | null) {
    this.#stream = stream;
    this.#policy = policy;
  }

  /**
   * Has an act reviewed if it is a message; `pass` is called once with what goes to the room, within the deadline. What
   * the room is like is asked only then. False: too many wait.
   */
  take(asked: Asked, room: () => Promise<{ readonly state: RoomState }>, pass: (reviewed: Asked) => void): boolean {
    const policy = this.#policy;
    if (policy === null || asked.act.kind !== "chat") {
      pass(asked);
      return true;
    }
    // A room that doesn't say what it is like holds up what would be reviewed, however short the deadline.
    if (this.#waiting >= ROOM_LIMITS.shardQueue) return false;
    this.#waiting += 1;
    const key = viewerKey(asked.by);
    const opinion = this.#opinion(asked, asked.act.text, room, policy);
    const line = Promise.all([opinion, this.#lines.get(key)]).then(([opinion]) => {
      this.#waiting -= 1;
      pass(opinion === null ? asked : { ...asked, opinion });
      if (this.#lines.get(key) === line) this.#lines.delete(key);
    });
    this.#lines.set(key, line);
    return true;
  }

  /** Null for the staff's messages, and for what the lists deny: it is not sent out. Never rejects. */
  async #opinion(
    { by }: Asked,
    text: string,
    room: () => Promise<{ readonly state: RoomState }>,
    policy: ReviewPolicy<AbortSignal>,
  ): Promise<Opinion | null> {
    const { state } = await room().catch(() => ({ state: new RoomState() }));
    if (isStaff(state.rolesOf(by))) return null;
    const local = this.#judge.text(text, state);
    if (local.decision === "deny") return null;
    if (this.#underway >= ROOM_LIMITS.reviews) return { decision: policy.fallback, by: "busy" };
    // A reviewer that is down costs nobody the deadline but those who try it.
    if (this.#circuit.permit(Date.now()) === "refused") return { decision: policy.fallback, by: "failed" };
    this.#underway += 1;
    const sender = hash32(`${this.#stream} ${by.subject}`).toString(36);
    const opinion = await opinionOn(text, { stream: this.#stream, sender, local }, policy);
    this.#underway -= 1;
    if (opinion.by === "reviewer") this.#circuit.succeeded();
    else this.#circuit.failed(Date.now(), Math.random());
    return opinion;
  }
}
