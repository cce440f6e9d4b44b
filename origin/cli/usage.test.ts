import { expect, test } from "vitest";
import { renderIngestHelp } from "./ingest-options.ts";
import { renderHelp } from "./options.ts";
import { renderTokenHelp } from "./token-options.ts";
import { renderEntries } from "./usage.ts";

test.each([
  ["npm start", renderHelp()],
  ["npm start -- ingest", renderIngestHelp()],
  ["npm run token", renderTokenHelp()],
])("the help of %s fits 80 columns, without control characters", (_, help) => {
  expect(help.split("\n").filter((line) => line.length > 80 || line !== line.trimEnd())).toEqual([]);
  expect(help).toMatch(/^[\P{Cc}\n]+$/u);
});

test("a long option has its description on the next line, and no word is lost", () => {
  const text = "one two three ".repeat(12).trim();
  const lines = renderEntries([
    ["--a", "short"],
    ["--a-long-option VALUE", text],
  ]);
  expect(lines.slice(0, 2)).toEqual(["  --a               short", "  --a-long-option VALUE"]);
  expect(
    lines
      .slice(2)
      .map((line) => line.trim())
      .join(" "),
  ).toBe(text);
});
