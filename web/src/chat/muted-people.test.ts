import { expect, test } from "vitest";
import type { TimelineEntry } from "./chat-timeline.ts";
import { MAX_MUTED, parseMuted, withMuted, withoutMuted } from "./muted-people.ts";

test("what was stored is read back, and a broken text mutes nobody", () => {
  expect(parseMuted(JSON.stringify(["ann", "bob smith"]))).toEqual(["ann", "bob smith"]);
  for (const text of [null, "", "{}", '["ann', '{"0":"ann"}']) expect(parseMuted(text)).toEqual([]);
  expect(parseMuted('["ann", 1, null]')).toEqual(["ann"]);
});

test("a person is muted once and unmuted, and no more than the limit are kept", () => {
  expect(withMuted(["ann"], "ann", true)).toEqual(["ann"]);
  expect(withMuted(["ann", "bob"], "ann", false)).toEqual(["bob"]);
  const many = Array.from({ length: MAX_MUTED }, (_, index) => `p${index}`);
  expect(withMuted(many, "new", true)).toHaveLength(MAX_MUTED);
});

test("only messages of the muted are left out", () => {
  const chat = (subject: string): TimelineEntry =>
    ({ key: subject, dueMs: 0, content: { kind: "chat", by: { subject, name: subject, roles: [] } } }) as never;
  const hole: TimelineEntry = { key: "hole", dueMs: 0, content: { kind: "hole" } };
  const entries = [chat("ann"), hole, chat("bob")];
  expect(withoutMuted(entries, ["ann"]).map(({ key }) => key)).toEqual(["hole", "bob"]);
  expect(withoutMuted(entries, [])).toBe(entries);
});
