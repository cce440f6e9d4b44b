/** What a shard's viewers did, on its way to the room: gathered for a tick, one call at a time, tried again. */
import type { Asked } from "../../protocol/room/decide.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { Submission, SubmissionReply } from "../../protocol/room/mesh.ts";
import type { Outcome } from "../../protocol/room/wire.ts";

interface Waiting {
  readonly asked: Asked;
  readonly answer: (outcome: Outcome) => void;
}

/** A failed call is made again after so long, times the number of tries. */
const RETRY_MS = 200;

/** The acts and taps of one shard. A timer is set only while something is on its way, so that the shard can hibernate. */
export class Outbox {
  readonly #submit: (submission: Submission) => Promise<SubmissionReply>;
  #waiting: Waiting[] = [];
  #likes = 0;
  #reactions: Record<string, number> = {};
  #underway = false;
  #gatherMs = 0;
  #tries = 0;

  constructor(submit: (submission: Submission) => Promise<SubmissionReply>) {
    this.#submit = submit;
  }

  /** Whether something is on its way. */
  get busy(): boolean {
    return this.#underway;
  }

  /** Takes an act on; `answer` is called once, with what became of it. False: too many wait. */
  add(asked: Asked, answer: (outcome: Outcome) => void, gatherMs: number): boolean {
    if (this.#waiting.length >= ROOM_LIMITS.shardQueue) return false;
    this.#waiting.push({ asked, answer });
    this.#gatherMs = gatherMs;
    this.#soon(gatherMs);
    return true;
  }

  /** Counts likes (no emoji) or reactions in. */
  tap(emoji: string | null, count: number, gatherMs: number): void {
    if (emoji === null) this.#likes += count;
    else if (this.#reactions[emoji] !== undefined || Object.keys(this.#reactions).length < ROOM_LIMITS.emoji) {
      this.#reactions[emoji] = (this.#reactions[emoji] ?? 0) + count;
    }
    this.#gatherMs = gatherMs;
    this.#soon(gatherMs);
  }

  #soon(afterMs: number): void {
    if (this.#underway) return;
    this.#underway = true;
    setTimeout(() => void this.#flush(), afterMs);
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting.slice(0, ROOM_LIMITS.submitActs);
    const submission = { acts: batch.map(({ asked }) => asked), likes: this.#likes, reactions: this.#reactions };
    // Taps of a call that fails are lost rather than counted twice.
    this.#likes = 0;
    this.#reactions = {};
    // What came meanwhile gathers too, or a busy shard would call the room as fast as it answers.
    let afterMs = this.#gatherMs;
    try {
      const { outcomes } = await this.#submit(submission);
      this.#tries = 0;
      this.#waiting = this.#waiting.slice(batch.length);
      for (const [index, { answer }] of batch.entries()) answer(outcomes[index] ?? UNAVAILABLE);
    } catch (error) {
      this.#tries += 1;
      afterMs = RETRY_MS * this.#tries;
      if (this.#tries >= ROOM_LIMITS.submitTries) {
        console.warn("the room doesn't answer", error);
        this.#tries = 0;
        const given = this.#waiting;
        this.#waiting = [];
        for (const { answer } of given) answer(UNAVAILABLE);
      }
    }
    this.#underway = false;
    if (this.#waiting.length > 0 || this.#likes > 0 || Object.keys(this.#reactions).length > 0) this.#soon(afterMs);
  }
}

const UNAVAILABLE: Outcome = { ok: false, error: "unavailable" };
