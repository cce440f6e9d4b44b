import { expect, test } from "vitest";
import { makePrivate, readCredential } from "./playback-authorization.ts";

const at = (query: string, authorization?: string): ReturnType<typeof readCredential> =>
  readCredential(
    new Request(
      `https://e.test/live/s/b/v/1.m4s${query}`,
      authorization === undefined ? {} : { headers: { authorization } },
    ),
  );

test("a token is read from the header, else from the address, and only an address token is passed on", () => {
  expect(at("")).toBeNull();
  expect(at("?token=")).toBeNull();
  expect(at("?mytoken=a.b.c")).toBeNull();
  expect(at("?_HLS_msn=7&token=a.b.c&_HLS_part=1")).toEqual({ token: "a.b.c", query: "?token=a.b.c" });
  expect(at("?token=a.b.c", "Bearer d.e.f")).toEqual({ token: "d.e.f", query: "" });
  expect(at("?token=a.b.c", "Basic dTpw")).toEqual({ token: "a.b.c", query: "?token=a.b.c" });
});

test("a token's response is not stored by shared caches, and an uncacheable one stays so", () => {
  const lifetimeAfter = (lifetime: string): string | null => {
    const answer = new Response("", { headers: { "cache-control": lifetime } });
    makePrivate(answer);
    return answer.headers.get("cache-control");
  };
  expect(lifetimeAfter("public, max-age=31536000, immutable")).toBe("private, max-age=31536000, immutable");
  expect(lifetimeAfter("no-store")).toBe("no-store");
});
