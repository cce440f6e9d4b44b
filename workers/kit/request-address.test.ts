import fc from "fast-check";
import { expect, test } from "vitest";
import { findPathStart, hasValidHost, readQuery } from "./request-address.ts";

test("a Host that ends the authority early, or names nobody, is invalid", () => {
  for (const host of [
    "edge.test?x",
    "127.0.0.1?.edge.test",
    "edge.test#x",
    "edge.test/#x",
    "edge.test\\x",
    "user@edge.test",
    "user:secret@edge.test",
    "a b",
    "[::1",
    "edge.test:99999",
    "%zz",
  ]) {
    expect(hasValidHost(`http://${host}/live/demo/multivariant.m3u8`), host).toBe(false);
  }
  for (const host of ["edge.test", "EDGE.test:80", "127.0.0.1:8080", "[::1]:8443", "a,b"]) {
    expect(hasValidHost(`https://${host}/live/demo/multivariant.m3u8?token=a@b`), host).toBe(true);
  }
  // As the target `*` makes it.
  expect(hasValidHost("http://edge.test*")).toBe(false);
});

test("where a Host is valid, every parser finds the path and the query at the same place", () => {
  const host = fc.string({ unit: fc.constantFrom(..."ab1.:?#@\\/[]%"), maxLength: 8 });
  const target = fc.string({ unit: fc.constantFrom(..."ab./=&?"), maxLength: 12 });
  fc.assert(
    fc.property(host, target, (authority, rest) => {
      const url = `http://${authority}/x${rest}`;
      if (!hasValidHost(url)) return;
      const parsed = new URL(url);
      expect(new URL(`http://e.test${url.slice(findPathStart(url))}`).pathname).toBe(parsed.pathname);
      expect(readQuery(url).toString()).toBe(parsed.searchParams.toString());
    }),
    { numRuns: 2_000 },
  );
});
