import { expect, test } from "vitest";
import { AUDITED_COMMANDS } from "../../../../core/room/staff-messages.ts";
import { collectInviters, describeAudit } from "./audit-text.ts";

const NAMES = new Map([
  ["u1", "Mira"],
  ["u2", "Bob: the second"],
]);
const sentence = (act: (typeof AUDITED_COMMANDS)[number], about: string): string =>
  describeAudit({ atMs: 0, by: "u1", act, about }, NAMES);

test("an act is a sentence with names; who has none is called by the account, and a guest a guest", () => {
  expect(sentence("ban", "u2")).toBe("Mira banned Bob: the second");
  expect(sentence("timeout", "u9")).toBe("Mira timed out u9");
  expect(sentence("clear", "corral-guest:0123456789abcdefghij")).toBe("Mira deleted all messages of a guest");
  expect(sentence("role", "u2: moderator")).toBe("Mira made Bob: the second a moderator");
  expect(sentence("role", "a: b: none")).toBe("Mira dismissed a: b as a moderator");
  expect(sentence("pin", "null")).toBe("Mira unpinned the message");
  expect(sentence("words", "3 words")).toBe("Mira set 3 blocked words");
  expect(sentence("approve", "3:ann1:1")).toBe("Mira approved a held message");
  expect(sentence("approve", "denied 3:ann1:1")).toBe("Mira allowed a message that the rules had refused");
  expect(sentence("deny", "denied 3:ann1:1")).toBe("Mira dismissed a message that the rules had refused");
  expect(sentence("automod", "2 allowed words")).toBe("Mira allowed 2 words");
});

test("an accepted invitation names who accepted and who invited", () => {
  const accepted = { atMs: 1, by: "u2", act: "accept", about: "3f2a9c01 Bob" } as const;
  const log = [accepted, { atMs: 0, by: "u1", act: "invite", about: "3f2a9c01" } as const];
  const inviters = collectInviters(log);
  expect(describeAudit(accepted, NAMES, inviters)).toBe("Bob: the second became a moderator by an invitation of Mira");
  expect(describeAudit(accepted, NAMES)).toBe("Bob: the second became a moderator by an invitation");
  expect(sentence("invite", "3f2a9c01")).toBe("Mira invited a moderator by a link");
});

test("every act that is recorded has a sentence", () => {
  for (const act of AUDITED_COMMANDS) expect(sentence(act, "u2")).toMatch(/^Mira \w+ \S/);
});
