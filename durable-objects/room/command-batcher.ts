/** Commands and reactions of one object's viewers on their way to the object above: batched, one call at a time, retried. */
import type { Clock } from "../../core/kit/clock.ts";
import type { CommandEnvelope } from "../../core/room/commands/index.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { CommandOutcome } from "../../core/room/room-protocol.ts";
import type { CommandBatch, CommandBatchReply } from "../../core/room/shard-rpc.ts";

interface PendingCommand {
  readonly envelope: CommandEnvelope;
  readonly resolve: (outcome: CommandOutcome) => void;
}

/** What a batcher runs on. */
export interface CommandBatcherOptions {
  /** Calls the object above. */
  readonly submit: (batch: CommandBatch) => Promise<CommandBatchReply>;
  /** How long a batch gathers before the call, ms. */
  readonly batchIntervalMs: () => number;
  readonly clock: Clock;
}

/** A failed call is repeated after this time, multiplied by the number of attempts. */
const RETRY_MS = 200;

/** The batches of one shard or relay. It has a timer only while something is pending, so that the object can hibernate. */
export class CommandBatcher {
  readonly #options: CommandBatcherOptions;
  #pending: PendingCommand[] = [];
  #likes = 0;
  #reactions: Record<string, number> = {};
  #scheduled = false;
  #attempts = 0;

  constructor(options: CommandBatcherOptions) {
    this.#options = options;
  }

  /** Adds a command; `resolve` is called once with its outcome. False: too many commands are pending. */
  enqueue(envelope: CommandEnvelope, resolve: (outcome: CommandOutcome) => void): boolean {
    if (this.#pending.length >= ROOM_LIMITS.pendingCommandsPerShard) return false;
    this.#pending.push({ envelope, resolve });
    this.#schedule(this.#options.batchIntervalMs());
    return true;
  }

  /** Adds likes (no emoji) or reactions. */
  addReactions(emoji: string | null, count: number): void {
    if (emoji === null) this.#likes += count;
    else if (this.#reactions[emoji] !== undefined || Object.keys(this.#reactions).length < ROOM_LIMITS.distinctEmoji) {
      this.#reactions[emoji] = (this.#reactions[emoji] ?? 0) + count;
    }
    this.#schedule(this.#options.batchIntervalMs());
  }

  #schedule(delayMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.startTimer(delayMs, () => void this.#flush());
  }

  async #flush(): Promise<void> {
    const batch = this.#pending.slice(0, ROOM_LIMITS.commandsPerBatch);
    const request = { acts: batch.map(({ envelope }) => envelope), likes: this.#likes, reactions: this.#reactions };
    // Reactions of a failed call are lost: they must not count twice.
    this.#likes = 0;
    this.#reactions = {};
    let retryMs: number | null = null;
    try {
      const { outcomes } = await this.#options.submit(request);
      this.#attempts = 0;
      this.#pending = this.#pending.slice(batch.length);
      for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] ?? UNAVAILABLE_OUTCOME);
    } catch (error) {
      this.#attempts += 1;
      retryMs = RETRY_MS * this.#attempts;
      if (this.#attempts >= ROOM_LIMITS.batchAttempts) this.#rejectAll(error);
    }
    this.#scheduled = false;
    // Commands that arrived during the call gather too, or a busy shard would call the room as fast as it answers.
    if (this.#pending.length > 0 || this.#likes > 0 || Object.keys(this.#reactions).length > 0) {
      this.#schedule(retryMs ?? this.#options.batchIntervalMs());
    }
  }

  #rejectAll(error: unknown): void {
    console.warn("the room does not answer", error);
    this.#attempts = 0;
    const rejected = this.#pending;
    this.#pending = [];
    for (const { resolve } of rejected) resolve(UNAVAILABLE_OUTCOME);
  }
}

const UNAVAILABLE_OUTCOME: CommandOutcome = { ok: false, error: "unavailable" };
