/** The pages of the sign-in: choices, what people are told, and the page that hands a token over. */
import { ACCESS_LIMITS } from "../../core/access/access-policy.ts";
import {
  SIGN_IN_LINK_PATH,
  type SignInTarget,
  signInPath,
  signInStepPath,
  targetPath,
} from "../../core/access/sign-in-path.ts";
import type { SignInConfig } from "../../core/api/sign-in-config.ts";
import { BRAND } from "../../core/kit/brand.ts";
import { escapeHtml } from "../../core/kit/escape-html.ts";
import type { Env } from "../env.ts";
import { fetchAsset, fillPage } from "../kit/page-assets.ts";
import { addPageHeaders } from "../kit/security-headers.ts";
import type { AccountTokenAnswer } from "./account-token.ts";

/** Why nobody was signed in. */
export type SignInFailure =
  | "banned"
  | "cancelled"
  | "foreign"
  | "link-used"
  | "not-for-accounts"
  | "other-browser"
  | "provider"
  | "refused"
  | "too-many"
  | "unknown-stream";

/** When another try may succeed. */
const RETRY_S = "60";

/** What each failure is answered with: the status, and sentences for people. */
const FAILURES: Readonly<Record<SignInFailure, readonly [status: number, title: string, text: string]>> = {
  banned: [403, "You can’t sign in here", "This account is banned from this stream. You can watch without signing in."],
  cancelled: [400, "You were not signed in", "The sign-in was cancelled."],
  foreign: [403, "You were not signed in", "The request came from another site."],
  "link-used": [400, "This link has been used", "A link signs in once, within 15 minutes. Ask for another one."],
  "not-for-accounts": [403, "This stream is not open to accounts", "It opens with a link of its host."],
  "other-browser": [
    400,
    "This sign-in has ended",
    "It took too long, or was begun in another browser. A link from a mail works in the browser in which you asked for it.",
  ],
  provider: [503, "You were not signed in", "The sign-in service does not answer. Try again in a minute."],
  refused: [400, "You were not signed in", "The sign-in service gave an answer that can’t be trusted."],
  "too-many": [429, "Too many sign-ins", "Many people have just signed in from your network. Try again in a minute."],
  "unknown-stream": [404, "No such stream", "There is no stream of this name."],
};

/** The page about a failure; without a target it leads nowhere but to the start page. */
export function renderFailure(env: Env, failure: SignInFailure, target: SignInTarget | null): Promise<Response> {
  const [status, title, text] = FAILURES[failure];
  const links =
    target === null
      ? [link("/", "Find a stream", "button")]
      : [link(signInPath(target), "Sign in again", "button"), backLink(target)];
  return renderPage(env, { status, title, html: `<p class="lead">${text}</p>${links.join("")}` });
}

/** A form that was not taken: why, and what was entered. */
export interface RefusedForm {
  readonly problem: string;
  readonly email: string;
  readonly name: string;
}

/** The ways of signing in. */
export function renderChoice(
  env: Env,
  { oidc }: SignInConfig,
  target: SignInTarget,
  refused: RefusedForm | null = null,
): Promise<Response> {
  const { problem, email, name } = refused ?? { problem: "", email: "", name: "" };
  const provider = oidc === null ? "" : new URL(oidc.issuer).host;
  const providerLink =
    provider === "" ? "" : link(signInStepPath(target, "provider"), `Sign in with ${escapeHtml(provider)}`, "button");
  const html = `${providerLink}
<form method="post" action="${signInStepPath(target, "mail")}">
<p class="lead">${provider === "" ? "Get" : "Or get"} a link that signs you in by mail.</p>
${problem === "" ? "" : `<p class="hint" role="alert">${problem}</p>`}
<label>E-mail address <input type="email" name="email" value="${escapeHtml(email)}" autocomplete="email" maxlength="254" required /></label>
<label>Name in the chat <input type="text" name="name" value="${escapeHtml(name)}" autocomplete="nickname" maxlength="${ACCESS_LIMITS.nameChars}" required /></label>
<button type="submit">Send a link</button>
</form>
${backLink(target)}`;
  return renderPage(env, { status: refused === null ? 200 : 400, title: "Sign in", html });
}

/** The answer to everybody who has asked for a link. */
export function renderLinkSent(env: Env, target: SignInTarget, cookie: string | null): Promise<Response> {
  const html = `<p class="lead">A link is on its way, if the address can get one now. It works for 15 minutes, in this browser.</p>
<p>Nothing came? Look for it among unwanted mail, and ask for another one later.</p>${backLink(target)}`;
  return renderPage(env, { status: 200, title: "Look at your mail", html, cookie });
}

/** A link that was opened: its button signs in. */
export function renderLinkConfirmation(
  env: Env,
  target: SignInTarget,
  { secret, email }: { readonly secret: string; readonly email: string },
): Promise<Response> {
  const html = `<p class="lead">You will be signed in as ${escapeHtml(email)}.</p>
<form method="post" action="${SIGN_IN_LINK_PATH}">
<input type="hidden" name="secret" value="${escapeHtml(secret)}" />
<button type="submit">Sign in</button>
</form>
${backLink(target)}`;
  return renderPage(env, { status: 200, title: "Sign in", html });
}

/** What a person gets who has signed in: a token for the tab, or why there is none. */
export function renderIssued(env: Env, target: SignInTarget, issued: AccountTokenAnswer): Promise<Response> {
  if (!("token" in issued)) return renderFailure(env, issued.refusal, target);
  const data = { stream: target.stream, token: issued.token, to: targetPath(target) };
  const attributes = Object.entries(data).map(([name, value]) => ` data-${name}="${escapeHtml(value)}"`);
  const html = `<p class="lead" id="account"${attributes.join("")}>One moment…</p><noscript><p>This page needs JavaScript.</p></noscript>`;
  return renderPage(env, { status: 200, title: "You are signed in", html });
}

/** Sends a person on, with a cookie if there is one. */
export function redirectTo(location: string, cookie: string | null = null): Response {
  const headers = new Headers({ location, "cache-control": "no-store", "referrer-policy": "no-referrer" });
  if (cookie !== null) headers.set("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}

const link = (address: string, label: string, kind = "plain"): string =>
  `<p><a class="${kind}" href="${address}">${label}</a></p>`;

const backLink = (target: SignInTarget): string => link(targetPath(target), "Back to the stream");

interface PageContent {
  readonly status: number;
  readonly title: string;
  readonly html: string;
  readonly cookie?: string | null;
}

async function renderPage(env: Env, { status, title, html, cookie = null }: PageContent): Promise<Response> {
  const rewriter = new HTMLRewriter()
    .on("title", { element: (element) => void element.setInnerContent(`${title} · ${BRAND.name}`) })
    .on("#sign-in", { element: (main) => void main.setInnerContent(`<h1>${title}</h1>${html}`, { html: true }) });
  const { response, inlineScript } = await fillPage(await fetchAsset(env, "/sign-in"), rewriter);
  const page = new Response(response.body, { status, headers: response.headers });
  page.headers.set("cache-control", "no-store");
  if (status === 429 || status === 503) page.headers.set("retry-after", RETRY_S);
  if (cookie !== null) page.headers.set("set-cookie", cookie);
  return addPageHeaders(page, "page", { inlineScript });
}
