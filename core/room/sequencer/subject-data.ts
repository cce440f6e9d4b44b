/** Whom the things that a room keeps are about: each is stored under that person's key. */

import { type Command, commandDefinition } from "../commands/index.ts";
import { effectDefinition } from "../effects/index.ts";
import { entryDefinition } from "../entries/index.ts";
import type { RoomEvent } from "../events.ts";
import type { RoomState, StateEntry } from "../room-state.ts";
import type { CommandEnvelope } from "./decide.ts";

/** The subject that an event tells of, or null. */
export function subjectOfEvent(event: RoomEvent): string | null {
  return effectDefinition(event).personal?.subject(event) ?? null;
}

/** The subject that a fact tells of, or null. */
export function subjectOfEntry(entry: StateEntry): string | null {
  return entryDefinition(entry).subject?.(entry) ?? null;
}

/** The subject that an act is about, besides the one who acts, or null. Read before the act is carried out. */
export function subjectOfCommand(command: Command, state: RoomState): string | null {
  return commandDefinition(command.kind).subject(command, state);
}

/** Everybody whom these acts are by or about. */
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

/** The message that an act is about, or null. */
export function targetOfCommand(command: Command): number | null {
  return commandDefinition(command.kind).target(command);
}

/** The facts that an erasure changes: `gone` no longer hold, `unsigned` hold without who set them. */
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
