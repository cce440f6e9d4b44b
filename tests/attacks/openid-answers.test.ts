/** Answers of an OpenID provider that are forged, stolen, late or for somebody else: none of them signs anybody in. */
import { generateKeyPair } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { OidcConfig } from "../../core/api/sign-in-config.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import {
  finishAuthorization,
  type PendingAuthorization,
  ProviderError,
  type ProviderPerson,
  startAuthorization,
} from "../../workers/sign-in/oidc-client.ts";
import {
  type ForgedAnswer,
  type ForgedClaims,
  type ForgingProvider,
  signIdToken,
  startForgingProvider,
} from "../support/forging-provider.ts";

const REDIRECT_URI = "https://live.example.com/sign-in/callback";
const CLIENT_SECRET = "the secret of the client, which a token must not be signed with";
const { clock } = systemPlatform;

let provider: ForgingProvider;
let oidc: OidcConfig;
let pending: PendingAuthorization;
const nowS = (): number => Math.floor(Date.now() / 1_000);

beforeAll(async () => {
  provider = await startForgingProvider((issuer) => ({
    iss: issuer,
    sub: "ann",
    aud: "corral",
    iat: nowS(),
    exp: nowS() + 300,
    nonce: pending.nonce,
    name: "Ann",
    email: "Ann@Example.com",
    email_verified: true,
  }));
  oidc = {
    issuer: provider.issuer,
    clientId: "corral",
    clientSecret: CLIENT_SECRET,
    scopes: "openid profile email",
    nameClaim: "name",
    reach: "public",
  };
});

beforeEach(async () => {
  ({ pending } = await startAuthorization(oidc, REDIRECT_URI, clock));
});

afterAll(() => provider.stop());

const callback = (over: Readonly<Record<string, string>> = {}): URL => {
  const url = new URL(REDIRECT_URI);
  for (const [name, value] of Object.entries({ code: "a-code", state: pending.state, ...over })) {
    url.searchParams.append(name, value);
  }
  return url;
};

