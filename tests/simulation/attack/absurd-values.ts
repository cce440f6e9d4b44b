/** Values that no client of the product sends. */
import type { SeededRandom } from "../kernel/seeded-random.ts";

const ABSURD_NUMBERS = [
  "-1",
  "0",
  "1e9",
  "9007199254740993",
  "99999999999999999999",
  "0.5",
  "NaN",
  "",
  "٣",
  "0x10",
] as const;

/** A number as an address has it, mostly one that nothing has. */
export const drawNumberText = (random: SeededRandom, near: number): string =>
  random.chance(0.5) ? String(near + random.integer(-3, 40)) : random.pick(ABSURD_NUMBERS);

const ABSURD_JSON: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1e21,
  Number.MAX_SAFE_INTEGER,
  0.1,
  "",
  " ",
  "\u200b\u200b",
  "\u0000",
  "\ud800",
  "ﷺ".repeat(400),
  "x".repeat(600),
  "__proto__",
  [],
  [[]],
  {},
  { toString: 1 },
];

/** A JSON value, mostly of another type or beyond what is allowed. */
export const drawAbsurdValue = (random: SeededRandom): unknown => random.pick(ABSURD_JSON);

/** The same as text. */
export function drawAbsurdText(random: SeededRandom): string {
  const value = drawAbsurdValue(random);
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** An object with some of its members replaced, missing or added. */
export function distort(random: SeededRandom, value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const changed: Record<string, unknown> = { ...value };
  const names = Object.keys(changed);
  for (let count = random.integer(1, 2); count > 0 && names.length > 0; count -= 1) {
    const name = random.pick(names);
    if (random.chance(0.2)) delete changed[name];
    else changed[name] = drawAbsurdValue(random);
  }
  if (random.chance(0.1)) changed["more"] = drawAbsurdValue(random);
  return changed;
}
