/** Commands of a room client on their way to the room: resent with the same id until the room acknowledges them. */
import type { Clock, Random } from "../../kit/clock.ts";
import type { Command } from "../commands/index.ts";
import { RETRYABLE_ROOM_ERRORS } from "../room-errors.ts";
import type { ClientFrame, CommandOutcome } from "../room-protocol.ts";
import { ROOM_CLIENT_LIMITS } from "./client-limits.ts";

type CommandFrame = Extract<ClientFrame, { type: "act" }>;

interface PendingCommand {
  readonly frame: CommandFrame;
  readonly resolve: (outcome: CommandOutcome) => void;
  attempts: number;
  cancelResend: () => void;
}

/** What an outbox sends with. */
export interface CommandOutboxOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Sends a frame; while there is no welcomed connection it does nothing. */
  readonly send: (frame: CommandFrame) => void;
  /** Whether the connection is welcomed. Commands wait for the welcome. */
  readonly isWelcomed: () => boolean;
}

/** The pending commands of one client. */
export class CommandOutbox {
  readonly #options: CommandOutboxOptions;
  readonly #pending = new Map<string, PendingCommand>();
  #idPrefix: string;
  #idCounter = 0;

  constructor(options: CommandOutboxOptions) {
    this.#options = options;
    this.#idPrefix = randomIdPrefix(options.random);
  }

  /** Sends a command, now or with the next welcome. Never rejects. */
  submit(act: Command, programmeMs: number | null): Promise<CommandOutcome> {
    if (this.#pending.size >= ROOM_CLIENT_LIMITS.pendingCommands) return Promise.resolve({ ok: false, error: "busy" });
    return new Promise((resolve) => {
      const id = this.#nextId();
      this.#pending.set(id, {
        frame: { type: "act", id, act, programmeMs },
        resolve,
        attempts: 0,
        cancelResend: () => {},
      });
      if (this.#options.isWelcomed()) this.#send(id);
    });
  }

  /** Sends every pending command on a new connection. */
  resendAll(): void {
    for (const id of this.#pending.keys()) this.#send(id);
  }

  /** Handles the acknowledgement of a command. */
  handleOutcome(id: string, outcome: CommandOutcome): void {
    // The resend timer repeats the command.
    if (!outcome.ok && RETRYABLE_ROOM_ERRORS.has(outcome.error)) return;
    if (!outcome.ok && outcome.error === "id-used") this.#resendWithNewId(id);
    else this.#resolve(id, outcome);
  }

  /** Resolves every pending command with `unavailable`. */
  abandonAll(): void {
    for (const id of [...this.#pending.keys()]) this.#resolve(id, { ok: false, error: "unavailable" });
  }

  #send(id: string): void {
    const command = this.#pending.get(id);
    if (command === undefined) return;
    command.cancelResend();
    if (command.attempts >= ROOM_CLIENT_LIMITS.sendAttempts) {
      this.#resolve(id, { ok: false, error: "unavailable" });
      return;
    }
    command.attempts += 1;
    command.cancelResend = this.#options.clock.startTimer(ROOM_CLIENT_LIMITS.resendAfterMs, () => {
      if (this.#options.isWelcomed()) this.#send(id);
    });
    this.#options.send(command.frame);
  }

  /** Another client of this person uses the same ids: this client takes a new prefix and resends the refused command. */
  #resendWithNewId(usedId: string): void {
    const command = this.#pending.get(usedId);
    if (command === undefined) return;
    this.#idPrefix = randomIdPrefix(this.#options.random);
    const id = this.#nextId();
    this.#pending.delete(usedId);
    this.#pending.set(id, { ...command, frame: { ...command.frame, id } });
    command.cancelResend();
    this.#send(id);
  }

  #resolve(id: string, outcome: CommandOutcome): void {
    const command = this.#pending.get(id);
    if (command === undefined) return;
    this.#pending.delete(id);
    command.cancelResend();
    command.resolve(outcome);
  }

  #nextId(): string {
    this.#idCounter += 1;
    return `${this.#idPrefix}-${this.#idCounter}`;
  }
}

/** 96 random bits, so that neither another client of the same person nor a reloaded page repeats an id. */
function randomIdPrefix(random: Random): string {
  const half = (): string => Math.floor(random() * 2 ** 48).toString(36);
  return `${half()}${half()}`;
}
