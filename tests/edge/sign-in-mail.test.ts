/** Signing in by mailed links at a local edge, whose mails are on its terminal. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { verifyViewerToken } from "../../core/access/viewer-token.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { type BrowserPage, CookieBrowser } from "../support/cookie-browser.ts";
import { fetchEdge, httpTestEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";

const COOKIE = "corral-sign-in";

let edge: LocalEdge;
let dataDir: string;
/** The lines of the edge's terminal. */
const printed: string[] = [];
const operator = httpTestEdge(() => edge.url, ADMIN_TOKEN);

beforeAll(async () => {
  vi.spyOn(console, "log").mockImplementation((line: unknown) => void printed.push(String(line)));
  dataDir = await mkdtemp(join(tmpdir(), "corral-sign-in-mail-"));
  const port = await freePort();
  edge = await startEdge({
    port,
    dataDir,
    adminToken: ADMIN_TOKEN,
    bindings: {
      CORRAL_SIGN_IN_ORIGIN: `http://127.0.0.1:${port}`,
      CORRAL_MAIL_FROM: "live@example.com",
      CORRAL_HOSTS: "ann@example.com=show",
    },
  });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const saved = await operator.ask("/api/streams/show/details", { method: "PUT", headers, body: '{"title":"Show"}' });
  expect(saved.status).toBe(200);
});

afterAll(async () => {
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
  vi.restoreAllMocks();
});

const mailsTo = (address: string): string[] => printed.filter((line) => line.startsWith(`Mail to ${address}:`));

/** Asks for a link, and returns the answer. */
async function ask(browser: CookieBrowser, email: string, name = "Zoe", target = "watch/show"): Promise<BrowserPage> {
  const form = await browser.open(`${edge.url}/sign-in/${target}`);
  expect(form.answer.status).toBe(200);
  return browser.submit(form, { email, name });
}

/** The link of the latest mail to an address, once there are `count`. */
async function linkTo(address: string, count = 1): Promise<URL> {
  await vi.waitUntil(() => mailsTo(address).length >= count, 10_000);
  return new URL(/http:\S+/.exec(mailsTo(address).at(-1) ?? "")?.[0] ?? "");
}

const tokenOf = ({ html }: BrowserPage): string => /data-token="([^"]+)"/.exec(html)?.[1] ?? "";
const settle = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 300));

test("a link signs in the browser that asked for it, under the name that was chosen", async () => {
  const browser = new CookieBrowser();
  const sent = await ask(browser, "Zoe@Example.com", "Zoë 🐎");
  expect([sent.answer.status, tokenOf(sent)]).toEqual([200, ""]);
  const link = await linkTo("zoe@example.com");
  expect(link.href).toMatch(new RegExp(`^${edge.url}/sign-in/link\\?secret=[\\w-]{43}$`));
  const opened = await browser.open(link);
  expect(opened.html).toContain("zoe@example.com");
  const page = await browser.submit(opened);
  expect(page.html).toContain('data-to="/watch/show"');
  const claims = await verifyViewerToken({ secret: edge.secret("viewer"), keySet: null }, "show", tokenOf(page));
  expect(claims).toMatchObject({ name: "Zoë 🐎", roles: [] });
  expect(claims).toMatchObject({ subject: expect.stringMatching(/^corral-account:[\w-]{32}$/) });
  expect(JSON.stringify(claims)).not.toContain("example.com");
  expect(browser.cookie(edge.url, COOKIE)).toBeNull();
  expect(browser.visited.filter((url) => url.includes(tokenOf(page)))).toEqual([]);
});

test("a link is not used up by opening it, and is by signing in", async () => {
  const browser = new CookieBrowser();
  await ask(browser, "once@example.com");
  const link = await linkTo("once@example.com");
  const cookie = browser.cookie(edge.url, COOKIE) ?? "";
  // A program that looks at links has no cookie, and sends no form.
  for (let n = 0; n < 3; n += 1) expect((await new CookieBrowser().open(link)).answer.status).toBe(400);
  for (let n = 0; n < 3; n += 1) expect((await browser.open(link)).answer.status).toBe(200);
  const opened = await browser.open(link);
  expect(tokenOf(await browser.submit(opened))).not.toBe("");
  expect((await browser.submit(opened)).answer.status).toBe(400);
  browser.setCookie(edge.url, COOKIE, cookie);
  const again = await browser.submit(opened);
  expect([again.answer.status, tokenOf(again), again.html.includes("has been used")]).toEqual([400, "", true]);
});

