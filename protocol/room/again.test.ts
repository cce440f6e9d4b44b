import { expect, test } from "vitest";
import { comeBackWithinMs } from "./again.ts";
import { CLIENT_LIMITS } from "./client.ts";
import { CLOSES } from "./wire.ts";

const within = (code: number, reason: string, newToken = false): number | null =>
  comeBackWithinMs(CLIENT_LIMITS, { code, reason }, newToken, 0);

test("who can get another token comes back with it, but not where the token was wrong or followers are asked for", () => {
  const { token, banned } = CLOSES;
  for (const reason of ["token-expired", "token-revoked"]) {
    expect(within(token.code, reason)).toBeNull();
    expect(within(token.code, reason, true)).toBe(CLIENT_LIMITS.againMs);
  }
  for (const reason of ["token-forged", "token-missing", "token-wrong-room"]) {
    expect(within(token.code, reason, true)).toBeNull();
  }
  expect(within(banned.code, "followers-only", true)).toBeNull();
});

test("a spread that the server asks for is bounded", () => {
  expect(within(CLOSES.comeBack.code, "30")).toBe(30_000);
  expect(within(CLOSES.comeBack.code, "1e9")).toBe(10 * CLIENT_LIMITS.laterMs);
  expect(within(CLOSES.comeBack.code, "soon")).toBe(CLIENT_LIMITS.laterMs);
});
