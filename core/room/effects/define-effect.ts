/** What the definition of one kind of effect consists of. Browsers load all definitions: they import nothing of commands. */

/** Position and time: offset within the room's epoch (from 1, without gaps), server time, program time; ms since 1970. */
export interface EventStamp {
  readonly offset: number;
  readonly atMs: number;
  readonly programmeMs: number;
}

/** What an effect removes from earlier events. */
export type EffectRemoval =
  /** The text of one message. */
  | { readonly scope: "message"; readonly offset: number }
  /** The texts of all messages of one author. */
  | { readonly scope: "author"; readonly subject: string }
  /** All personal data of the events at these offsets. */
  | { readonly scope: "events"; readonly offsets: readonly number[] };

/** The personal data of an effect: all that is about one subject. */
export interface PersonalData<E> {
  readonly subject: (effect: E) => string;
  /** The effect without personal data, for the event that keeps its offset. */
  readonly redacted: (stamp: EventStamp) => E;
}

/** One kind of effect. */
export interface EffectDefinition<E extends { readonly kind: string }> {
  /** Null: the effect contains none, and an empty `erase` takes its place where it cannot be read. */
  readonly personal: PersonalData<E> | null;
  /** The one condition for recent events, recent messages, a client's timeline and SQL. Absent: nothing is removed. */
  readonly removal?: (effect: E) => EffectRemoval;
  /** The change of token revocations that the stream's Live object makes once the event is stored. Absent: none. */
  readonly revocation?: "add" | "lift";
}

/** The personal data of an effect that names its subject. `rest`: its further members once the subject is erased. */
export function namedSubject<E extends { readonly kind: string; readonly subject: string }>(
  kind: E["kind"],
  rest?: (stamp: EventStamp) => Omit<E, "kind" | "subject">,
): PersonalData<E> {
  return {
    subject: ({ subject }) => subject,
    redacted: (stamp) => ({ kind, subject: "", ...rest?.(stamp) }) as unknown as E,
  };
}
