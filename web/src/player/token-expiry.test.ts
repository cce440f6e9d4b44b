import { expect, test } from "vitest";
import { readTokenExpiryMs } from "./token-expiry.ts";

const jwt = (payload: string): string => `e30.${Buffer.from(payload).toString("base64url")}.c2ln`;

test("the expiry of a token is read from its payload", () => {
  expect(readTokenExpiryMs(jwt('{"sub":"ÿÿÿ>>>???","exp":1760000000}'))).toBe(1_760_000_000_000);
});

test("a token without an expiry, and what is no token, have none", () => {
  for (const token of [jwt("{}"), jwt('{"exp":"soon"}'), jwt("null"), jwt("{"), "", "a.b", "a.%.c"])
    expect(readTokenExpiryMs(token)).toBeNull();
});
