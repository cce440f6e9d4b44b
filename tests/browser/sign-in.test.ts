/** Signing in from the watch page and the studio in a browser, with a real OpenID provider. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { type OpenIdProvider, startOpenIdProvider, TEST_CLIENT } from "../support/openid-provider.ts";
import { freePort } from "../support/ports.ts";
import { messageRows, openWatchPage, waitForMessage, writeMessage } from "../support/room-pages.ts";

let dataDir: string;
let edge: LocalEdge;
let provider: OpenIdProvider;
let browser: Browser;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-sign-in-page-"));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  provider = await startOpenIdProvider([`${origin}/sign-in/callback`], {
    ann: { name: "Ann Bell" },
    kim: { name: "Kim" },
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
      CORRAL_HOSTS: "kim=*",
      // As deployed: no page gets a token by itself.
      CORRAL_DEV_TOKENS: "",
    },
  });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  await fetch(`${edge.url}/api/streams/show/details`, { method: "PUT", headers, body: '{"title":"Show"}' });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await provider?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Follows a page's "Sign in" to the provider, and comes back. */
async function signIn(page: Page, who: string): Promise<void> {
  const { pathname } = new URL(page.url());
  await page.getByRole("link", { name: "Sign in", exact: true }).first().click();
  await page.locator('input[name="login"]').fill(who);
  await page.locator('input[name="password"]').fill("x");
  await page.locator('button[type="submit"]').click();
  await page.locator('input[name="prompt"][value="consent"]').waitFor({ state: "attached" });
  await page.locator('button[type="submit"]').click();
  await page.waitForURL(`${edge.url}${pathname}`);
}

test("a viewer signs in from the chat, writes under the provider's name, and signs out again", async () => {
  const page = await openWatchPage(browser, `${edge.url}/watch/show`);
  await page.locator("#chat .composer-join").waitFor();
  await signIn(page, "ann");
  await page.locator("#chat textarea").waitFor();
  expect(page.url()).toBe(`${edge.url}/watch/show`);
  await writeMessage(page, "signed in");
  await waitForMessage(page, "signed in");
  expect(await messageRows(page, "signed in").locator(".chat-name").textContent()).toBe("Ann Bell");
  // The way back leads to no page that has the token.
  await page.goBack();
  expect(await page.content()).not.toContain("data-token");
  await page.goto(`${edge.url}/watch/show`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.locator("#chat .composer-join").waitFor();
  await page.context().close();
});

test("a host signs in to the studio, and sees the stream's keys", async () => {
  const page = await openWatchPage(browser, `${edge.url}/studio/show?tab=golive`);
  await signIn(page, "kim");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await page.locator("#panel-golive").getByRole("button", { name: /key/i }).first().waitFor();
  await page.context().close();
});
