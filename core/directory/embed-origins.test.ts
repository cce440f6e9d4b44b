import fc from "fast-check";
import { expect, test } from "vitest";
import {
  embedOriginsOf,
  frameAncestorsOf,
  isOriginAllowed,
  parseEmbedOrigin,
  readEmbedOrigins,
  writeEmbedOrigins,
} from "./embed-origins.ts";
import { EMPTY_PROFILE, type PublicProfile } from "./stream-details.ts";

const profileOf = (
  embedOrigins: readonly string[] | null,
  playback: PublicProfile["playback"],
): Pick<PublicProfile, "profile" | "playback"> => ({
  profile: { ...EMPTY_PROFILE, details: { ...EMPTY_PROFILE.details, embedOrigins } },
  playback,
});

test("an origin is written as browsers send it", () => {
  expect(parseEmbedOrigin("https://Blog.Example/")).toBe("https://blog.example");
  expect(parseEmbedOrigin("https://blog.example:443")).toBe("https://blog.example");
  expect(parseEmbedOrigin("http://localhost:8080")).toBe("http://localhost:8080");
  expect(parseEmbedOrigin("https://bücher.example")).toBe("https://xn--bcher-kva.example");
});

test("what is no origin, or would be more than one source of a header, is refused", () => {
  for (const text of [
    ...["", "*", "null", "blog.example", "https://", "https://*.example", "https://*", "data:text/html,x"],
    ...["https://a.example/path", "https://a.example?x", "https://a.example#x", "https://ann:secret@a.example"],
    ...["https://a;script-src", "https://a,b", "https://a' 'unsafe-inline", "https://a.example https://b.example"],
    ...[
      "https://[::1]",
      "javascript://a.example",
      "https://a.example\n",
      "https://a.example\\@b",
      "https://a..example",
    ],
  ]) {
    expect(parseEmbedOrigin(text), text).toBeNull();
  }
});

test("any text that is accepted is one source without a character that ends it, and is accepted again unchanged", () => {
  const host = fc.string({ unit: fc.constantFrom(..."ab1.-;,'*\" \t:@/%_é".split("")), maxLength: 20 });
  fc.assert(
    fc.property(fc.oneof(host, fc.webAuthority(), fc.string()), (text) => {
      const origin = parseEmbedOrigin(`https://${text}`);
      if (origin === null) return;
      expect(origin).toMatch(/^https?:\/\/[a-z0-9.:-]+$/);
      expect(parseEmbedOrigin(origin)).toBe(origin);
    }),
  );
});

test("without a list everybody embeds what everybody may watch, and nobody what needs a token", () => {
  expect(embedOriginsOf(profileOf(null, "public"))).toBe("any");
  for (const playback of ["token", "followers"] as const) expect(embedOriginsOf(profileOf(null, playback))).toEqual([]);
  for (const playback of ["public", "token"] as const) {
    expect(embedOriginsOf(profileOf([], playback))).toEqual([]);
    expect(embedOriginsOf(profileOf(["https://a.example"], playback))).toEqual(["https://a.example"]);
  }
});

test("the header and the document say the same", () => {
  expect(frameAncestorsOf("any")).toBe("*");
  expect(frameAncestorsOf([])).toBe("'self'");
  expect(frameAncestorsOf(["https://a.example", "https://b.example"])).toBe(
    "'self' https://a.example https://b.example",
  );
  for (const allowed of ["any", [], ["https://a.example", "https://b.example"]] as const) {
    expect(readEmbedOrigins(writeEmbedOrigins(allowed))).toEqual(allowed);
  }
});

const OWN = "https://live.example";

test("pages of listed origins and of the edge's own may command the player, and no others", () => {
  const allowed = ["https://blog.example"];
  expect(isOriginAllowed(allowed, "https://blog.example", OWN)).toBe(true);
  expect(isOriginAllowed([], OWN, OWN)).toBe(true);
  for (const origin of ["https://evil.example", "https://blog.example.evil", "http://blog.example", "null", ""]) {
    expect(isOriginAllowed(allowed, origin, OWN), origin).toBe(false);
  }
});

test("a document without an origin commands no player, not even one that everybody embeds", () => {
  expect(isOriginAllowed("any", "https://anybody.example", OWN)).toBe(true);
  expect(isOriginAllowed("any", "null", OWN)).toBe(false);
});
