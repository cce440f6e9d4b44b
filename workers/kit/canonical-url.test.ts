import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalizeUrl } from "./canonical-url.ts";

test("unnecessary escapes are decoded, and the others stay in one case", () => {
  for (const [url, wanted] of [
    ["https://e.test/live/d%65mo/multivariant.m3u8", "https://e.test/live/demo/multivariant.m3u8"],
    ["https://e.test/l%69ve/demo%2Dx/1%2em4s?token=a%2eb", "https://e.test/live/demo-x/1.m4s?token=a%2eb"],
    ["https://e.test/api/subjects/a%2fb%20c%C3%bc", "https://e.test/api/subjects/a%2Fb%20c%C3%BC"],
    ["https://e.test/a/%2e%2E/b", "https://e.test/b"],
    ["https://e.test/%2565", "https://e.test/%2565"],
    ["https://e.test/%zz/%", "https://e.test/%zz/%"],
    ["https://e.test/plain?x=%65", "https://e.test/plain?x=%65"],
  ] as const) {
    expect(canonicalizeUrl(url), url).toBe(wanted);
  }
});

test("a path is the same in every escaped form, and canonical paths are unchanged", () => {
  const plain = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.~"), minLength: 1, maxLength: 12 });
  const escaped = (char: string, upper: boolean): string => {
    const hex = char.charCodeAt(0).toString(16);
    return `%${upper ? hex.toUpperCase() : hex}`;
  };
  fc.assert(
    fc.property(
      fc.array(plain, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(2), { minLength: 60 }),
      (names, how) => {
        let at = 0;
        const spelt = names.map((name) =>
          [...name].map((char) => {
            at += 1;
            return how[at] === 0 ? char : escaped(char, how[at] === 1);
          }),
        );
        const url = `https://e.test/${names.join("/")}`;
        const other = canonicalizeUrl(`https://e.test/${spelt.map((name) => name.join("")).join("/")}`);
        expect(other).toBe(other === url ? url : new URL(url).href);
        expect(canonicalizeUrl(other)).toBe(other);
      },
    ),
  );
  fc.assert(
    fc.property(fc.webPath(), (path) => canonicalizeUrl(`https://e.test/${path}`).startsWith("https://e.test/")),
  );
});
