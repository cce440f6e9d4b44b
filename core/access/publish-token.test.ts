import { SignJWT } from "jose";
import { expect, test } from "vitest";
import { verifyPublishToken } from "./publish-token.ts";
import { verifyViewerToken } from "./viewer-token.ts";

const stream = "show";
const secret = "a secret of this test, of 32 bytes or more";
const keys = { secret, keySet: null };
const nowMs = 1_800_000_000_000;
const iat = nowMs / 1_000;
const claims = { use: "publish", stream, sub: "ann", jti: "token-0001", iat, exp: iat + 600 };

const sign = (over: Record<string, unknown> = {}, key = secret): Promise<string> =>
  new SignJWT({ ...claims, ...over }).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(key));

test("a publish token has an id, a subject and a role, and is verified after its expiry too", async () => {
  const expected = {
    id: "token-0001",
    subject: "ann",
    role: "primary",
    tokenVersion: 0,
    issuedMs: nowMs,
    expiresMs: nowMs + 600_000,
  };
  expect(await verifyPublishToken(keys, stream, await sign(), nowMs)).toEqual(expected);
  expect(await verifyPublishToken(keys, stream, await sign(), nowMs + 86_400_000)).toEqual(expected);
  const backup = await verifyPublishToken(keys, stream, await sign({ role: "backup", ver: 3 }), nowMs);
  expect(backup).toMatchObject({ role: "backup", tokenVersion: 3 });
});

test("each fault of a publish token has a stable name", async () => {
  const wrong: [Promise<string> | string, string][] = [
    [sign({ stream: "another" }), "token-wrong-room"],
    [sign({}, `${secret}!`), "token-forged"],
    [sign({ exp: iat + 601 }), "token-malformed"],
    [sign({ exp: iat - 1 }), "token-expired"],
    [sign({ iat: iat + 60, exp: iat + 120 }), "token-malformed"],
    [sign({ iat: undefined }), "token-malformed"],
    [sign({ iat: 1e300, exp: 1e300 }), "token-malformed"],
    [sign({ jti: undefined }), "token-malformed"],
    [sign({ jti: "short" }), "token-malformed"],
    [sign({ jti: "x".repeat(65) }), "token-malformed"],
    [sign({ jti: 7 }), "token-malformed"],
    [sign({ sub: undefined }), "token-malformed"],
    [sign({ role: "host" }), "token-malformed"],
    [sign({ ver: -1 }), "token-malformed"],
    [sign({ use: "watch" }), "token-malformed"],
    [sign({ room: stream }), "token-malformed"],
    ["a.b.c", "token-malformed"],
    ["x".repeat(10_000), "token-malformed"],
  ];
  for (const [token, error] of wrong) {
    expect(await verifyPublishToken(keys, stream, await token, nowMs), error).toBe(error);
  }
  expect(await verifyPublishToken({ secret: null, keySet: null }, stream, await sign(), nowMs)).toBe(
    "token-unsupported",
  );
});

test("a viewer's token publishes nothing, and a publish token opens no stream to watch", async () => {
  const nowS = Math.floor(Date.now() / 1_000);
  const times = { iat: nowS, exp: nowS + 300 };
  const viewer = { sub: "ann", room: stream, roles: ["host"], jti: "token-0001", ...times };
  const token = await new SignJWT(viewer).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));
  expect(await verifyViewerToken(keys, stream, token)).toMatchObject({ subject: "ann" });
  expect(await verifyPublishToken(keys, stream, token, Date.now())).toBe("token-malformed");
  expect(await verifyViewerToken(keys, stream, await sign(times))).toBe("token-malformed");
  expect(await verifyViewerToken(keys, stream, await sign({ room: stream, ...times }))).toBe("token-malformed");
});