test("a link is of no use in another browser, with a form of another site, or with another secret", async () => {
  const browser = new CookieBrowser();
  await ask(browser, "mine@example.com");
  const link = await linkTo("mine@example.com");
  const opened = await browser.open(link);
  // One that has asked for a link of its own.
  const mal = new CookieBrowser();
  await ask(mal, "mal@example.com");
  await linkTo("mal@example.com");
  const stolen = await mal.submit({ ...opened });
  expect([stolen.answer.status, tokenOf(stolen)]).toEqual([400, ""]);
  expect((await mal.open(link)).answer.status).toBe(400);
  const body = new URLSearchParams({ secret: link.searchParams.get("secret") ?? "" }).toString();
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  for (const origin of ["https://evil.example", "null", `${edge.url}.evil.example`, ""]) {
    const from = origin === "" ? headers : { ...headers, origin };
    const forged = await browser.open(`${edge.url}/sign-in/link`, { method: "POST", headers: from, body });
    expect([forged.answer.status, tokenOf(forged)], origin).toEqual([403, ""]);
  }
  const changed = await browser.submit(opened, { secret: "x".repeat(43) });
  expect(changed.answer.status).toBe(400);
  expect(tokenOf(await browser.submit(opened))).not.toBe("");
});

test("an address gets three mails, and whoever asks cannot tell whether one was sent", async () => {
  const answers = new Set<string>();
  for (let n = 0; n < 6; n += 1) {
    const { answer, html } = await ask(new CookieBrowser(), "flood@example.com");
    answers.add(`${answer.status} ${html}`);
  }
  const { answer, html } = await ask(new CookieBrowser(), "nobody@nowhere.example");
  answers.add(`${answer.status} ${html}`);
  expect(answers.size).toBe(1);
  await linkTo("flood@example.com", 3);
  await settle();
  expect(mailsTo("flood@example.com")).toHaveLength(3);
});

test("one mailbox gets three mails, under however many of its addresses", async () => {
  for (let n = 0; n < 6; n += 1) await ask(new CookieBrowser(), `b.ox+${n}@example.com`);
  await vi.waitUntil(() => printed.filter((line) => line.includes("b.ox+")).length >= 3, 10_000);
  await settle();
  expect(printed.filter((line) => line.includes("b.ox+"))).toHaveLength(3);
});

test("another site's form sends no mail, and neither does one without an address or a name", async () => {
  const url = `${edge.url}/sign-in/watch/show/mail`;
  const send = async (fields: Record<string, string>, origin = edge.url): Promise<number> => {
    const headers = { "content-type": "application/x-www-form-urlencoded", origin };
    return (await fetchEdge(url, { method: "POST", headers, body: new URLSearchParams(fields).toString() })).status;
  };
  expect(await send({ email: "csrf@example.com", name: "Zoe" }, "https://evil.example")).toBe(403);
  for (const email of [
    "",
    "x",
    "a@b",
    "csrf@example.com\r\nBcc: b@example.com",
    "a@example.com,b@example.com",
    "\u212aim@example.com",
  ]) {
    expect(await send({ email, name: "Zoe" }), email).toBe(400);
  }
  const hostile = await ask(new CookieBrowser(), "csrf@example.com", `"><script>alert(1)</script>Moderator`);
  expect([hostile.answer.status, hostile.html.includes("<script>alert")]).toEqual([400, false]);
  expect(hostile.html).toContain('value="csrf@example.com"');
  for (const name of ["", "Moderator", "x".repeat(65)])
    expect(await send({ email: "csrf@example.com", name }), name).toBe(400);
  expect(await send({ email: "csrf@example.com", name: "x".repeat(5_000) })).toBe(400);
  expect((await fetchEdge(url)).status).toBe(405);
  expect(
    (await fetchEdge(`${edge.url}/sign-in/watch/never-here/mail`, { method: "POST", headers: { origin: edge.url } }))
      .status,
  ).toBe(404);
  await settle();
  expect(printed.filter((line) => line.includes("csrf@example.com"))).toEqual([]);
});

test("who can read the mail of a listed address is a host of its streams", async () => {
  const browser = new CookieBrowser();
  await ask(browser, "ann@example.com", "Ann", "studio/show");
  const page = await browser.submit(await browser.open(await linkTo("ann@example.com")));
  expect(page.html).toContain('data-to="/studio/show"');
  expect(decodeJwt(tokenOf(page))).toMatchObject({ roles: ["host"], name: "Ann" });
  // By mail nobody is sent to a provider that does not exist.
  expect((await fetchEdge(`${edge.url}/sign-in/watch/show/provider`)).status).toBe(404);
});
