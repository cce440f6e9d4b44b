/**
 * Signing in by a mailed link. It is of use once, for a quarter of an hour, in the browser that asked for it. Opening it shows a
 * button: programs that look at the links of mails use none up.
 */
import { base64url } from "jose";
import { ACCESS_LIMITS } from "../../core/access/access-policy.ts";
import { mailboxOf, parseEmailAddress } from "../../core/access/email-address.ts";
import type { MailLinkRequest } from "../../core/access/mail-link-limits.ts";
import { siteOfNetwork } from "../../core/access/network.ts";
import { SIGN_IN_LINK_PATH, type SignInTarget } from "../../core/access/sign-in-path.ts";
import type { MailConfig, SignInConfig } from "../../core/api/sign-in-config.ts";
import { BRAND } from "../../core/kit/brand.ts";
import { encodeCompositeKey } from "../../core/kit/composite-key.ts";
import { parseChosenName } from "../../core/moderation/chosen-name.ts";
import { sha256Hex } from "../access/bearer-token.ts";
import { computeMac, getEdgeKey } from "../access/edge-secrets.ts";
import { readRequestNetwork } from "../access/request-networks.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { readBody } from "../kit/body-reader.ts";
import { issueAccountToken, type SignedInPerson } from "./account-token.ts";
import { findMailer, type Mailer } from "./mailer.ts";
import { createSignInCookie, endSignInCookie, type PendingMailSignIn, readSignInCookie } from "./sign-in-cookie.ts";
import { renderChoice, renderFailure, renderIssued, renderLinkConfirmation, renderLinkSent } from "./sign-in-pages.ts";

/** Bytes of a link's secret. */
const LINK_SECRET_BYTES = 32;
/** Bytes of a form: the longest address and name, escaped. */
const MAX_FORM_BYTES = 2_048;
/** The one object of mailed links. */
const MAIL_LINKS_NAME = "all";

/** What a deployment sends mails with. */
interface MailOffer {
  readonly mail: MailConfig;
  readonly mailer: Mailer;
}

/** What people may sign in by mail with; null where they may not. */
export function findMailOffer(scope: RequestScope, { mail }: SignInConfig): MailOffer | null {
  const mailer = mail === null ? null : findMailer(scope, mail);
  return mail === null || mailer === null ? null : { mail, mailer };
}

/** Mails a link to the address of a form. The answer is the same whether one is sent or not. */
export async function sendMailLink(
  scope: RequestScope,
  signIn: SignInConfig,
  offer: MailOffer,
  target: SignInTarget,
): Promise<Response> {
  const { env, config, ctx, platform } = scope;
  const form = await readForm(scope);
  const entered = { email: form.get("email") ?? "", name: form.get("name") ?? "" };
  const email = parseEmailAddress(entered.email);
  const name = parseChosenName(entered.name, ACCESS_LIMITS.nameChars);
  if (email === null || name === null) {
    const problem = email === null ? "Enter your e-mail address." : "This name isn’t available. Choose another one.";
    return renderChoice(env, signIn, target, { problem, ...entered });
  }
  const secret = base64url.encode(crypto.getRandomValues(new Uint8Array(LINK_SECRET_BYTES)));
  const pending: PendingMailSignIn = { kind: "mail", ...target, email, name, linkHash: await sha256Hex(secret) };
  const cookie = await createSignInCookie(config, signIn, pending, platform.clock.nowMs());
  // After the answer: how long it takes would tell how it ends.
  ctx.waitUntil(
    mailLink(scope, offer, pending, `${signIn.origin}${SIGN_IN_LINK_PATH}?secret=${secret}`).catch(reportUnsentMail),
  );
  return renderLinkSent(env, target, cookie);
}

