import { expect, test } from "vitest";
import { SOCKET_CLOSES } from "../socket-closes.ts";
import { ROOM_CLIENT_LIMITS } from "./client-limits.ts";
import { maxReconnectDelayMs } from "./reconnect.ts";

const maxDelayMs = (code: number, reason: string, canRenewToken = false): number | null =>
  maxReconnectDelayMs(ROOM_CLIENT_LIMITS, { code, reason }, canRenewToken, 0);

test("a client with a token source reconnects after an expired or revoked token, and not after an invalid token or a followers-only refusal", () => {
  const { token, banned } = SOCKET_CLOSES;
  for (const reason of ["token-expired", "token-revoked"]) {
    expect(maxDelayMs(token.code, reason)).toBeNull();
    expect(maxDelayMs(token.code, reason, true)).toBe(ROOM_CLIENT_LIMITS.reconnectBaseMs);
  }
  for (const reason of ["token-forged", "token-missing", "token-wrong-room"]) {
    expect(maxDelayMs(token.code, reason, true)).toBeNull();
  }
  expect(maxDelayMs(banned.code, "followers-only", true)).toBeNull();
});

test("the reconnect delay that the server requests is bounded", () => {
  expect(maxDelayMs(SOCKET_CLOSES.comeBack.code, "30")).toBe(30_000);
  expect(maxDelayMs(SOCKET_CLOSES.comeBack.code, "1e9")).toBe(10 * ROOM_CLIENT_LIMITS.reconnectLongMs);
  expect(maxDelayMs(SOCKET_CLOSES.comeBack.code, "soon")).toBe(ROOM_CLIENT_LIMITS.reconnectLongMs);
});
