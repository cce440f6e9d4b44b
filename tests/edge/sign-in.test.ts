/** Signing in at an edge with a real OpenID provider. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyViewerToken } from "../../core/access/viewer-token.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { type BrowserPage, CookieBrowser } from "../support/cookie-browser.ts";
import { fetchEdge, httpTestEdge } from "../support/edge-requests.ts";
import { type OpenIdProvider, startOpenIdProvider, TEST_CLIENT } from "../support/openid-provider.ts";
import { freePort } from "../support/ports.ts";

const COOKIE = "corral-sign-in";

let edge: LocalEdge;
/** An edge whose provider knows only people who may watch. */
let club: LocalEdge;
let provider: OpenIdProvider;
let dataDir: string;
const operator = httpTestEdge(() => edge.url, ADMIN_TOKEN);

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-sign-in-"));
  const [port, clubPort] = [await freePort(), await freePort()];
  const origin = `http://127.0.0.1:${port}`;
  const clubOrigin = `http://127.0.0.1:${clubPort}`;
  const redirectUris = [origin, clubOrigin].map((each) => `${each}/sign-in/callback`);
  provider = await startOpenIdProvider(redirectUris, {
    ann: { name: "Ann Bell", email: "Ann@Example.com", email_verified: true },
    bob: { name: "Bob" },
    cy: { name: "Moderator", email: "ann@example.com", email_verified: false },
    dee: { name: "<b>&\"'</b>" },
    eve: { name: "eve@example.com" },
    kim: { name: "Kim the Host" },
    "ann@example.com": { name: "Not Ann" },
  });
  edge = await startEdge({
    port,
    dataDir,
    adminToken: ADMIN_TOKEN,
    bindings: {
      CORRAL_SIGN_IN_ORIGIN: origin,
      CORRAL_OIDC_ISSUER: provider.issuer,
      CORRAL_OIDC_CLIENT_ID: TEST_CLIENT.id,
      CORRAL_OIDC_CLIENT_SECRET: TEST_CLIENT.secret,
      CORRAL_HOSTS: "ann@example.com=show kim=*",
    },
  });
  club = await startEdge({
    port: clubPort,
    dataDir: join(dataDir, "club"),
    adminToken: ADMIN_TOKEN,
    bindings: {
      CORRAL_SIGN_IN_ORIGIN: clubOrigin,
      CORRAL_OIDC_ISSUER: provider.issuer,
      CORRAL_OIDC_CLIENT_ID: TEST_CLIENT.publicId,
      CORRAL_OIDC_OPENS: "token",
    },
  });
  for (const stream of ["show", "talk", "gated"]) {
    const body = JSON.stringify({ title: stream, host: stream === "talk" ? "Bob" : "" });
    expect((await control(`${stream}/details`, "PUT", body)).status).toBe(200);
  }
  expect((await control("gated/access", "PUT", '{"playback":"token"}')).status).toBe(200);
});

