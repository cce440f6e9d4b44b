import { createExecutionContext } from "cloudflare:test";
import { expect, test } from "vitest";
import type { SignInConfig } from "../../core/api/sign-in-config.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { sha256Hex } from "../access/bearer-token.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { testBindings, testConfig } from "../testing.ts";
import { finishMailSignIn } from "./mail-sign-in.ts";
import { createSignInCookie } from "./sign-in-cookie.ts";

const SIGN_IN: SignInConfig = {
  origin: "http://edge.test",
  oidc: null,
  mail: { from: "live@example.com", mailsPerHour: 1_000 },
  hosts: new Map([["ann@example.com", "*"]]),
};

test("a link is not used up while the stream's object does not answer", async () => {
  const secret = crypto.randomUUID();
  const linkHash = await sha256Hex(secret);
  const target = { page: "studio", stream: "mail-sign-in-test" as StreamName } as const;
  const pending = { kind: "mail", ...target, email: "ann@example.com", name: "Ann", linkHash } as const;
  await testBindings.MAIL_LINKS.getByName("all").admit({ hash: linkHash, address: secret, network: null }, 1_000);
  const cookie = (await createSignInCookie(testConfig, SIGN_IN, pending, Date.now()))?.split(";", 1)[0] ?? "";
  const scope = (env: typeof testBindings): RequestScope => ({
    env,
    config: testConfig,
    platform: systemPlatform,
    ctx: createExecutionContext(),
    request: new Request("http://edge.test/sign-in/link", {
      method: "POST",
      headers: { cookie },
      body: new URLSearchParams({ secret }),
    }),
  });
  const unreachable = { getByName: () => ({ access: () => Promise.reject(new Error("unreachable")) }) };
  const broken = { ...testBindings, LIVE: unreachable as unknown as typeof testBindings.LIVE };
  await expect(finishMailSignIn(scope(broken), SIGN_IN)).rejects.toThrow("unreachable");
  expect(await (await finishMailSignIn(scope(testBindings), SIGN_IN)).text()).toContain("data-token=");
  const again = await finishMailSignIn(scope(testBindings), SIGN_IN);
  expect([again.status, (await again.text()).includes("data-token=")]).toEqual([400, false]);
});
