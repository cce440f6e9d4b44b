import { expect, test } from "vitest";
import { SOCKET_CLOSES } from "../room-protocol.ts";
import { ROOM_CLIENT_LIMITS } from "./client.ts";
import { maxReconnectDelayMs } from "./reconnect.ts";

const within = (code: number, reason: string, newToken = false): number | null =>
  maxReconnectDelayMs(ROOM_CLIENT_LIMITS, { code, reason }, newToken, 0);

test("who can get another token comes back with it, but not where the token was wrong or followers are asked for", () => {
  const { token, banned } = SOCKET_CLOSES;
  for (const reason of ["token-expired", "token-revoked"]) {
    expect(within(token.code, reason)).toBeNull();
    expect(within(token.code, reason, true)).toBe(ROOM_CLIENT_LIMITS.reconnectBaseMs);
  }
  for (const reason of ["token-forged", "token-missing", "token-wrong-room"]) {
    expect(within(token.code, reason, true)).toBeNull();
  }
  expect(within(banned.code, "followers-only", true)).toBeNull();
});

test("a spread that the server asks for is bounded", () => {
  expect(within(SOCKET_CLOSES.comeBack.code, "30")).toBe(30_000);
  expect(within(SOCKET_CLOSES.comeBack.code, "1e9")).toBe(10 * ROOM_CLIENT_LIMITS.reconnectLongMs);
  expect(within(SOCKET_CLOSES.comeBack.code, "soon")).toBe(ROOM_CLIENT_LIMITS.reconnectLongMs);
});