afterAll(async () => {
  await edge?.stop();
  await club?.stop();
  await provider?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

function control(path: string, method: string, body: string): Promise<Response> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  return operator.ask(`/api/streams/${path}`, { method, headers, body });
}

/** A browser that is sent back by the provider: it has not followed yet. */
async function returnFromProvider(browser: CookieBrowser, who: string, target: string, at = edge): Promise<URL> {
  const isBack = (url: URL): boolean => url.origin === at.url && url.pathname === "/sign-in/callback";
  let page = await browser.open(`${at.url}/sign-in/${target}`, {}, isBack);
  if (page.html.includes('value="login"')) page = await browser.submit(page, { login: who, password: "x" }, isBack);
  if (page.html.includes('value="consent"')) page = await browser.submit(page, {}, isBack);
  if (!isBack(page.url)) throw new Error(`${page.url.href} ${page.answer.status}: ${page.html}`);
  return page.url;
}

/** Signs in, and returns the page at the end. */
async function signIn(who: string, target: string, browser = new CookieBrowser()): Promise<BrowserPage> {
  return browser.open(await returnFromProvider(browser, who, target));
}

/** What the page hands over. */
function handedOver({ html }: BrowserPage): Record<string, string> {
  const element = /id="account"([^>]*)>/.exec(html)?.[1] ?? "";
  return Object.fromEntries([...element.matchAll(/data-([a-z]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

const claimsOf = (page: BrowserPage): Record<string, unknown> => decodeJwt(handedOver(page)["token"] ?? "");

test("a person signs in as a viewer, and the page gets a token of this stream that the edge takes", async () => {
  const browser = new CookieBrowser();
  const page = await signIn("bob", "watch/show", browser);
  expect(page.answer.status).toBe(200);
  expect(page.answer.headers.get("cache-control")).toBe("no-store");
  expect(handedOver(page)).toMatchObject({ stream: "show", to: "/watch/show" });
  const { token = "" } = handedOver(page);
  const keys = { secret: edge.secret("viewer"), keySet: null };
  const claims = await verifyViewerToken(keys, "show", token);
  expect(claims).toMatchObject({ name: "Bob", roles: [], followerSinceMs: null, tokenVersion: 0 });
  expect(claims).toMatchObject({ subject: expect.stringMatching(/^corral-account:[A-Za-z0-9_-]{32}$/) });
  expect(await verifyViewerToken(keys, "talk", token)).toBe("token-wrong-room");
  const ticket = await operator.ask("/rooms/show/ticket", {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: "{}",
  });
  expect(ticket.status).toBe(200);
  // No address that was opened has the token.
  expect(browser.visited.filter((url) => url.includes(token))).toEqual([]);
  expect(browser.cookie(edge.url, COOKIE)).toBeNull();
});

test("an account is the same with each sign-in, and another one for another subject", async () => {
  const subjects = [];
  for (const who of ["bob", "bob", "dee"]) subjects.push(claimsOf(await signIn(who, "watch/show"))["sub"]);
  expect(subjects[0]).toBe(subjects[1]);
  expect(subjects[2]).not.toBe(subjects[0]);
});

test("who is on the list is a host of the listed streams, by a verified address or the provider's subject", async () => {
  const rolesOf = async (who: string, target: string): Promise<unknown> => claimsOf(await signIn(who, target))["roles"];
  expect(await rolesOf("ann", "studio/show")).toEqual(["host"]);
  expect(await rolesOf("ann", "watch/talk")).toBeUndefined();
  expect(await rolesOf("kim", "studio/talk")).toEqual(["host"]);
  // An address that is not verified, and a subject that looks like one, are nobody's.
  expect(await rolesOf("cy", "studio/show")).toBeUndefined();
  expect(await rolesOf("ann@example.com", "studio/show")).toBeUndefined();
  const { token = "" } = handedOver(await signIn("ann", "studio/show"));
  const keys = await operator.ask("/api/streams/show/keys", { headers: { authorization: `Bearer ${token}` } });
  expect(keys.status).toBe(200);
});

test("a name that claims a function, is the host's or an address is not taken; any other is as it was written", async () => {
  const nameOf = async (who: string, target: string): Promise<unknown> => claimsOf(await signIn(who, target))["name"];
  expect(await nameOf("cy", "watch/show")).toMatch(/^Viewer \d{4}$/);
  expect(await nameOf("bob", "watch/talk")).toMatch(/^Viewer \d{4}$/);
  expect(await nameOf("eve", "watch/show")).toMatch(/^Viewer \d{4}$/);
  expect(await nameOf("dee", "watch/show")).toBe("<b>&\"'</b>");
});

test("accounts do not open a stream that needs a token, but its host by sign-in does", async () => {
  const refused = await signIn("bob", "watch/gated");
  expect([refused.answer.status, refused.html.includes("not open to accounts")]).toEqual([403, true]);
  const { token = "" } = handedOver(await signIn("kim", "watch/gated"));
  const authorization = `Bearer ${token}`;
  expect((await operator.ask("/rooms/gated/replay?from=1700000000000", { headers: { authorization } })).status).toBe(
    200,
  );
});

test("where the provider knows only people who may watch, its accounts open streams that need a token, without a client secret", async () => {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const body = '{"playback":"token"}';
  expect((await fetchEdge(`${club.url}/api/streams/gated/access`, { method: "PUT", headers, body })).status).toBe(200);
  const browser = new CookieBrowser();
  const page = await browser.open(await returnFromProvider(browser, "bob", "watch/gated", club));
  expect(claimsOf(page)).toMatchObject({ sub: expect.stringMatching(/^corral-member:/), name: "Bob" });
  const replay = `${club.url}/rooms/gated/replay?from=1700000000000`;
  expect((await fetchEdge(replay)).status).toBe(401);
  const authorization = `Bearer ${handedOver(page)["token"]}`;
  expect((await fetchEdge(replay, { headers: { authorization } })).status).toBe(200);
  // The account of another edge is another one, and its token opens nothing here.
  const { token = "" } = handedOver(await signIn("bob", "watch/show"));
  expect((await fetchEdge(replay, { headers: { authorization: `Bearer ${token}` } })).status).not.toBe(200);
});

test("an account that is banned gets no other token", async () => {
  const { sub } = claimsOf(await signIn("dee", "watch/talk"));
  expect((await control("talk/revocations", "POST", JSON.stringify({ subject: sub, version: 1 }))).status).toBe(200);
  const refused = await signIn("dee", "watch/talk");
  expect([refused.answer.status, refused.html.includes("banned")]).toEqual([403, true]);
  expect((await signIn("dee", "watch/show")).answer.status).toBe(200);
});

test("nobody registers a stream by signing in", async () => {
  const browser = new CookieBrowser();
  // A host of every stream exists, so the provider is asked; the token is refused.
  const page = await signIn("bob", "watch/invented-here", browser);
  expect([page.answer.status, page.html.includes("No such stream")]).toEqual([404, true]);
  expect((await operator.ask("/api/streams/invented-here")).status).toBe(404);
});

test("the answer of a sign-in is of use to no other browser", async () => {
  const ann = new CookieBrowser();
  const back = await returnFromProvider(ann, "ann", "watch/show");
  const stranger = await new CookieBrowser().open(back);
  expect([stranger.answer.status, handedOver(stranger)]).toEqual([400, {}]);
  // One with a sign-in of its own, which goes on afterwards.
  const mal = new CookieBrowser();
  const own = await returnFromProvider(mal, "bob", "watch/show");
  const fixed = await mal.open(back);
  expect([fixed.answer.status, handedOver(fixed)]).toEqual([400, {}]);
  expect((await mal.open(own)).answer.status).toBe(200);
  expect((await ann.open(back)).answer.status).toBe(200);
});

test("an answer signs in once: neither without the cookie nor with it does it again", async () => {
  const browser = new CookieBrowser();
  const back = await returnFromProvider(browser, "bob", "watch/show");
  const kept = browser.cookie(edge.url, COOKIE) ?? "";
  expect((await browser.open(back)).answer.status).toBe(200);
  expect((await browser.open(back)).answer.status).toBe(400);
  browser.setCookie(edge.url, COOKIE, kept);
  const again = await browser.open(back);
  // The provider takes its code once.
  expect([again.answer.status, handedOver(again)]).toEqual([400, {}]);
});

test("an answer of another issuer, with another state or with a cut cookie is refused before anybody is asked", async () => {
  for (const [name, value] of [
    ["iss", "https://evil.example"],
    ["state", "x".repeat(43)],
    ["state", ""],
  ] as const) {
    const browser = new CookieBrowser();
    const back = await returnFromProvider(browser, "bob", "watch/show");
    back.searchParams.set(name, value);
    const page = await browser.open(back);
    expect([page.answer.status, handedOver(page)], `${name} ${value}`).toEqual([400, {}]);
  }
  const browser = new CookieBrowser();
  const back = await returnFromProvider(browser, "bob", "watch/show");
  browser.setCookie(edge.url, COOKIE, (browser.cookie(edge.url, COOKIE) ?? "").slice(0, -1));
  expect((await browser.open(back)).answer.status).toBe(400);
});

test("a cancelled sign-in says so, and leads back to the page", async () => {
  const browser = new CookieBrowser();
  const login = await browser.open(`${edge.url}/sign-in/watch/show`);
  const abort = /href="([^"]*\/abort)"/.exec(login.html)?.[1] ?? "";
  const page = await browser.open(new URL(abort, login.url));
  expect(page.answer.status).toBe(400);
  expect(page.html).toContain("cancelled");
  expect(page.html).toContain('href="/watch/show"');
});

test("no address leads elsewhere, and another host's name leads to the edge's own", async () => {
  for (const path of [
    ...[
      "/sign-in",
      "/sign-in/",
      "/sign-in/watch",
      "/sign-in/embed/show",
      "/sign-in/watch/SHOW",
      "/sign-in/watch//evil.example",
    ],
    ...[
      "/sign-in/watch/show/x",
      "/sign-in/watch/..%2f..%2fevil",
      "/sign-in/watch/show%2f..",
      "/sign-in/https://evil.example",
    ],
  ]) {
    const answer = await new CookieBrowser().send(new URL(`${edge.url}${path}`));
    expect([answer.status, answer.headers.get("location")], path).toEqual([404, null]);
  }
  const query = await new CookieBrowser().send(new URL(`${edge.url}/sign-in/watch/show?to=https://evil.example`));
  expect(query.headers.get("location")).toMatch(new RegExp(`^${provider.issuer}/`));
  expect(query.headers.get("location")).not.toContain("evil");
  const { port } = new URL(edge.url);
  const away = await fetchEdge(`http://localhost:${port}/sign-in/watch/show?x=1`, { redirect: "manual" });
  expect(away.headers.get("location")).toBe(`${edge.url}/sign-in/watch/show`);
  expect(away.headers.get("set-cookie")).toBeNull();
});

test("only reading methods exist, and the cookie is for this host's requests alone", async () => {
  const answer = await new CookieBrowser().send(new URL(`${edge.url}/sign-in/watch/show`));
  expect(answer.status).toBe(303);
  expect(answer.headers.get("set-cookie")).toMatch(
    /^corral-sign-in=[\w.-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/,
  );
  const { searchParams } = new URL(answer.headers.get("location") ?? "");
  expect(Object.fromEntries(searchParams)).toMatchObject({
    response_type: "code",
    client_id: "corral",
    redirect_uri: `${edge.url}/sign-in/callback`,
    scope: "openid profile email",
    code_challenge_method: "S256",
  });
  for (const name of ["state", "nonce", "code_challenge"]) expect(searchParams.get(name)).toMatch(/^[\w-]{43}$/);
  for (const method of ["POST", "PUT", "DELETE"]) {
    expect((await fetchEdge(`${edge.url}/sign-in/watch/show`, { method })).status, method).toBe(405);
  }
});

test("the pages know where to sign in, and a page's policy permits its own script only", async () => {
  const watch = await (await fetchEdge(`${edge.url}/watch/show`)).text();
  expect(watch).toMatch(/<aside id="chat"[^>]* data-sign-in="\/sign-in\/watch\/show"/);
  const studio = await (await fetchEdge(`${edge.url}/studio/show`)).text();
  expect(studio).toMatch(/<div id="studio" data-sign-in="\/sign-in\/studio\/show"/);
  expect(await (await fetchEdge(`${edge.url}/embed/show`)).text()).not.toContain("sign-in");
  const page = await signIn("bob", "watch/show");
  expect(page.answer.headers.get("content-security-policy")).toMatch(/script-src 'self' 'sha256-[^']+';/);
  expect(page.answer.headers.get("content-security-policy")).toContain("frame-ancestors 'self'");
});
