/** What the definition of one kind of state entry consists of. */

/** What every kind of entry has: the newest value under its key holds. A null value ends it. */
export interface EntryShape {
  readonly of: string;
  readonly key: string;
  readonly value: unknown;
}

/** One kind of entry. `F`: the fields of the state that it makes up. A null member: the kind has nothing of the sort. */
export interface EntryDefinition<E extends EntryShape, F> {
  /** Whether shards hold it. */
  readonly shared: boolean;
  /** The subject whose personal data the entry is. */
  readonly subject: ((entry: E) => string | null) | null;
  /** Who set the entry, for kinds that say so. */
  readonly signer: EntrySigner<E> | null;
  /** The end of a value, ms since the epoch; null: it has none. */
  readonly untilMs: ((value: NonNullable<E["value"]>) => number | null) | null;
  apply(state: F, entry: E): void;
  /** The entries of this kind that hold. */
  list(state: F): E[];
}

/** The name of the person who set an entry: it is stored apart from the entry, and goes with that person. */
export interface EntrySigner<E> {
  readonly get: (entry: E) => string | null;
  readonly set: (entry: E, subject: string) => E;
}
