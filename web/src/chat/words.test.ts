import { expect, test } from "vitest";
import { OPEN_MODES } from "../../../protocol/room/events.ts";
import { CLOSES, ERRORS, type ErrorCode } from "../../../protocol/room/wire.ts";
import { announcement, badgeOf, closeWords, hueOf, mentionOf, modesInWords, pieces, refusal, span } from "./words.ts";

test("every refusal has words of its own, and those of modes say what is asked for", () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) expect(refusal(code, OPEN_MODES)).toMatch(/\.$/);
  expect(refusal("slow-mode", { ...OPEN_MODES, slowS: 90 })).toBe("Slow mode: one message every 1 min 30 s.");
  expect(refusal("followers-only", { ...OPEN_MODES, followersMin: 1_440 })).toContain("followed for 1 d");
  expect(refusal("followers-only", { ...OPEN_MODES, followersMin: 0 })).toBe("Only followers may write.");
});

test("a close says what it means for the person", () => {
  expect(closeWords(CLOSES.banned.code, "")).toContain("banned");
  expect(closeWords(CLOSES.token.code, "token-expired")).toContain("run out");
  expect(closeWords(CLOSES.tooLarge.code, "")).toContain("Load the page again");
});

test("modes are told only where they restrict", () => {
  expect(modesInWords(OPEN_MODES)).toEqual([]);
  expect(modesInWords({ ...OPEN_MODES, slowS: 5, followersMin: 10, emoteOnly: true })).toEqual([
    "Slow mode 5 s",
    "Followers of 10 min",
    "Emoji only",
  ]);
});

test("times have their two largest units", () => {
  expect([0, 45, 125, 3_600, 90_061].map(span)).toEqual(["0 s", "45 s", "2 min 5 s", "1 h", "1 d 1 h"]);
});

test("mentions are found, one's own by any case, and markup stays text", () => {
  expect(pieces("hi @Ann and @bob!", "ann")).toEqual([
    { text: "hi ", mentions: "nobody" },
    { text: "@Ann", mentions: "me" },
    { text: " and ", mentions: "nobody" },
    { text: "@bob", mentions: "somebody" },
    { text: "!", mentions: "nobody" },
  ]);
  expect(pieces("<b>x</b>", null)).toEqual([{ text: "<b>x</b>", mentions: "nobody" }]);
});

test("a name with a space is mentioned, and recognised, by its first word", () => {
  expect(mentionOf("Ann Lee")).toBe("@Ann ");
  expect(pieces("@Ann hello", "Ann Lee")[0]).toEqual({ text: "@Ann", mentions: "me" });
});

test("the highest role stands before the name", () => {
  expect(badgeOf(["subscriber", "moderator"])?.label).toBe("Mod");
  expect(badgeOf([])).toBeNull();
});

test("a person's colour is always the same", () => {
  expect(hueOf("ann")).toBe(hueOf("ann"));
  expect(hueOf("ann")).not.toBe(hueOf("bob"));
});

test("of many messages the newest are read out, and the rest counted", () => {
  const entries = [1, 2, 3, 4, 5].map((offset) => ({
    key: String(offset),
    dueMs: 0,
    what: {
      kind: "chat" as const,
      by: { subject: "ann", name: "Ann", roles: [] },
      text: `m${offset}`,
      offset,
      atMs: 0,
      programmeMs: 0,
    },
  }));
  expect(announcement(entries)).toBe("Ann: m3. Ann: m4. Ann: m5. And 2 more.");
  expect(announcement([])).toBe("");
});
