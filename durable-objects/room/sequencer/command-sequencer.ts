/** Decides a room's commands one after another, and stores what follows from each before the next. */
import type { AccessPolicy } from "../../../core/access/access-policy.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import type { CommandEnvelope } from "../../../core/room/commands/index.ts";
import type { Participant } from "../../../core/room/participants.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { decideCommand } from "../../../core/room/sequencer/decide.ts";
import { changeByCommand, changeByRoom, outcomeOfAcceptance } from "../../../core/room/sequencer/history-change.ts";
import { outcomeOfResent } from "../../../core/room/sequencer/resent-command.ts";
import { staffChange } from "../../../core/room/sequencer/staff-grants.ts";
import { subjectsOfCommands } from "../../../core/room/sequencer/subject-data.ts";
import { TextModerator } from "../../../core/room/sequencer/text-moderator.ts";
import { loadDecisionContext } from "./decision-context.ts";
import type { EncryptedHistory } from "./encrypted-history.ts";
import type { RoomLog } from "./room-log.ts";
import type { RoomStore } from "./room-store.ts";

/** What a sequencer works with. */
export interface CommandSequencerOptions {
  readonly log: RoomLog;
  readonly store: RoomStore;
  readonly history: EncryptedHistory;
  readonly clock: Clock;
}

/** The sequencer of one room. */
export class CommandSequencer {
  readonly #options: CommandSequencerOptions;
  readonly #textModerator = new TextModerator();

  constructor(options: CommandSequencerOptions) {
    this.#options = options;
  }

  /** Decides and stores commands; the outcomes are in the order of the commands. */
  async submit(commands: readonly CommandEnvelope[]): Promise<CommandOutcome[]> {
    const { log, history } = this.#options;
    // Missing keys are fetched before the commands' turn, so that no command waits for the keys of another batch.
    await history.ensureSubjectKeys(subjectsOfCommands(commands, log.state));
    return log.runExclusive(async () => {
      const outcomes: CommandOutcome[] = [];
      for (const command of commands) outcomes.push(await this.#handleCommand(command));
      return outcomes;
    });
  }

  /** Records a participant whose token makes them staff: from now on moderators cannot sanction a host who has not written. */
  async recordStaff(participant: Participant): Promise<void> {
    const { log, clock } = this.#options;
    if (staffChange(log.state, participant, clock.nowMs()) === null) return;
    await log.runExclusive(() => this.#recordStaff(participant, clock.nowMs()));
  }

  /** Stores the access policy; false where the room has this revision or a later one. */
  setAccess(access: AccessPolicy): Promise<boolean> {
    const { log, clock } = this.#options;
    return log.runExclusive(async () => {
      if (access.revision <= log.state.access.revision) return false;
      const entries = [{ of: "access", key: "", value: access } as const];
      await log.commit(changeByRoom({ entries }, log.head, clock.nowMs()));
      return true;
    });
  }

  async #handleCommand(command: CommandEnvelope): Promise<CommandOutcome> {
    const { log, store, history, clock } = this.#options;
    const { subject } = command.by;
    const keys = await history.ensureSubjectKeys(subjectsOfCommands([command], log.state));
    const key = subject === null ? undefined : keys.get(subject);
    const stored = key === undefined ? null : await history.findByCommandId(key, command.id);
    const known = outcomeOfResent(command, stored, log.state);
    if (known !== null) return known;
    const nowMs = clock.nowMs();
    await this.#recordStaff(command.by, nowMs);
    const sources = { textModerator: this.#textModerator, store, history, recentMessages: log.recentMessages };
    const decision = decideCommand(log.state, command, await loadDecisionContext(sources, command, keys, nowMs));
    if (!decision.ok) {
      const { error, entries } = decision;
      if (entries !== undefined) await log.commit(changeByRoom({ entries }, log.head, nowMs));
      return { ok: false, error };
    }
    const change = changeByCommand(log.state, command, decision, log.head, nowMs);
    await log.commit(change, decision.staffNotes);
    return outcomeOfAcceptance(decision, change.event);
  }

  async #recordStaff(participant: Participant, nowMs: number): Promise<void> {
    const { log } = this.#options;
    const change = staffChange(log.state, participant, nowMs);
    if (change !== null) await log.commit(changeByRoom(change, log.head, nowMs));
  }
}
