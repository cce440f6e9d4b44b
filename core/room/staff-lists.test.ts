import { expect, test } from "vitest";
import { COMMANDS } from "./commands/index.ts";
import { affectedStaffLists } from "./staff-lists.ts";
import { AUDITED_COMMANDS } from "./staff-messages.ts";

test("the audit log records every command but messages and requests for lists", () => {
  const kinds = Object.keys(COMMANDS).filter((kind) => kind !== "chat" && kind !== "list");
  expect([...AUDITED_COMMANDS].sort()).toEqual(kinds.sort());
});

test("a change of the staff affects the audit log and the lists of what it is about", () => {
  const lists = AUDITED_COMMANDS.map((kind) => [kind, ...affectedStaffLists(kind)].join(" "));
  expect(lists).toEqual([
    "delete audit",
    "clear audit",
    "pin audit",
    "modes audit",
    "timeout bans audit",
    "ban bans audit",
    "unban bans audit",
    "role moderators invitations audit",
    "invite invitations audit",
    "uninvite invitations audit",
    "accept audit",
    "words words audit",
    "automod automod audit",
    "approve denied audit",
    "deny denied audit",
  ]);
  for (const kind of ["words", "automod"] as const)
    expect(affectedStaffLists("rules")).toEqual(expect.arrayContaining([...affectedStaffLists(kind)]));
});
