/** The variables of the edge's own sign-in. */
import type * as z from "zod/mini";
import type { AccountReach } from "../access/account.ts";
import type { StreamHosts } from "../access/stream-hosts.ts";
import { parseHosts, parseIssuer, parseMailAddress, parseOrigin, parseReach, parseScopes } from "./config-values.ts";
import { integerVariable, textVariable, variable } from "./config-variables.ts";

/** An OpenID provider that people sign in with. */
export interface OidcConfig {
  /** Its issuer identifier, as its metadata has it. */
  readonly issuer: string;
  readonly clientId: string;
  /** Null: a public client. */
  readonly clientSecret: string | null;
  /** `openid` and others, with spaces between them. */
  readonly scopes: string;
  /** The claim with the name that is shown. */
  readonly nameClaim: string;
  /** The streams that its accounts open. */
  readonly reach: AccountReach;
}

/** Links by mail, with which people sign in. */
export interface MailConfig {
  /** Their sender. */
  readonly from: string;
  readonly mailsPerHour: number;
}

/** The edge's own sign-in: by a provider, by mail, or both. */
export interface SignInConfig {
  /** The edge's origin as people open it: of its links in mails and at the provider, whatever `Host` a request names. */
  readonly origin: string;
  readonly oidc: OidcConfig | null;
  readonly mail: MailConfig | null;
  /** Who is a host by signing in. */
  readonly hosts: StreamHosts;
}

/** The values of the variables. */
interface SignInValues {
  readonly CORRAL_SIGN_IN_ORIGIN: string | null;
  readonly CORRAL_OIDC_ISSUER: string | null;
  readonly CORRAL_OIDC_CLIENT_ID: string | null;
  readonly CORRAL_OIDC_CLIENT_SECRET: string | null;
  readonly CORRAL_OIDC_SCOPES: string;
  readonly CORRAL_OIDC_NAME_CLAIM: string;
  readonly CORRAL_OIDC_OPENS: AccountReach;
  readonly CORRAL_MAIL_FROM: string | null;
  readonly CORRAL_MAILS_PER_HOUR: number;
  readonly CORRAL_HOSTS: StreamHosts;
}

/** An upper bound: no sign-in by mail is that busy. */
const MAX_MAILS_PER_HOUR = 10_000;
const DEFAULT_MAILS_PER_HOUR = 100;

const DEFAULTS = { scopes: "openid profile email", nameClaim: "name", reach: "public" } as const;

/** The variables' schemas. */
export const SIGN_IN_VARIABLES: { readonly [Name in keyof SignInValues]: z.ZodMiniType<SignInValues[Name]> } = {
  CORRAL_SIGN_IN_ORIGIN: textVariable<string | null>(
    "Origin of the edge as people open it, like `https://live.example.com`. Without it, and without CORRAL_VIEWER_SECRET, the edge has no sign-in of its own.",
    null,
    parseOrigin,
  ),
  CORRAL_OIDC_ISSUER: textVariable<string | null>(
    "Issuer of the OpenID provider that people sign in with, like `https://accounts.example.com`. Its redirect URI is CORRAL_SIGN_IN_ORIGIN with `/sign-in/callback`.",
    null,
    parseIssuer,
  ),
  CORRAL_OIDC_CLIENT_ID: textVariable<string | null>("The edge's client id at the provider.", null, (id) => id),
  CORRAL_OIDC_CLIENT_SECRET: variable<string | null>(
    { isSecret: true, byDefault: "", meaning: "The client's secret. Without it the edge is a public client." },
    null,
    (value) => value,
  ),
  CORRAL_OIDC_SCOPES: variable<string>(
    { isSecret: false, byDefault: DEFAULTS.scopes, meaning: "Scopes that the edge asks for, `openid` among them." },
    DEFAULTS.scopes,
    parseScopes,
  ),
  CORRAL_OIDC_NAME_CLAIM: variable<string>(
    { isSecret: false, byDefault: DEFAULTS.nameClaim, meaning: "The claim with the name under which people chat." },
    DEFAULTS.nameClaim,
    (claim) => claim,
  ),
  CORRAL_OIDC_OPENS: variable<AccountReach>(
    {
      isSecret: false,
      byDefault: DEFAULTS.reach,
      meaning:
        "`public`: the provider's accounts open public streams only. `token`: also streams with the playback policy `token`, for a provider that knows only people who may watch them.",
    },
    DEFAULTS.reach,
    parseReach,
  ),
  CORRAL_MAIL_FROM: textVariable<string | null>(
    "Sender of mails with a link that signs in, like `live@example.com`. It needs the binding `EMAIL`; a local run prints the links.",
    null,
    parseMailAddress,
  ),
  CORRAL_MAILS_PER_HOUR: integerVariable(
    "Mails that the deployment sends in an hour at most.",
    [1, MAX_MAILS_PER_HOUR],
    DEFAULT_MAILS_PER_HOUR,
  ),
  CORRAL_HOSTS: textVariable<StreamHosts>(
    "Who is a host by signing in: `ann@example.com=show,talk 4711=*`, an e-mail address that the provider has verified or a mail has reached, or a subject of the provider, and streams. `*`: every stream.",
    new Map(),
    parseHosts,
  ),
};

/** The sign-in of these values; null without one. `viewerSecret` signs its tokens. */
export function parseSignIn(set: SignInValues, viewerSecret: string | null): SignInConfig | null {
  const { CORRAL_SIGN_IN_ORIGIN: origin, CORRAL_HOSTS: hosts } = set;
  const oidc = parseProvider(set);
  const from = set.CORRAL_MAIL_FROM;
  const mail = from === null ? null : { from, mailsPerHour: set.CORRAL_MAILS_PER_HOUR };
  return origin === null || viewerSecret === null || (oidc ?? mail) === null ? null : { origin, oidc, mail, hosts };
}

function parseProvider(set: SignInValues): OidcConfig | null {
  const { CORRAL_OIDC_ISSUER: issuer, CORRAL_OIDC_CLIENT_ID: clientId } = set;
  if (issuer === null || clientId === null) return null;
  return {
    issuer,
    clientId,
    clientSecret: set.CORRAL_OIDC_CLIENT_SECRET,
    scopes: set.CORRAL_OIDC_SCOPES,
    nameClaim: set.CORRAL_OIDC_NAME_CLAIM,
    reach: set.CORRAL_OIDC_OPENS,
  };
}
