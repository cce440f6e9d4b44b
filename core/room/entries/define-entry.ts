/** What the definition of one kind of state entry consists of. */

/** Members of every kind of entry: the newest value under its key is current. A null value ends it. */
export interface EntryShape {
  readonly of: string;
  readonly key: string;
  readonly value: unknown;
}

/** One kind of entry. `F`: its fields of the room state. A null member: not applicable to the kind. */
export interface EntryDefinition<E extends EntryShape, F> {
  /** Whether shards hold it. */
  readonly shared: boolean;
  /** The subject whose data the entry is. */
  readonly subject: ((entry: E) => string | null) | null;
  /** Who set the entry, for kinds that say so. */
  readonly signer: EntrySigner<E> | null;
  /** The end of a value, ms since the epoch; null: it has none. */
  readonly untilMs: ((value: NonNullable<E["value"]>) => number | null) | null;
  apply(state: F, entry: E): void;
  /** The current entries of this kind. */
  list(state: F): E[];
}

/** The setter of an entry: stored separately, and erased with that person. */
export interface EntrySigner<E> {
  readonly get: (entry: E) => string | null;
  readonly set: (entry: E, subject: string) => E;
}
