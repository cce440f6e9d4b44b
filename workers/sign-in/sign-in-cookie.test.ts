import { expect, test } from "vitest";
import type { SignInConfig } from "../../core/api/sign-in-config.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { createSignInCookie, endSignInCookie, type PendingProviderSignIn, readSignInCookie } from "./sign-in-cookie.ts";

const NOW = 1_800_000_000_000;
const edge = { edgeSecret: "an edge secret of this test, 32 bytes" };
const secure = { origin: "https://live.example.com" } as SignInConfig;
const pending: PendingProviderSignIn = {
  kind: "provider",
  page: "watch",
  stream: "show" as StreamName,
  issuer: "https://accounts.example.com",
  state: "state",
  nonce: "nonce",
  verifier: "verifier",
};

const at = (nowMs: number): { kind: "provider"; nowMs: number } => ({ kind: "provider", nowMs });
const request = (cookie: string): Request => new Request("https://live.example.com/", { headers: { cookie } });
const sealed = async (): Promise<string> =>
  (await createSignInCookie(edge, secure, pending, NOW))?.split(";", 1)[0] ?? "";

test("a sign-in is read again for ten minutes, beside other cookies", async () => {
  const cookie = await sealed();
  expect(await readSignInCookie(edge, secure, request(`a=b; ${cookie}; c=d`), at(NOW + 599_999))).toEqual(pending);
  expect(await readSignInCookie(edge, secure, request(cookie), at(NOW + 600_000))).toBeNull();
  // One by mail is none with a provider.
  expect(await readSignInCookie(edge, secure, request(cookie), { kind: "mail", nowMs: NOW })).toBeNull();
});

test("on a host with TLS no other host and no script reaches the cookie", async () => {
  const attributes = (await createSignInCookie(edge, secure, pending, NOW))?.split("; ") ?? [];
  expect(attributes[0]).toMatch(/^__Host-corral-sign-in=[\w.-]+$/);
  expect(attributes.slice(1)).toEqual(["Max-Age=600", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"]);
  expect(endSignInCookie(secure)).toBe("__Host-corral-sign-in=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax");
});

test("the cookie tells its holder nothing, and is of no use where it was changed or made by another edge", async () => {
  const cookie = await sealed();
  expect(cookie).not.toMatch(/state|nonce|verifier|show/);
  const value = cookie.slice(cookie.indexOf("=") + 1);
  const changed = [value.replace(/^./, (char) => (char === "A" ? "B" : "A")), `${value}A`, value.slice(2), "x", ""];
  for (const each of changed) {
    expect(await readSignInCookie(edge, secure, request(`__Host-corral-sign-in=${each}`), at(NOW)), each).toBeNull();
  }
  // Without the prefix another host of the domain may have set it.
  expect(await readSignInCookie(edge, secure, request(`corral-sign-in=${value}`), at(NOW))).toBeNull();
  const other = { edgeSecret: "another edge's secret of this test, 32" };
  expect(await readSignInCookie(other, secure, request(cookie), at(NOW))).toBeNull();
  expect(await createSignInCookie({ edgeSecret: null }, secure, pending, NOW)).toBeNull();
});
