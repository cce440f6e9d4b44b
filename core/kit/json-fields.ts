/** Readers of untrusted JSON fields: the value if it is valid, else null. */

/** A JSON object's members. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The JSON object in `text`, or null. */
export function parseJsonObject(text: string): JsonObject | null {
  try {
    return asJsonObject(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The members of an object that is not an array. */
export function asJsonObject(value: unknown): JsonObject | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** A well-formed string of 1 to `most` UTF-16 units, trimmed. */
export function readText(value: unknown, maxUnits: number): string | null {
  if (typeof value !== "string" || value.length > 2 * maxUnits || !value.isWellFormed()) return null;
  const trimmed = value.trim();
  return trimmed.length > 0 && trimmed.length <= maxUnits ? trimmed : null;
}

/** A whole number within bounds; without an upper one, any safe integer. */
export function readInteger(value: unknown, min: number, max: number = 2 ** 53): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max ? value : null;
}
