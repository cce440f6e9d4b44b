/** Fields of untrusted JSON, read one by one: the value if it is what it should be, else null. */

/** A JSON object's members. */
export type Members = Readonly<Record<string, unknown>>;

/** The object that `text` is in JSON, or null. */
export function parseMembers(text: string): Members | null {
  try {
    return members(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The members of an object that is no array. */
export function members(value: unknown): Members | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : null;
}

/** A well-formed string of 1 to `most` UTF-16 units without spaces around it. */
export function words(value: unknown, most: number): string | null {
  if (typeof value !== "string" || value.length > 2 * most || !value.isWellFormed()) return null;
  const trimmed = value.trim();
  return trimmed.length > 0 && trimmed.length <= most ? trimmed : null;
}

/** A whole number within bounds. */
export function whole(value: unknown, least: number, most: number): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most ? value : null;
}

/** Each item of an array as `item` reads it; null if one is wrong or there are more than `most`. */
export function list<T>(value: unknown, most: number, item: (value: unknown) => T | null): T[] | null {
  if (!Array.isArray(value) || value.length > most) return null;
  const items: T[] = [];
  for (const each of value) {
    const read = item(each);
    if (read === null) return null;
    items.push(read);
  }
  return items;
}
