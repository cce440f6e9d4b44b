import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { quoteShellWord } from "./shell-word.ts";

test("a shell reads any text as one word", () => {
  const special = fc.string({
    unit: fc.constantFrom(..."'\"\\$`;&|<>()*?~#! \tab=:/.-", "\n", "é", "'\\''"),
    maxLength: 20,
  });
  fc.assert(
    fc.property(fc.array(special, { maxLength: 8 }), (words) => {
      const script = `printf '%s\\0' end ${words.map(quoteShellWord).join(" ")}`;
      expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(
        ["end", ...words].map((word) => `${word}\0`).join(""),
      );
    }),
    { numRuns: 50 },
  );
});

test("an address and a path without special characters stay readable", () => {
  for (const text of ["https://e.example", "/home/ann/.config/corral/a/b"]) expect(quoteShellWord(text)).toBe(text);
});
