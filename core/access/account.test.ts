import fc from "fast-check";
import { expect, test } from "vitest";
import { accountSubject, hasChosenName, isAccountSubject, isPublicOnly } from "./account.ts";
import { guestSubject } from "./guest.ts";

test("accounts of the edge's sign-in, guests and other subjects are told apart by the subject", () => {
  const of = (subject: string): boolean[] => [isAccountSubject(subject), isPublicOnly(subject), hasChosenName(subject)];
  fc.assert(
    fc.property(fc.string(), (id) => {
      expect(of(accountSubject("public", id))).toEqual([true, true, true]);
      expect(of(accountSubject("token", id))).toEqual([true, false, true]);
      expect(of(guestSubject(id))).toEqual([false, true, true]);
      if (!id.startsWith("corral-")) expect(of(id)).toEqual([false, false, false]);
    }),
  );
});