/** The person, or the failure's name. */
async function signIn(answer: ForgedAnswer, at = callback(), config = oidc): Promise<ProviderPerson | string> {
  provider.answer = answer;
  try {
    return await finishAuthorization(config, REDIRECT_URI, { pending, callback: at }, clock);
  } catch (error) {
    if (error instanceof ProviderError) return error.failure;
    throw error;
  }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const unsigned = (claims: ForgedClaims, alg: string): string => `${encode({ alg, kid: "key-1" })}.${encode(claims)}.`;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("an honest answer signs its subject in, and the code is redeemed with the verifier of the request", async () => {
  expect(await signIn({})).toEqual({
    issuer: provider.issuer,
    subject: "ann",
    name: "Ann",
    email: "ann@example.com",
  });
  const { verifier } = pending;
  expect(Object.fromEntries(provider.asked.at(-1) ?? [])).toMatchObject({
    grant_type: "authorization_code",
    code: "a-code",
    redirect_uri: REDIRECT_URI,
    code_verifier: verifier,
  });
  expect(verifier).toMatch(/^[\w-]{43}$/);
});

const FORGED_CLAIMS: Readonly<Record<string, () => ForgedClaims>> = {
  "another nonce": () => ({ nonce: "x".repeat(43) }),
  "no nonce": () => ({ nonce: undefined }),
  "another issuer": () => ({ iss: "https://evil.example" }),
  "the issuer with a slash": () => ({ iss: `${provider.issuer}/` }),
  "another audience": () => ({ aud: "other-client" }),
  "several audiences without the authorized party": () => ({ aud: ["corral", "other-client"] }),
  "several audiences, and another authorized party": () => ({ aud: ["corral", "other-client"], azp: "other-client" }),
  "no audience": () => ({ aud: undefined }),
  "an end in the past": () => ({ exp: nowS() - 120 }),
  "no end": () => ({ exp: undefined }),
  "no time of issue": () => ({ iat: undefined }),
  "a beginning in the future": () => ({ nbf: nowS() + 600 }),
  "no subject": () => ({ sub: undefined }),
};

test.each(Object.keys(FORGED_CLAIMS))("a token with %s is refused", async (name) => {
  expect(await signIn({ claims: FORGED_CLAIMS[name]?.() ?? {} })).toBe("refused");
});

const FORGED_TOKENS: Readonly<Record<string, ForgedAnswer["idToken"]>> = {
  "no signature": (claims) => unsigned(claims, "none"),
  "no signature, by another spelling": (claims) => unsigned(claims, "nOnE"),
  "an empty signature": (claims) => unsigned(claims, "RS256"),
  "the signature of another key": async (claims) => signIdToken(claims, (await generateKeyPair("RS256")).privateKey),
  "the signature of an unknown key": async (claims) =>
    signIdToken(claims, (await generateKeyPair("RS256")).privateKey, { alg: "RS256", kid: "key-2" }),
  "a signature by the client's secret": (claims) => signIdToken(claims, bytes(CLIENT_SECRET), { alg: "HS256" }),
  "a signature by the public key as a secret": (claims, kid) =>
    signIdToken(claims, bytes(provider.publicKey), { alg: "HS256", kid }),
  "an algorithm that the provider does not have": async (claims, kid) =>
    signIdToken(claims, (await generateKeyPair("ES256")).privateKey, { alg: "ES256", kid }),
  "an extension that nobody knows": (claims, kid) =>
    `${encode({ alg: "RS256", kid, crit: ["x"], x: 1 })}.${encode(claims)}.AAAA`,
  "no form": () => "not a token",
  "no token": () => undefined,
};

test.each(Object.keys(FORGED_TOKENS))("an answer with %s is refused", async (name) => {
  const idToken = FORGED_TOKENS[name];
  if (idToken === undefined) throw new Error(name);
  expect(await signIn({ idToken })).toBe("refused");
});

test("the code is redeemed for no answer with another state, another issuer, twice the same parameter, or an error", async () => {
  const before = provider.asked.length;
  const twice = callback();
  twice.searchParams.append("state", "x");
  const cases: readonly [URL, string][] = [
    [callback({ state: "x".repeat(43) }), "refused"],
    [callback({ state: "" }), "refused"],
    [callback({ iss: "https://evil.example" }), "refused"],
    [twice, "refused"],
    [callback({ response: "a.b.c" }), "refused"],
    [callback({ id_token: "a.b.c" }), "refused"],
    [callback({ error: "access_denied" }), "cancelled"],
    [callback({ error: "server_error" }), "refused"],
  ];
  for (const [url, failure] of cases) expect(await signIn({}, url), url.search).toBe(failure);
  expect(provider.asked.length).toBe(before);
});

test("an answer to a request that another provider was asked is refused", async () => {
  const other = await startForgingProvider((issuer) => ({ iss: issuer, sub: "ann" }));
  try {
    expect(await signIn({}, callback(), { ...oidc, issuer: other.issuer })).toBe("refused");
    expect(other.asked).toEqual([]);
  } finally {
    await other.stop();
  }
});

test("an address counts only where the provider says that it is verified", async () => {
  const emailOf = async (claims: ForgedClaims): Promise<unknown> => {
    const person = await signIn({ claims });
    return typeof person === "string" ? person : person.email;
  };
  expect(await emailOf({ email_verified: "true" })).toBe("ann@example.com");
  for (const email_verified of [undefined, false, "false", 1, null, "yes"]) {
    expect(await emailOf({ email_verified }), String(email_verified)).toBeNull();
  }
  for (const email of ["\u212aim@example.com", "ann@example.com,bob@example.com", 7]) {
    expect(await emailOf({ email }), String(email)).toBeNull();
  }
});

test("what is missing is asked of the userinfo endpoint, whose subject must be the token's", async () => {
  const claims = { name: undefined, email: undefined, email_verified: undefined };
  const userinfo = { sub: "ann", name: "Ann B.", email: "ann@example.com", email_verified: true };
  expect(await signIn({ claims, userinfo })).toMatchObject({ name: "Ann B.", email: "ann@example.com" });
  // What one document calls verified is not the address of the other.
  const mixed = { name: undefined, email: "kim@example.com", email_verified: undefined };
  expect(await signIn({ claims: mixed, userinfo })).toMatchObject({ name: "Ann B.", email: null });
  expect(await signIn({ claims, userinfo: { ...userinfo, sub: "bob" } })).toBe("refused");
  expect(await signIn({ claims, userinfo: {} })).toBe("refused");
});

test("a code that the provider refuses, and a provider that fails, sign nobody in", async () => {
  expect(await signIn({ status: 400, members: { error: "invalid_grant" } })).toBe("refused");
  expect(await signIn({ status: 500, members: { error: "server_error" } })).toBe("provider");
  expect(await signIn({ members: { token_type: "mac" } })).toBe("refused");
});

test("nobody waits for a silent provider longer than eight seconds", async () => {
  provider.answer = { isSilent: true };
  const virtual = new VirtualClock(Date.now());
  const asked = provider.asked.length;
  const finished = finishAuthorization(oidc, REDIRECT_URI, { pending, callback: callback() }, virtual).catch(
    (error: unknown) => (error as ProviderError).failure,
  );
  while (provider.asked.length === asked) await new Promise((resolve) => setTimeout(resolve, 5));
  await virtual.advance(8_000);
  expect(await finished).toBe("provider");
});

test("a provider whose metadata has another name is not asked to sign anybody in", async () => {
  const nowhere = { ...oidc, issuer: `${provider.issuer}/elsewhere` };
  await expect(startAuthorization(nowhere, REDIRECT_URI, clock)).rejects.toBeInstanceOf(ProviderError);
});
