/** The subjects of stored data: each item is encrypted under its subject's key. */

import { type Command, type CommandEnvelope, commandDefinition } from "../commands/index.ts";
import { effectDefinition } from "../effects/index.ts";
import { entryDefinition, type StateEntry } from "../entries/index.ts";
import type { RoomEvent } from "../events.ts";
import type { RoomState } from "../room-state.ts";

/** The subject of an event's personal data, or null. */
export function subjectOfEvent(event: RoomEvent): string | null {
  return effectDefinition(event).personal?.subject(event) ?? null;
}

/** The subject of an entry's personal data, or null. */
export function subjectOfEntry(entry: StateEntry): string | null {
  return entryDefinition(entry).subject?.(entry) ?? null;
}

/** The subject that a command is about, besides its sender, or null. Called before the decision. */
export function subjectOfCommand(command: Command, state: RoomState): string | null {
  return commandDefinition(command.kind).subject(command, state);
}

/** The senders and the subjects of these commands. */
export function* subjectsOfCommands(
  acts: Iterable<Pick<CommandEnvelope, "by" | "act">>,
  state: RoomState,
): Generator<string> {
  for (const { by, act } of acts) {
    if (by.subject !== null) yield by.subject;
    const about = subjectOfCommand(act, state);
    if (about !== null && about !== "") yield about;
  }
}

/** The offset of the message that a command is about, or null. */
export function targetOfCommand(command: Command): number | null {
  return commandDefinition(command.kind).target(command);
}

/** The entries that an erasure changes: `gone` end, `unsigned` lose their signer. */
export function erasureEntries(
  state: RoomState,
  gone: readonly Pick<StateEntry, "of" | "key">[],
  unsigned: readonly Pick<StateEntry, "of" | "key">[],
): StateEntry[] {
  return [
    ...gone.map(({ of, key }) => ({ of, key, value: null }) as StateEntry),
    ...unsigned.flatMap(({ of, key }) => {
      const { signer, list } = entryDefinition({ of });
      const entry = list(state).find((each) => each.key === key);
      return signer === null || entry === undefined ? [] : [signer.set(entry, "")];
    }),
  ];
}
