import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { UsageError } from "../kit/errors.ts";
import { askOnTerminal } from "./terminal-question.ts";

/** Asks, and types `keys`. */
function answer(keys: string): Promise<string> {
  const input = new PassThrough();
  const asked = askOnTerminal("Name? ", input, new PassThrough());
  input.write(keys);
  return asked;
}

test("an answer is the line without surrounding spaces", async () => {
  expect(await answer(" show \r")).toBe("show");
});

test.each([
  ["Ctrl-C", "\u0003"],
  ["Ctrl-D", "\u0004"],
])("%s is a refusal", async (_, key) => {
  await expect(answer(key)).rejects.toThrow(UsageError);
});