async function mailLink(
  scope: RequestScope,
  { mail, mailer }: MailOffer,
  pending: PendingMailSignIn,
  link: string,
): Promise<void> {
  const request = await describeRequest(scope, pending);
  if (!(await scope.env.MAIL_LINKS.getByName(MAIL_LINKS_NAME).admit(request, mail.mailsPerHour))) return;
  await mailer.send({
    to: pending.email,
    subject: `Sign in to ${BRAND.name}`,
    text: [
      `Open this link in the browser in which you asked for it, within 15 minutes. It signs you in for ${pending.stream}:`,
      "",
      link,
      "",
      "If you did not ask for it, do nothing, and pass it on to nobody.",
      "",
    ].join("\n"),
  });
}

/** Only the code: the message may have the address. */
function reportUnsentMail(error: unknown): void {
  const { code } = error as { readonly code?: unknown };
  console.error(`sign-in: a mail was not sent: ${typeof code === "string" ? code : "unknown reason"}`);
}

/** What is stored of a request: no address and no network, but codes of them. */
async function describeRequest(
  { config, request }: RequestScope,
  pending: PendingMailSignIn,
): Promise<MailLinkRequest> {
  const key = await getEdgeKey(config, "account");
  if (key === null) throw new RangeError("a sign-in needs the secret that names its accounts");
  const network = readRequestNetwork(request);
  const site = network === null ? null : (siteOfNetwork(network) ?? network);
  const codeOf = async (kind: string, text: string): Promise<string> =>
    base64url.encode(await computeMac(key, encodeCompositeKey(kind, text)));
  return {
    hash: pending.linkHash,
    address: await codeOf("mail-address", mailboxOf(pending.email)),
    network: site === null ? null : await codeOf("mail-network", site),
  };
}

/** A link that was opened: nothing is used up. */
export async function showMailLink(scope: RequestScope, signIn: SignInConfig): Promise<Response> {
  const secret = new URL(scope.request.url).searchParams.get("secret") ?? "";
  const pending = await findPendingSignIn(scope, signIn, secret);
  return pending === null
    ? renderFailure(scope.env, "other-browser", null)
    : renderLinkConfirmation(scope.env, pending, { secret, email: pending.email });
}

/** The button of an opened link: the page that it is for, with a token. */
export async function finishMailSignIn(scope: RequestScope, signIn: SignInConfig): Promise<Response> {
  const { env } = scope;
  const secret = (await readForm(scope)).get("secret") ?? "";
  const pending = await findPendingSignIn(scope, signIn, secret);
  if (pending === null) return renderFailure(env, "other-browser", null);
  // Before the link is used up: the stream's object may not answer, and the person tries again.
  const issued = await issueAccountToken(scope, signIn, pending.stream, describePerson(pending));
  const isFirst = await env.MAIL_LINKS.getByName(MAIL_LINKS_NAME).redeem(pending.linkHash);
  const page = await (isFirst ? renderIssued(env, pending, issued) : renderFailure(env, "link-used", pending));
  page.headers.set("set-cookie", endSignInCookie(signIn));
  return page;
}

const describePerson = ({ email, name }: PendingMailSignIn): SignedInPerson => ({
  account: ["mail", email],
  // Anybody has an address.
  reach: "public",
  name,
  proven: { email, providerSubject: null },
});

/** The sign-in of this browser, if the link is its own. */
async function findPendingSignIn(
  scope: RequestScope,
  signIn: SignInConfig,
  secret: string,
): Promise<PendingMailSignIn | null> {
  const { config, request, platform } = scope;
  const pending = await readSignInCookie(config, signIn, request, { kind: "mail", nowMs: platform.clock.nowMs() });
  return pending !== null && signIn.mail !== null && (await sha256Hex(secret)) === pending.linkHash ? pending : null;
}

/** The fields of a form; none where it is no form, or too long. */
async function readForm({ request, platform }: RequestScope): Promise<URLSearchParams> {
  const bytes = await readBody(platform.clock, request, MAX_FORM_BYTES).catch(() => "aborted" as const);
  return new URLSearchParams(typeof bytes === "string" ? "" : new TextDecoder().decode(bytes));
}
