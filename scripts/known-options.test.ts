import { parseArgs } from "citty";
import { expect, test } from "vitest";
import { complaintAbout } from "./known-options.ts";

const KNOWN = {
  what: { type: "positional", required: false },
  viewers: { type: "string", default: "1" },
  "print-stalls": { type: "boolean", default: false },
} as const;

const complaint = (...words: string[]): string | null => complaintAbout(parseArgs(words, KNOWN), KNOWN);

test("what the command knows is let pass", () => {
  expect(complaint()).toBeNull();
  expect(complaint("spike", "--viewers", "3", "--print-stalls")).toBeNull();
});

test("a mistyped option, a missing value and a word too many are told", () => {
  expect(complaint("--viewer", "3")).toContain("--viewer;");
  expect(complaint("--viewers=")).toContain("--viewers needs a value");
  expect(complaint("spike", "steady")).toContain('"steady"');
});
