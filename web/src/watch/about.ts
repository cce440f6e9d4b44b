/** What the edge wrote into the page about its stream. */

/** What the page says of the stream. */
export interface StreamAbout {
  /** Its title, else its name. */
  readonly title: string;
  /** The next announced broadcast, ISO 8601, or null. */
  readonly startsAt: string | null;
  /** Nobody has registered the name. */
  readonly isUnknown: boolean;
}

/** Reads the block of the page; `name` is the stream's. */
export function readAbout(name: string): StreamAbout {
  const { title = name, startsAt = null, unknown } = document.getElementById("about")?.dataset ?? {};
  return { title, startsAt: startsAt ?? null, isUnknown: unknown !== undefined };
}
