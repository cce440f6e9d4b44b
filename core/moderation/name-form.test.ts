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
      expect(claimsFunction(name) && !claimsFunction(spelt.replaceAll(/[^a-z]/gi, ""))).toBe(false);
    }),
  );
});
