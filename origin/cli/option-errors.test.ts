import { parseArgs } from "citty";
import { expect, test } from "vitest";
import { describeOptionError } from "./option-errors.ts";

const KNOWN = {
  what: { type: "positional", required: false },
  viewers: { type: "string", default: "1" },
  "print-stalls": { type: "boolean", default: false },
  json: { type: "string", valueHint: "FILE" },
  only: { type: "string" },
} as const;

const complaint = (...words: string[]): string | null => describeOptionError(parseArgs(words, KNOWN), KNOWN, {});

test("known options pass", () => {
  expect(complaint()).toBeNull();
  expect(complaint("spike", "--viewers", "3", "--print-stalls")).toBeNull();
});

test("an unknown option, a missing value and an extra argument are errors", () => {
  expect(complaint("--viewer", "3")).toContain("--viewer;");
  expect(complaint("--viewers=")).toContain("--viewers needs a value");
  expect(complaint("spike", "steady")).toContain('"steady"');
});

/** The message if npm's settings have `config`, and it passes on `words`. */
const complaintUnderNpm = (config: Readonly<Record<string, string>>, ...words: string[]): string | null => {
  const settings = Object.entries(config).map(([name, value]) => [`npm_config_${name}`, value]);
  const environment = { npm_lifecycle_event: "spike:now", npm_config_yes: "", ...Object.fromEntries(settings) };
  return describeOptionError(parseArgs(words, KNOWN), KNOWN, environment);
};

test("options that npm consumed are reported with the intended command", () => {
  expect(complaintUnderNpm({ viewers: "true" }, "3")).toBe(
    "npm consumed --viewers; put Corral's options after --: npm run spike:now -- --viewers 3",
  );
  expect(complaintUnderNpm({ viewers: "true" }, "spike", "3")).toMatch(/: npm run spike:now -- spike --viewers 3$/);
  expect(complaintUnderNpm({ viewers: "3", print_stalls: "true" }, "spike")).toMatch(
    /-- spike --viewers 3 --print-stalls$/,
  );
  expect(complaintUnderNpm({ print_stalls: "" })).toMatch(/-- --no-print-stalls$/);
});

test("where the option of an argument is unknown, the intended command has placeholders", () => {
  expect(complaintUnderNpm({ viewers: "true", json: "true" }, "f", "3")).toMatch(/-- --viewers VIEWERS --json FILE$/);
});

test("npm's own settings, and options that also reached the command, are no errors", () => {
  expect(complaintUnderNpm({ loglevel: "verbose", only: "production", what: "x" })).toBeNull();
  expect(complaintUnderNpm({ viewers: "5" }, "--viewers", "3")).toBeNull();
});
