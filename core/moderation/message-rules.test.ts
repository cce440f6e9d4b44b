import fc from "fast-check";
import { expect, test } from "vitest";
import { hasLink, isEmoteOnly, isShouting, messageFingerprint } from "./message-rules.ts";

test("links are found with and without a scheme, and spelt out", () => {
  for (const text of [
    "https://example.com/x",
    "see example.com.",
    "(www.example.co.uk/path?q=1)",
    "exam\u200bple.com",
    "ｅｘａｍｐｌｅ.com",
    "example dot com",
    "example(dot)com",
    "example [dot] com",
    "bücher.de",
    "example.com:8080",
  ]) {
    expect(hasLink(text), text).toBe(true);
  }
});

test("numbers, files, code and dots in prose are no links", () => {
  for (const text of [
    "3.14",
    "v1.2.3",
    "main.ts",
    "e.g. this",
    "wait... what",
    "the dot is red",
    "https://",
    "a.b",
    "ok.",
    "10.0.0.1",
  ]) {
    expect(hasLink(text), text).toBe(false);
  }
});

test("capitals are measured as a share of cased letters, above a minimum number of letters", () => {
  const rule = { minLetters: 8, maxCapitalShare: 0.7 };
  expect(isShouting("THIS IS LOUD", rule)).toBe(true);
  expect(isShouting("ＴＨＩＳ ＩＳ ＬＯＵＤ", rule)).toBe(true);
  expect(isShouting("GG WP", rule)).toBe(false);
  expect(isShouting("This is Not Loud", rule)).toBe(false);
  expect(isShouting("こんにちはみなさん元気", rule)).toBe(false);
  expect(isShouting("", { minLetters: 0, maxCapitalShare: 0 })).toBe(false);
});

test("emote-only accepts emoji and named emotes, and no text or bare digits", () => {
  for (const text of ["😀", "👨‍👩‍👧‍👦 👩🏽‍🚀", "🇩🇪🇫🇷", "❤️", "1️⃣", ":corral_hi: 😀", ":hi::hi:😀", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])
    expect(isEmoteOnly(text), text).toBe(true);
  for (const text of ["", "  ", "hi", "😀 hi", "123", "#", ":corralHi:!", "::", ":hi"])
    expect(isEmoteOnly(text), text).toBe(false);
});

test("visually equal texts have equal keys, and others have different keys", () => {
  expect(messageFingerprint("Hello, World!!!")).toBe(messageFingerprint("heeello\u200b  wοrld"));
  expect(messageFingerprint("hello")).not.toBe(messageFingerprint("hallo"));
  expect(messageFingerprint("11")).not.toBe(messageFingerprint("1"));
  expect(messageFingerprint("😀 😀")).toBe(messageFingerprint("😀😀"));
});

test("no text makes a rule throw", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      for (const rule of [hasLink, isEmoteOnly, messageFingerprint]) rule(text);
      isShouting(text, { minLetters: 1, maxCapitalShare: 0.5 });
    }),
  );
});
