import { expect, test } from "vitest";
import { testBindings, testConfig } from "../testing.ts";
import { findMailer } from "./mailer.ts";

const mail = { to: "ann@example.com", subject: "Sign in", text: "A link" };
const from = (address: string) => ({ from: address, mailsPerHour: 1 });

test("the platform's binding takes a mail of the sender that it is bound to, and of no other", async () => {
  const scope = { env: testBindings, config: testConfig };
  await expect(findMailer(scope, from("live@example.com"))?.send(mail)).resolves.toBeUndefined();
  await expect(findMailer(scope, from("other@example.com"))?.send(mail)).rejects.toThrow(/other@example.com/);
});

test("without the binding a local run has its terminal, and a deployment sends nothing", () => {
  const { EMAIL: _, ...env } = testBindings;
  expect(findMailer({ env, config: testConfig }, from("live@example.com"))).not.toBeNull();
  const deployed = { ...testConfig, devTokens: null };
  expect(findMailer({ env, config: deployed }, from("live@example.com"))).toBeNull();
});
