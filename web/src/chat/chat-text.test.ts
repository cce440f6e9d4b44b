import { expect, test } from "vitest";
import { OPEN_CHAT_MODES } from "../../../core/room/chat-modes.ts";
import { ROOM_ERROR_TEXTS, type RoomErrorCode } from "../../../core/room/room-errors.ts";
import { SOCKET_CLOSES } from "../../../core/room/socket-closes.ts";
import {
  announcementText,
  closeText,
  commandRefusalText,
  formatTimeSpan,
  mentionText,
  modeLabels,
  nameHue,
  roleBadge,
  splitMentions,
} from "./chat-text.ts";

test("every refusal has its own text, and texts of chat modes name the requirement", () => {
  for (const code of Object.keys(ROOM_ERROR_TEXTS) as RoomErrorCode[])
    expect(commandRefusalText(code, OPEN_CHAT_MODES)).toMatch(/\.$/);
  expect(commandRefusalText("slow-mode", { ...OPEN_CHAT_MODES, slowS: 90 })).toBe(
    "Slow mode: one message every 1 min 30 s.",
  );
  expect(commandRefusalText("followers-only", { ...OPEN_CHAT_MODES, followersMin: 1_440 })).toContain(
    "followed for 1 d",
  );
  expect(commandRefusalText("followers-only", { ...OPEN_CHAT_MODES, followersMin: 0 })).toBe(
    "Only followers can chat.",
  );
});

test("a close has a text for the viewer", () => {
  expect(closeText(SOCKET_CLOSES.banned.code, "")).toContain("banned");
  expect(closeText(SOCKET_CLOSES.token.code, "token-expired")).toContain("expired");
  expect(closeText(SOCKET_CLOSES.tooLarge.code, "")).toContain("Reload the page");
});

test("labels show only modes that restrict", () => {
  expect(modeLabels(OPEN_CHAT_MODES)).toEqual([]);
  expect(modeLabels({ ...OPEN_CHAT_MODES, slowS: 5, followersMin: 10, emoteOnly: true })).toEqual([
    "Slow mode 5 s",
    "Followers for 10 min",
    "Emoji only",
  ]);
});

test("time spans show their two largest units", () => {
  expect([0, 45, 125, 3_600, 90_061].map(formatTimeSpan)).toEqual(["0 s", "45 s", "2 min 5 s", "1 h", "1 d 1 h"]);
});

test("mentions are found, own ones in any case, and markup stays text", () => {
  expect(splitMentions("hi @Ann and @bob!", "ann")).toEqual([
    { text: "hi ", mentions: "nobody" },
    { text: "@Ann", mentions: "me" },
    { text: " and ", mentions: "nobody" },
    { text: "@bob", mentions: "somebody" },
    { text: "!", mentions: "nobody" },
  ]);
  expect(splitMentions("<b>x</b>", null)).toEqual([{ text: "<b>x</b>", mentions: "nobody" }]);
});

test("a name with a space is mentioned by its first word", () => {
  expect(mentionText("Ann Lee")).toBe("@Ann ");
  expect(splitMentions("@Ann hello", "Ann Lee")[0]).toEqual({ text: "@Ann", mentions: "me" });
});

test("the highest role is shown before the name", () => {
  expect(roleBadge(["subscriber", "moderator"])?.label).toBe("Mod");
  expect(roleBadge([])).toBeNull();
});

test("a participant's colour is stable", () => {
  expect(nameHue("ann")).toBe(nameHue("ann"));
  expect(nameHue("ann")).not.toBe(nameHue("bob"));
});

test("an announcement reads the newest messages and counts the rest", () => {
  const entries = [1, 2, 3, 4, 5].map((offset) => ({
    key: String(offset),
    dueMs: 0,
    content: {
      kind: "chat" as const,
      by: { subject: "ann", name: "Ann", roles: [] },
      text: `m${offset}`,
      offset,
      atMs: 0,
      programmeMs: 0,
    },
  }));
  expect(announcementText(entries)).toBe("Ann: m3. Ann: m4. Ann: m5. And 2 more.");
  expect(announcementText([])).toBe("");
});
