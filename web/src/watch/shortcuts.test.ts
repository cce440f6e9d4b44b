import { expect, test } from "vitest";
import { readShortcut, SHORTCUTS } from "./shortcuts.ts";

const press = (key: string, held = {}): ReturnType<typeof readShortcut> =>
  readShortcut({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });
const shift = { shiftKey: true };

test("each key of the help sheet does what it says, and no key does two things", () => {
  const keys = SHORTCUTS.flatMap(({ keys: each }) => each);
  expect(new Set(keys).size).toBe(keys.length);
  for (const { action, keys: each } of SHORTCUTS) {
    for (const key of each) expect(press(key, { shiftKey: /[A-Z]/.test(key) && key.length === 1 })).toBe(action);
  }
});

test("digits are tenths of a recording, and a letter with Shift is another key", () => {
  expect([press("1"), press("9"), press("0")]).toEqual([1, 9, "live"]);
  expect([press("p"), press("P", shift), press("n")]).toEqual(["pip", "previousStream", null]);
  expect([press("f", shift), press("?", shift)]).toEqual([null, "help"]);
});

test("Caps Lock changes no letter's meaning", () => {
  expect([press("P"), press("p", shift), press("K")]).toEqual(["pip", "previousStream", "play"]);
});

test("keys held with Ctrl, Alt or Meta belong to the browser", () => {
  for (const held of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }]) expect(press("f", held)).toBeNull();
});
