import fc from "fast-check";
import { expect, test } from "vitest";
import { claimsFunction, nameForm } from "./name-form.ts";

test.each(["Ann", "ann", "A n n", "Ånn", "Аnn", "ＡＮＮ", "𝔸𝕟𝕟", "Ann.", "_ann_", "A\u200bnn", "4nn", "🅐🅝🅝", "Ann 👑"])(
  "%s has the form of Ann",
  (name) => {
    expect(nameForm(name)).toBe(nameForm("Ann"));
  },
);

test.each(["Anna", "Hannah", "An", "Anne", "李安"])("%s has another form", (name) => {
  expect(nameForm(name)).not.toBe(nameForm("Ann"));
});

test("a name without letters is its own form", () => {
  expect(nameForm("🙂")).toBe("🙂");
  expect(nameForm("🙂")).not.toBe(nameForm("🙃"));
});

test.each([
  "Host",
  "HOST",
  "h0st",
  "Mod",
  "m o d",
  "Mоd",
  "Admin",
  "Adm1n",
  "The Admin",
  "Moderator Ann",
  "ѕtaff",
  "C0rral",
])("%s claims a function", (name) => {
  expect(claimsFunction(name)).toBe(true);
});

test.each(["Ghost", "Modena", "Hostile Bob", "Administration fan", "Modest Mouse", "Ann", "🙂", "李安"])(
  "%s claims none",
  (name) => {
    expect(claimsFunction(name)).toBe(false);
  },
);

test("case, spaces, signs and invisible characters between letters change no form", () => {
  const letter = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz");
  const between = fc.constantFrom("", " ", "_", "-", ".", "\u200b", "\u0301");
  fc.assert(
    fc.property(fc.array(fc.tuple(letter, between, fc.boolean()), { minLength: 1, maxLength: 20 }), (parts) => {
      const name = parts.map(([char]) => char).join("");
      const spelt = parts.map(([char, sign, upper]) => (upper ? char.toUpperCase() : char) + sign).join("");
      expect(nameForm(spelt)).toBe(nameForm(name));
    }),
  );
});

/** Words in any case, with one of these signs after each letter. */
function spellings(words: readonly string[], signs: readonly string[]): fc.Arbitrary<string> {
  const word = fc.constantFrom(...words.flatMap((each) => [each, `${each}s`]));
  const parts = fc.array(fc.tuple(fc.constantFrom(...signs), fc.boolean()), { minLength: 20, maxLength: 20 });
  return fc.tuple(word, parts).map(([letters, spelt]) =>
    spelt
      .slice(0, letters.length)
      .map(([sign, isUpper], i) => (isUpper ? letters.charAt(i).toUpperCase() : letters.charAt(i)) + sign)
      .join(""),
  );
}

test("a word that claims a function claims it in any spelling, and some among other words", () => {
  const inNames = ["moderator", "admin", "administrator"];
  const alone = [...inNames, "host", "mod", "staff", "owner", "system", "support", "corral"];
  fc.assert(
    fc.property(spellings(alone, ["", " ", "_", "-", ".", "\u200b", "\u0301"]), (name) => {
      expect(claimsFunction(name)).toBe(true);
    }),
  );
  fc.assert(
    fc.property(spellings(inNames, ["", "\u200b", "\u0301"]), (word) => {
      expect(claimsFunction(`Ann ${word}`)).toBe(true);
      expect(claimsFunction(`${word} Ann`)).toBe(true);
    }),
  );
});
