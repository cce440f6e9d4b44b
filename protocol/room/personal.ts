/** Whom the things that a room keeps are about: each is stored under that person's key. */
import type { Asked } from "./decide.ts";
import type { RoomEvent } from "./events.ts";
import type { Fact, RoomState } from "./state.ts";
import type { Act } from "./wire.ts";

/** The subject that an event tells of, or null. */
export function subjectOfEvent(event: RoomEvent): string | null {
  switch (event.kind) {
    case "chat":
      return event.by.subject;
    case "clear":
    case "timeout":
    case "ban":
    case "unban":
    case "role":
      return event.subject;
    case "delete":
    case "pin":
    case "modes":
    case "rules":
    case "erase":
      return null;
  }
}

/** The subject that a fact tells of, or null. */
export function subjectOfFact(fact: Fact): string | null {
  switch (fact.of) {
    case "modes":
    case "words":
    case "automod":
    // Revocations name subjects: they end within a day, and an erased person's tokens must not open anything again.
    case "access":
      return null;
    case "pin":
      return fact.value?.by.subject ?? null;
    case "role":
    case "staff":
      return fact.key;
    case "sanction":
      return fact.value?.subject ?? null;
    case "held":
      return fact.value?.by.subject ?? null;
  }
}

/** The subject that an act is about, besides the one who acts, or null. Read before the act is carried out. */
export function subjectOfAct(act: Act, state: RoomState): string | null {
  switch (act.kind) {
    case "clear":
    case "timeout":
    case "ban":
    case "unban":
    case "role":
      return act.subject;
    case "approve":
    case "deny":
      return state.held.get(act.held)?.by.subject ?? null;
    case "chat":
    case "delete":
    case "pin":
    case "modes":
    case "words":
    case "automod":
    case "list":
      return null;
  }
}

/** Everybody whom these acts are by or about. */
export function* involved(acts: Iterable<Pick<Asked, "by" | "act">>, state: RoomState): Generator<string> {
  for (const { by, act } of acts) {
    if (by.subject !== null) yield by.subject;
    const about = subjectOfAct(act, state);
    if (about !== null && about !== "") yield about;
  }
}

/** The message that an act is about, or null. */
export function targetOfAct(act: Act): number | null {
  switch (act.kind) {
    case "chat":
      return act.replyTo ?? null;
    case "delete":
    case "pin":
      return act.target;
    default:
      return null;
  }
}

/** The facts that an erasure changes: `gone` no longer hold, `unsigned` hold without who set them. */
export function erasedFacts(
  state: RoomState,
  gone: readonly Pick<Fact, "of" | "key">[],
  unsigned: readonly Pick<Fact, "of" | "key">[],
): Fact[] {
  return [
    ...gone.map(({ of, key }) => ({ of, key, value: null }) as Fact),
    ...unsigned.flatMap(({ key }): Fact[] => {
      const value = state.sanctions.get(key);
      return value === undefined ? [] : [{ of: "sanction", key, value: { ...value, by: "" } }];
    }),
  ];
}
