/** Names that people choose for themselves. */
import { readText } from "../kit/json-fields.ts";
import { claimsFunction } from "./name-form.ts";
import { cleanText, isBlankText, toSingleLine } from "./text-forms.ts";

/** The name in `value`, of `maxUnits` UTF-16 units at most; null if it cannot be read, or claims a function. */
export function parseChosenName(value: unknown, maxUnits: number): string | null {
  const name = readText(value, maxUnits);
  return name === null || isBlankText(toSingleLine(cleanText(name).text)) || claimsFunction(name) ? null : name;
}
