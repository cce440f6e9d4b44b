/** What a shard's viewers did, on its way to the room: gathered for a tick, one call at a time, tried again. */

import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { CommandOutcome } from "../../core/room/room-protocol.ts";
import type { CommandEnvelope } from "../../core/room/sequencer/decision.ts";
import type { CommandBatch, CommandBatchReply } from "../../core/room/shard-rpc.ts";

interface PendingCommand {
  readonly envelope: CommandEnvelope;
  readonly resolve: (outcome: CommandOutcome) => void;
}

/** A failed call is made again after so long, times the number of tries. */
const RETRY_MS = 200;

/** The acts and taps of one shard. A timer is set only while something is on its way, so that the shard can hibernate. */
export class CommandBatcher {
  readonly #submit: (submission: CommandBatch) => Promise<CommandBatchReply>;
  #pending: PendingCommand[] = [];
  #likes = 0;
  #reactions: Record<string, number> = {};
  #scheduled = false;
  #batchIntervalMs = 0;
  #attempts = 0;

  constructor(submit: (submission: CommandBatch) => Promise<CommandBatchReply>) {
    this.#submit = submit;
  }

  /** Whether something is on its way. */
  get isScheduled(): boolean {
    return this.#scheduled;
  }

  /** Takes an act on; `answer` is called once, with what became of it. False: too many wait. */
  enqueue(asked: CommandEnvelope, answer: (outcome: CommandOutcome) => void, gatherMs: number): boolean {
    if (this.#pending.length >= ROOM_LIMITS.pendingCommandsPerShard) return false;
    this.#pending.push({ envelope: asked, resolve: answer });
    this.#batchIntervalMs = gatherMs;
    this.#schedule(gatherMs);
    return true;
  }

  /** Counts likes (no emoji) or reactions in. */
  addReactions(emoji: string | null, count: number, gatherMs: number): void {
    if (emoji === null) this.#likes += count;
    else if (this.#reactions[emoji] !== undefined || Object.keys(this.#reactions).length < ROOM_LIMITS.distinctEmoji) {
      this.#reactions[emoji] = (this.#reactions[emoji] ?? 0) + count;
    }
    this.#batchIntervalMs = gatherMs;
    this.#schedule(gatherMs);
  }

  #schedule(afterMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => void this.#flush(), afterMs);
  }

  async #flush(): Promise<void> {
    const batch = this.#pending.slice(0, ROOM_LIMITS.commandsPerBatch);
    const submission = { acts: batch.map(({ envelope }) => envelope), likes: this.#likes, reactions: this.#reactions };
    // Taps of a call that fails are lost rather than counted twice.
    this.#likes = 0;
    this.#reactions = {};
    // What came meanwhile gathers too, or a busy shard would call the room as fast as it answers.
    let afterMs = this.#batchIntervalMs;
    try {
      const { outcomes } = await this.#submit(submission);
      this.#attempts = 0;
      this.#pending = this.#pending.slice(batch.length);
      for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] ?? UNAVAILABLE_OUTCOME);
    } catch (error) {
      this.#attempts += 1;
      afterMs = RETRY_MS * this.#attempts;
      if (this.#attempts >= ROOM_LIMITS.batchAttempts) {
        console.warn("the room doesn't answer", error);
        this.#attempts = 0;
        const given = this.#pending;
        this.#pending = [];
        for (const { resolve } of given) resolve(UNAVAILABLE_OUTCOME);
      }
    }
    this.#scheduled = false;
    if (this.#pending.length > 0 || this.#likes > 0 || Object.keys(this.#reactions).length > 0) this.#schedule(afterMs);
  }
}

const UNAVAILABLE_OUTCOME: CommandOutcome = { ok: false, error: "unavailable" };
