import { expect, test } from "vitest";
import { DETAILS_LIMITS } from "./details-limits.ts";
import { findTextFault } from "./display-text.ts";

const rule = { maxChars: 20 };

test("texts of every script are accepted, counted in characters", () => {
  const texts = [
    "Жизнь в прямом эфире",
    "مباشر من القاهرة\u200f",
    "שידור חי",
    "日本語のライブ配信",
    "थोड़ा सा हिन्दी",
    "ไทยถ่ายทอดสด",
    "💃🏽👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "𝒻".repeat(20),
    "نمی‌خواهم",
  ];
  for (const text of texts) expect(findTextFault(text, { maxChars: 40 }), text).toBeNull();
  expect(findTextFault("𝒻".repeat(21), rule)).toMatch(/more than 20 characters/);
  expect(findTextFault("x".repeat(1_000_000), rule)).toMatch(/more than 20 characters/);
});

test("control characters, bidirectional overrides, heaps of marks and invisible texts are refused, each with its reason", () => {
  const refused: readonly (readonly [text: string, reason: RegExp])[] = [
    ["a\u0000b", /control character/],
    ["a\nb", /control character/],
    ["a\u0085b", /control character/],
    ["a\u2028b", /control character/],
    ["a\uffffb", /control character/],
    ["\ufffaab", /control character/],
    ["abc\u202egnp.exe", /text direction/],
    ["\u2067abc", /text direction/],
    ["a\ud800b", /well-formed/],
    [`Z${"\u0335".repeat(6)}algo`, /combining marks/],
    ["\u200b\u2060", /visible/],
    ["\u3164", /visible/],
    ["\u2800", /visible/],
    ["", /visible/],
  ];
  for (const [text, reason] of refused) expect(findTextFault(text, rule), JSON.stringify(text)).toMatch(reason);
  expect(findTextFault("", { ...rule, isOptional: true })).toBeNull();
  expect(findTextFault(`a${"\u0301".repeat(DETAILS_LIMITS.combiningMarks)}`, rule)).toBeNull();
});

test("only texts of several lines have line breaks, and not too many", () => {
  expect(findTextFault("a\nb", { ...rule, maxLines: 2 })).toBeNull();
  expect(findTextFault("a\n\nb", { ...rule, maxLines: 2 })).toMatch(/more than 2 lines/);
  expect(findTextFault("a\r\nb", { ...rule, maxLines: 2 })).toMatch(/control character/);
});
