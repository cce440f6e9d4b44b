import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, test } from "vitest";
import { verifyViewerToken } from "../../core/access/viewer-token.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { app } from "../app.ts";
import type { Env } from "../env.ts";
import { testBindings } from "../testing.ts";

const room = "show" as StreamName;
const secret = "a secret of this test, of 32 bytes or more";
const HMAC = { secret, keySet: null };

function claims(over: Record<string, unknown> = {}): SignJWT {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ sub: "ann", room, iat: now, exp: now + 3_600, ...over });
}

function signed(over: Record<string, unknown> = {}, key = secret): Promise<string> {
  return claims(over).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(key));
}

test("a token is parsed into a principal; unknown roles are ignored", async () => {
  const token = await signed({ name: "Ann", roles: ["owner", "moderator"], follower_since: 1_000 });
  expect(await verifyViewerToken(HMAC, room, token)).toMatchObject({
    subject: "ann",
    name: "Ann",
    roles: ["moderator"],
    followerSinceMs: 1_000_000,
    tokenVersion: 0,
  });
  expect(await verifyViewerToken(HMAC, room, await signed({ name: 7, roles: "host" }))).toMatchObject({
    name: "ann",
    roles: [],
    followerSinceMs: null,
  });
});

test("each fault of a token has a stable name", async () => {
  const now = Math.floor(Date.now() / 1_000);
  const day = 86_400;
  const wrong: [Promise<string> | string, string][] = [
    [signed({ exp: 1 }), "token-expired"],
    [signed({}, `${secret}!`), "token-forged"],
    [signed({ room: "another" }), "token-wrong-room"],
    [signed({ exp: undefined }), "token-malformed"],
    [signed({ sub: undefined }), "token-malformed"],
    [signed({ iat: undefined }), "token-malformed"],
    [signed({ iat: now + 60, exp: now + 120 }), "token-malformed"],
    [signed({ ver: -1 }), "token-malformed"],
    [signed({ ver: "2" }), "token-malformed"],
    // A long expiry is cut to the maximum lifetime.
    [signed({ iat: now - 2 * day, exp: now + day }), "token-expired"],
    [signed({ sub: "x".repeat(65) }), "token-malformed"],
    // Subjects of the edge's own sign-in belong to its tokens, and no others to them.
    [signed({ sub: "corral-account:x" }), "token-malformed"],
    [signed({ sub: "corral-member:x", iss: "my-site" }), "token-malformed"],
    [signed({ iss: "corral-sign-in" }), "token-malformed"],
    ["", "token-malformed"],
    ["a.b.c", "token-malformed"],
    ["x".repeat(10_000), "token-malformed"],
    // An unsigned token matches no key.
    [`${btoa('{"alg":"none"}')}.${btoa('{"sub":"ann"}')}.`.replaceAll("=", ""), "token-unsupported"],
  ];
  for (const [token, error] of wrong) expect(await verifyViewerToken(HMAC, room, await token), error).toBe(error);
});

test("a token expires a day after its issue at the latest, and has a version", async () => {
  const iat = Math.floor(Date.now() / 1_000);
  const verified = await verifyViewerToken(HMAC, room, await signed({ iat, exp: iat + 1_000_000, ver: 7 }));
  expect(verified).toMatchObject({ expiresMs: 1_000 * (iat + 86_400), tokenVersion: 7 });
});

test("ES256 keys are found by their kid, so they can be rotated, and never used for another algorithm", async () => {
  const [old, current, strange] = await Promise.all(
    [1, 2, 3].map(() => generateKeyPair("ES256", { extractable: true })),
  );
  if (old === undefined || current === undefined || strange === undefined) throw new Error("no keys");
  const keys = await Promise.all(
    [old, current].map(async ({ publicKey }, index) => ({
      ...(await exportJWK(publicKey)),
      kid: `k${index}`,
      alg: "ES256",
    })),
  );
  const env = { secret: null, keySet: JSON.stringify({ keys }) };
  const sign = (kid: string, key: CryptoKey): Promise<string> =>
    claims().setProtectedHeader({ alg: "ES256", kid }).sign(key);
  expect(await verifyViewerToken(env, room, await sign("k0", old.privateKey))).toMatchObject({ subject: "ann" });
  expect(await verifyViewerToken(env, room, await sign("k1", current.privateKey))).toMatchObject({ subject: "ann" });
  expect(await verifyViewerToken(env, room, await sign("k1", strange.privateKey))).toBe("token-forged");
  expect(await verifyViewerToken(env, room, await sign("k2", strange.privateKey))).toBe("token-forged");
  const withoutOld = { secret: null, keySet: JSON.stringify({ keys: keys.slice(1) }) };
  expect(await verifyViewerToken(withoutOld, room, await sign("k0", old.privateKey))).toBe("token-forged");
  // Signed with the public keys' text as an HMAC secret.
  expect(await verifyViewerToken(env, room, await signed({}, env.keySet))).toBe("token-unsupported");
});

const askDevToken = (env: Partial<Env>, body: string): Promise<Response> =>
  Promise.resolve(app.request("http://edge.test/dev/token", { method: "POST", body }, { ...testBindings, ...env }));

test("POST /dev/token does not exist where the deployment does not issue tokens", async () => {
  const body = JSON.stringify({ room, sub: "ann" });
  expect((await askDevToken({ CORRAL_DEV_TOKENS: "" }, body)).status).toBe(404);
  expect((await askDevToken({}, body)).status).toBe(200);
  expect((await askDevToken({}, "{")).status).toBe(400);
});
