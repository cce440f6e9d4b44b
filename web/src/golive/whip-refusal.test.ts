import { expect, test } from "vitest";
import { describeWhipRefusal } from "./whip-refusal.ts";

test.each([
  [401, "key-missing", "refused", "key: A sentence."],
  [403, "key-expired", "refused", "key: A sentence."],
  [403, "stopped", "stopped", "A sentence."],
  [409, "already-live", "already-live", "A sentence."],
  [429, "too-many-requests", "busy", "A sentence."],
  [503, "unavailable", "busy", "A sentence."],
  [500, "unavailable", "unreachable", "A sentence."],
  [400, "invalid-offer", "failed", "A sentence."],
] as const)("%i %s means that it is %s", (status, name, code, reason) => {
  const body = { type: `/problems/${name}`, detail: "A sentence." };
  expect(describeWhipRefusal(status, body)).toEqual({ kind: "failed", code, reason });
});

test("an address that takes no offers is missing, and a body that is no problem has no reason", () => {
  for (const status of [404, 405, 501]) expect(describeWhipRefusal(status, null)).toEqual({ kind: "missing" });
  for (const body of [null, "text", 7, {}, { detail: 7 }])
    expect(describeWhipRefusal(503, body)).toEqual({ kind: "failed", code: "busy", reason: "" });
});
