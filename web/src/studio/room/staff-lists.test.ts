import { expect, test } from "vitest";
import type { HeldMessage } from "../../../../core/room/entries/held.ts";
import type { BanListEntry } from "../../../../core/room/staff-messages.ts";
import { applyStaffList, applyStaffNotes, EMPTY_STAFF_LISTS, groupSanctions, parseWordLines } from "./staff-lists.ts";

const held = (id: string): HeldMessage => ({
  id,
  by: { subject: "ann", name: "Ann", roles: [] },
  clientId: id,
  text: "hm",
  reasons: ["mode"],
  atMs: 0,
  programmeMs: 0,
  device: "",
  address: "",
});
const line = (key: string, over: Partial<BanListEntry> = {}): BanListEntry => ({
  key,
  subject: "eve",
  by: "mod",
  ban: true,
  untilMs: null,
  ...over,
});

test("the review queue follows staff notes, each message once", () => {
  const staff = applyStaffNotes(EMPTY_STAFF_LISTS, [
    { kind: "held", held: held("a") },
    { kind: "held", held: held("b") },
    { kind: "held", held: held("a") },
  ]);
  expect(staff.held.map(({ id }) => id)).toEqual(["b", "a"]);
  expect(applyStaffNotes(staff, [{ kind: "settled", id: "b" }]).held.map(({ id }) => id)).toEqual(["a"]);
});

test("a received list replaces the previous one", () => {
  const staff = applyStaffList(applyStaffList(EMPTY_STAFF_LISTS, { what: "words", words: ["spam"] }), {
    what: "words",
    words: [],
  });
  expect(staff.words).toEqual([]);
  expect(staff.bans).toBeNull();
});

test("account, devices and addresses of one participant are one line, and expired sanctions none", () => {
  const bans = [
    line("account:bob", { subject: "bob", ban: false, untilMs: 500 }),
    line("account:eve"),
    line("device:d1"),
    line("device:d2"),
    line("address:a"),
  ];
  expect(groupSanctions(bans, 100).map(({ subject }) => subject)).toEqual(["eve", "bob"]);
  expect(groupSanctions(bans, 1_000)).toEqual([
    { subject: "eve", by: "mod", ban: true, untilMs: null, devices: 2, addresses: 1 },
  ]);
});

test("words are parsed by line, without blanks and duplicates", () => {
  expect(parseWordLines(" spam \n\nbuy now\nspam\n")).toEqual(["spam", "buy now"]);
});
