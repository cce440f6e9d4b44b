/**
 * The cookie of a sign-in under way: it binds the provider's answer, or the mailed link, to the browser that asked, and to the
 * page that it asked for. Only the edge can read and make it. Its prefix keeps other hosts of the domain from setting it
 * (RFC 6265bis, 4.1.3.2).
 */
import { parse, serialize } from "hono/utils/cookie";
import { MAIL_LINK_LIMITS } from "../../core/access/mail-link-limits.ts";
import type { SignInTarget } from "../../core/access/sign-in-path.ts";
import type { SignInConfig } from "../../core/api/sign-in-config.ts";
import { type EdgeSecret, getEdgeKey } from "../access/edge-secrets.ts";
import { openSealedJson, sealJson } from "../access/sealed-json.ts";
import type { PendingAuthorization } from "./oidc-client.ts";

/** What the edge keeps of a request to a provider until the answer comes. */
export interface PendingProviderSignIn extends SignInTarget, PendingAuthorization {
  readonly kind: "provider";
}

/** What the edge keeps of a mail until its link is opened. */
export interface PendingMailSignIn extends SignInTarget {
  readonly kind: "mail";
  /** The address, as `parseEmailAddress` writes it. */
  readonly email: string;
  /** The name that the person has chosen. */
  readonly name: string;
  /** SHA-256 of the link's secret. */
  readonly linkHash: string;
}

type PendingSignIn = PendingProviderSignIn | PendingMailSignIn;

/** How long a sign-in may take: a password and a second factor that is looked for; a mail on its way. */
const LIFETIMES_MS: Readonly<Record<PendingSignIn["kind"], number>> = {
  provider: 600_000,
  mail: MAIL_LINK_LIMITS.lifetimeMs,
};
/** By the edge's scheme: over plain HTTP, as on this machine, browsers refuse the prefix. */
const COOKIE_NAMES = { secure: "__Host-corral-sign-in", plain: "corral-sign-in" } as const;

interface SealedSignIn {
  readonly pending: PendingSignIn;
  readonly untilMs: number;
}

/** The value of `Set-Cookie` that keeps a sign-in; null without a secret in the deployment. */
export async function createSignInCookie(
  edge: EdgeSecret,
  signIn: SignInConfig,
  pending: PendingSignIn,
  nowMs: number,
): Promise<string | null> {
  const key = await getEdgeKey(edge, "sign-in");
  if (key === null) return null;
  const lifetimeMs = LIFETIMES_MS[pending.kind];
  const sealed: SealedSignIn = { pending, untilMs: nowMs + lifetimeMs };
  return formatCookie(signIn, await sealJson(key, sealed), lifetimeMs / 1_000);
}

/** The sign-in of this kind of the browser that sent a request, if one is under way at `nowMs`. */
export async function readSignInCookie<Kind extends PendingSignIn["kind"]>(
  edge: EdgeSecret,
  signIn: SignInConfig,
  request: Request,
  { kind, nowMs }: { readonly kind: Kind; readonly nowMs: number },
): Promise<Extract<PendingSignIn, { kind: Kind }> | null> {
  const name = COOKIE_NAMES[isSecure(signIn) ? "secure" : "plain"];
  const text = parse(request.headers.get("cookie") ?? "", name)[name];
  const key = await getEdgeKey(edge, "sign-in");
  if (text === undefined || key === null) return null;
  const sealed = (await openSealedJson(key, text)) as SealedSignIn | null;
  if (sealed === null || nowMs >= sealed.untilMs || sealed.pending.kind !== kind) return null;
  return sealed.pending as Extract<PendingSignIn, { kind: Kind }>;
}

/** The value of `Set-Cookie` that ends a sign-in. */
export const endSignInCookie = (signIn: SignInConfig): string => formatCookie(signIn, "", 0);

function formatCookie(signIn: SignInConfig, value: string, maxAge: number): string {
  const common = { path: "/", httpOnly: true, sameSite: "Lax", maxAge } as const;
  return isSecure(signIn)
    ? serialize(COOKIE_NAMES.secure, value, { ...common, secure: true })
    : serialize(COOKIE_NAMES.plain, value, common);
}

const isSecure = ({ origin }: SignInConfig): boolean => origin.startsWith("https:");
