import fc from "fast-check";
import { expect, test } from "vitest";
import { mailboxOf, parseEmailAddress } from "./email-address.ts";

test("addresses are equal in any case, without the white space around them", () => {
  expect(parseEmailAddress(" Ann.Bell+live@Example.COM ")).toBe("ann.bell+live@example.com");
  expect(parseEmailAddress(`${"a".repeat(64)}@${"b".repeat(63)}.example`)).toHaveLength(64 + 1 + 63 + 8);
});

test("what could be another address, a list or a header is no address", () => {
  const refused = [
    ...["", "ann", "@example.com", "ann@", "ann@example", "ann@@example.com", "a@b@example.com", "ann @example.com"],
    ...[".ann@example.com", "ann.@example.com", "a..b@example.com", "ann@-a.com", "ann@a-.com", "ann@example..com"],
    ...['"ann"@example.com', "ann@[127.0.0.1]", "ann(x)@example.com", "ann@example.com,bob@example.com"],
    ...["ann@example.com\r\nBcc: bob@example.com", "ann@example.com;x", "<ann@example.com>", "ann@example.com."],
    // The Kelvin sign is "k" in lower case, and a long s is "S" in upper case.
    ...["\u212aim@example.com", "mi\u017fs@example.com", "ann@ex\u0430mple.com", "ännä@example.com"],
    ...[`${"a".repeat(65)}@example.com`, `a@${"b".repeat(64)}.com`, `a@${"b.".repeat(126)}com`],
  ];
  for (const text of refused) expect(parseEmailAddress(text), JSON.stringify(text)).toBeNull();
  for (const value of [null, undefined, 7, {}, ["ann@example.com"]]) expect(parseEmailAddress(value)).toBeNull();
});

test("an address stays itself, has one sign, and no character that a header or a list knows", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.emailAddress()), (text) => {
      const address = parseEmailAddress(text);
      if (address === null) return;
      expect(parseEmailAddress(address)).toBe(address);
      expect(address.split("@")).toHaveLength(2);
      expect(address).not.toMatch(/[\s,;:<>()"\\[\]]/);
    }),
  );
});

test("addresses that a provider delivers to one mailbox have one name for it, and others have others", () => {
  for (const address of [
    "annbell@example.com",
    "ann.bell@example.com",
    "ann.bell+live@example.com",
    "annbell+@example.com",
  ])
    expect(mailboxOf(address)).toBe("annbell@example.com");
  expect(mailboxOf("ann@mail.example.com")).toBe("ann@mail.example.com");
  // A tag without a mailbox is the mailbox.
  expect(mailboxOf("+live@example.com")).toBe("+live@example.com");
});
