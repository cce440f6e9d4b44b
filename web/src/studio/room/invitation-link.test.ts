import { expect, test } from "vitest";
import { createInvitationSecret, formatInvitationLink, splitInvitationFragment } from "./invitation-link.ts";

test("a link has its secret in the fragment, from which it is read once", () => {
  const secret = createInvitationSecret();
  expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(createInvitationSecret()).not.toBe(secret);
  const url = new URL(formatInvitationLink("https://live.example", "show", secret));
  expect(`${url.pathname}${url.search}`).toBe("/studio/show?tab=room");
  expect(splitInvitationFragment(url.hash)).toEqual({ secret, rest: "" });
  expect(splitInvitationFragment(`#token=a.b&invite=${secret}`)).toEqual({ secret, rest: "#token=a.b" });
  expect(splitInvitationFragment("#invite=short")).toEqual({ secret: "", rest: "" });
  expect(splitInvitationFragment("#token=x")).toEqual({ secret: null, rest: "#token=x" });
});
